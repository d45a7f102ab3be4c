"""One UNet iteration on a GPU: the OpenCL variants against PyTorch eager, every ratio from one run.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_gpu.py [--subject sd14|tiny] [--size 64] [--repeat 20] [--device N] [--json FILE]

The subject is Stable Diffusion 1.4's architecture (859 M random weights, 512x512 pixels) or a tiny one, batch 2. It needs
torch, diffusers, transformers, pyopencl, numpy, psutil, platformdirs and safetensors, and nothing else of this project's.
Variants run in turns, ``--repeat`` times: inputs go to the device, the network runs, the prediction comes back. PyTorch runs
with its own defaults: scaled_dot_product_attention, and convolutions that may use TF32 in fp32. Errors are the largest
difference from float64 over the largest value. ``enqueue`` is what the host takes to hand a network's kernels over.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from opencl_kernels import subject

from backends.opencl import devices, runtime
from backends.opencl.capture import capture
from backends.opencl.cores import tensor
from backends.opencl.graph import Graph
from backends.opencl.networks import UNetCalling
from backends.opencl.passes import SWITCHES, optimized
from backends.opencl.programs import source_of

VARIANTS = ("opencl:fp32", "opencl:fp32-all", "opencl:fp16", "opencl:fp16-all")
GOALS = {
    ("opencl:fp32", "opencl:fp32-all"): 1 - 0.522,
    ("opencl:fp16", "opencl:fp16-all"): 1 - 0.522,
    ("opencl:fp32", "pytorch:fp32"): 1.3,
    ("opencl:fp16", "pytorch:fp16"): 1.5,
}
"""The ratios that are asked for, each at most so much: those of all switches on against none are the paper's best."""
Run = Callable[[], torch.Tensor]


def main() -> None:
    options = _options()
    described, device = devices.find(options.device)
    engine = runtime.Engine(device)
    if options.tensor_core:
        engine.core = tensor.core(device)
    unet, inputs = tiny() if options.subject == "tiny" else subject(options.subject, options.size)
    place = "cuda" if torch.cuda.is_available() else "cpu"
    wanted = reference(unet, inputs, place)
    graph = timed("capture", lambda: capture(UNetCalling(unet), inputs))
    networks = {name: timed(name, lambda name=name: network(engine, graph, name)) for name in VARIANTS}
    runs = {name: _opencl(network, inputs) for name, network in networks.items()}
    runs |= {f"pytorch:{name}": _torch(unet, inputs, place, name) for name in ("fp32", "fp16")}
    results: dict[str, dict[str, Any]] = {}
    for name, run in runs.items():
        found = run()
        error = float((found.double() - wanted).abs().max() / wanted.abs().max())
        results[name] = {"relative_error": error, "finite": bool(found.isfinite().all())}
    samples = interleaved(runs, options.repeat)
    for name, times in samples.items():
        results[name] |= {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}
    for name, item in networks.items():
        results[name] |= described_network(engine, item)
    record = {
        "subject": options.subject,
        "inputs": {name: list(tensor.shape) for name, tensor in inputs.items()},
        "device": {"name": described.name, **described.properties},
        "pytorch": {
            "version": torch.__version__,
            "device": place,
            "convolutions_tf32": torch.backends.cudnn.allow_tf32,
        },
        "repeat": options.repeat,
        "results": results,
        "ratios": ratios(results),
    }
    report(record)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def tiny() -> tuple[Any, dict[str, torch.Tensor]]:
    """A UNet of two levels, and inputs of batch 2."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
    )
    unet.eval().requires_grad_(False)
    inputs = {"sample": torch.randn(2, 4, 8, 8), "timestep": torch.tensor([481.0])}
    return unet, inputs | {"encoder_hidden_states": torch.randn(2, 77, 32)}


def reference(unet: Any, inputs: dict[str, torch.Tensor], place: str) -> torch.Tensor:
    """In float64, on the CPU."""
    model = copy.deepcopy(unet).to(place, torch.float64)
    with torch.no_grad():
        return UNetCalling(model)(*(tensor.to(place, torch.float64) for tensor in inputs.values())).cpu()


def network(engine: runtime.Engine, graph: Graph, variant: str) -> runtime.Network:
    """The network of a variant of ``VARIANTS``."""
    on, precision = not variant.endswith("-all"), variant[7:11]
    switches: dict[str, bool] = dict.fromkeys(SWITCHES, on)
    core = engine.core
    changed = optimized(graph, switches, precision, core.attends, core.winograd_tile)
    return runtime.Network(engine, changed, reuse=on)


def _opencl(item: runtime.Network, inputs: dict[str, torch.Tensor]) -> Run:
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    return lambda: torch.from_numpy(item(arrays)[0])


def _torch(unet: Any, inputs: dict[str, torch.Tensor], place: str, precision: str) -> Run:
    dtype = {"fp32": torch.float32, "fp16": torch.float16}[precision]
    model = UNetCalling(copy.deepcopy(unet).to(place, dtype))

    @torch.no_grad()
    def run() -> torch.Tensor:
        return model(*(tensor.to(place, dtype) for tensor in inputs.values())).float().cpu()

    return run


def interleaved(runs: dict[str, Run], repeat: int) -> dict[str, list[float]]:
    """Milliseconds of every run, in turns; two turns more go before, to warm up."""
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(-2, repeat):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if turn >= 0:
                samples[name].append((time.perf_counter() - began) * 1e3)
    return samples


def described_network(engine: runtime.Engine, item: runtime.Network) -> dict[str, Any]:
    """Its kernels, its memory, the host's time to hand it over, and the device's time in all its kernels."""
    engine.synchronize()
    began = time.perf_counter()
    item.enqueue()
    enqueue = time.perf_counter() - began
    engine.synchronize()
    with engine.profiled() as times:
        item.enqueue()
    return {
        "kernels": len(item.launches),
        "programs": len({source_of(launch) for launch in item.launches}),
        "arena_mb": item.tensors_bytes / 1e6,
        "separate_mb": item.plan.separate / 1e6,
        "weights_mb": item.weights_bytes / 1e6,
        "enqueue_ms": enqueue * 1e3,
        "kernels_ms": sum(time.end_ns - time.start_ns for time in times) / 1e6,
    }


def ratios(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {f"{a} / {b}": results[a]["median_ms"] / results[b]["median_ms"] for a, b in GOALS}


def report(record: dict[str, Any]) -> None:
    """The table, as Markdown."""
    print(f"{record['device']['name']}, driver {record['device']['driver']}; PyTorch {record['pytorch']}")
    print("| variant | ms | min..max | kernels | in kernels ms | enqueue ms | arena MB | error |")
    print("| --- |" + " --- |" * 7)
    for name, row in record["results"].items():
        cells = [f"{row['median_ms']:.2f}", f"{row['min_ms']:.2f}..{row['max_ms']:.2f}"]
        cells += [str(row.get("kernels", ""))]
        cells += [f"{row[key]:.2f}" if key in row else "" for key in ("kernels_ms", "enqueue_ms", "arena_mb")]
        print(f"| {name} | {' | '.join(cells)} | {row['relative_error']:.1e} |")
    for (name, ratio), goal in zip(record["ratios"].items(), GOALS.values(), strict=True):
        found = f"{name}: {ratio:.3f} ({ratio - 1:+.1%}); goal {goal:.3f} ({goal - 1:+.1%})"
        print(f"{found}: {'reached' if ratio <= goal else 'missed'}")
    print("| on against off | kernels ms less | wall ms less | on: share of its wall in kernels |")
    print("| --- |" + " --- |" * 3)
    for on, off in list(GOALS)[:2]:
        a, b = record["results"][on], record["results"][off]
        less = [f"{b[key] - a[key]:.2f}" for key in ("kernels_ms", "median_ms")]
        print(f"| {on} | {' | '.join(less)} | {a['kernels_ms'] / a['median_ms']:.1%} |")
    for on, _ in list(GOALS)[:2]:
        row = record["results"][on]
        share = row["arena_mb"] / row["separate_mb"]
        print(
            f"{on}: arena {row['arena_mb']:.1f} MB, {share:.1%} of {row['separate_mb']:.0f} MB (goals 150 MB in fp16, 10 %)"
        )


def timed(name: str, make: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    made = make()
    print(f"{name}: {time.perf_counter() - began:.1f} s to make", file=sys.stderr)
    return made


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=("sd14", "tiny"), default="sd14")
    parser.add_argument("--size", type=int, help="of the latents")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--device")
    parser.add_argument(
        "--tensor-core", action="store_true", help="NVIDIA's core also elsewhere, played: slow"
    )
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
