"""Times every kernel of a UNet iteration by the device's own events, beside what its floors would be.

Usage, from the repository's root::

    python benchmarks/opencl_kernels.py [--subject sd14|critters] [--size 64] [--precision fp32] [--off all|NAME ...]
                                        [--device N] [--repeat 3] [--rows 40] [--by shape|kind] [--rate G] [--bandwidth G]

The subject is sd14 (859 M random weights, 512x512 pixels) or critters (14 M, 256x256), batch 2. Kernels of one shape are
one row: how many there are, their time, FLOPs and bytes, what they reach, and the distance from the floor, which is their
time over the larger of FLOPs / rate and bytes / bandwidth. Rate and bandwidth are measured where they are not given: those of
a large matrix product, and of a large copy, on the same device, medians of runs before each repeat, so that what else the
machine does slows both. CPU time is of the whole process, and on a processor the steadier number beside other work.
"""

from __future__ import annotations

import argparse
import collections
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from backends import sd14, synthetic
from backends.machine import compute_threads
from backends.opencl import devices, runtime
from backends.opencl.builder import Builder
from backends.opencl.capture import capture
from backends.opencl.graph import Graph
from backends.opencl.networks import UNetCalling
from backends.opencl.passes import SWITCHES, optimized


def main() -> None:
    options = _options()
    torch.set_num_threads(compute_threads())
    engine = runtime.Engine(devices.find(options.device)[1])
    product, copy = _product(engine, options.precision), _copy(engine)
    off = set(SWITCHES) | {"buffer_reuse"} if "all" in options.off else set(options.off)
    unet, inputs = subject(options.subject, options.size)
    began = time.perf_counter()
    graph = capture(UNetCalling(unet), inputs)
    captured = time.perf_counter()
    switches, core = {name: name not in off for name in SWITCHES}, engine.core
    graph = optimized(graph, switches, options.precision, core.attends, core.winograd_tile)
    network = runtime.Network(engine, graph, "buffer_reuse" not in off)
    built = time.perf_counter()
    plan = network.plan
    print(
        f"{options.subject} {options.precision}, off: {' '.join(sorted(off)) or 'none'}; captured in {captured - began:.1f} s, "
        f"built in {built - captured:.1f} s; {len(network.launches)} kernels, "
        f"arena {plan.size / 1e6:.1f} MB of {plan.separate / 1e6:.1f} MB"
    )
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    network(arrays)
    walls, processors, runs, rates, bandwidths = [], [], [], [], []
    for _ in range(options.repeat):
        rates += product()
        bandwidths += copy()
        with engine.profiled() as times:
            start, busy = time.perf_counter(), time.process_time()
            network(arrays)
            processors.append(time.process_time() - busy)
            walls.append(time.perf_counter() - start)
        runs.append(times)
    rate = options.rate or statistics.median(rates)
    bandwidth = options.bandwidth or statistics.median(bandwidths)
    print(f"device {engine.device.name.strip()}, floors {rate:.0f} GFLOP/s and {bandwidth:.0f} GB/s")
    for name, found in (("wall", walls), ("CPU", processors)):
        median, least, most = statistics.median(found), min(found), max(found)
        print(f"{name} {median * 1e3:.1f} ms (min {least * 1e3:.1f}, max {most * 1e3:.1f})")
    for row in table(runs, rate, bandwidth, options.by)[: options.rows]:
        print(row)


def subject(name: str, size: int | None) -> tuple[Any, dict[str, torch.Tensor]]:
    """The UNet with random weights, and inputs of batch 2."""
    torch.manual_seed(0)
    if name == "sd14":
        with torch.device("meta"):
            unet: Any = UNet2DConditionModel.from_config(sd14.UNET)
        block = torch.empty(synthetic.BLOCK).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
        synthetic.fill(unet, block, torch.float32, 0)
    else:
        from workbench.training.architecture import new_unet

        unet = new_unet()
    size = size or int(unet.config.sample_size)
    unet.eval().requires_grad_(False)
    return unet, {
        "sample": torch.randn(2, 4, size, size),
        "timestep": torch.tensor([481.0]),
        "encoder_hidden_states": torch.randn(2, 77, unet.config.cross_attention_dim),
    }


@dataclass
class Row:
    """All kernels of one shape, or of one kind, in one run."""

    label: str
    count: int = 0
    milliseconds: float = 0.0
    flops: int = 0
    bytes: int = 0


def table(runs: list[list[runtime.KernelTime]], rate: float, bandwidth: float, by: str) -> list[str]:
    """Rows by time, the largest first, each the median over the runs."""
    rows: dict[str, Row] = {}
    samples: dict[str, list[float]] = collections.defaultdict(lambda: [0.0] * len(runs))
    for index, times in enumerate(runs):
        for item in times:
            label = _label(item, by)
            samples[label][index] += (item.end_ns - item.start_ns) / 1e6
            if index == 0:
                row = rows.setdefault(label, Row(label))
                row.count += 1
                row.flops += item.launch.flops
                row.bytes += item.launch.bytes
    for label, row in rows.items():
        row.milliseconds = statistics.median(samples[label])
    total = sum(row.milliseconds for row in rows.values())
    lines = [
        "| kernel | count | ms | share | GFLOP | MB | GFLOP/s | GB/s | times its floor |",
        "| --- |" + " --- |" * 8,
    ]
    for row in sorted(rows.values(), key=lambda row: -row.milliseconds):
        floor = max(row.flops / rate, row.bytes / bandwidth) / 1e6
        lines.append(
            f"| {row.label} | {row.count} | {row.milliseconds:.2f} | {row.milliseconds / total:.1%} | {row.flops / 1e9:.2f} "
            f"| {row.bytes / 1e6:.1f} | {row.flops / row.milliseconds / 1e6:.0f} | {row.bytes / row.milliseconds / 1e6:.1f} "
            f"| {row.milliseconds / floor if floor else float('inf'):.2f} |"
        )
    return lines


def _label(item: runtime.KernelTime, by: str) -> str:
    operation = item.launch.operation
    if by == "kind":
        return operation.name
    shapes = " ".join("x".join(map(str, view.shape)) for view in operation.inputs[:2])
    return f"{operation.name} {shapes} -> {'x'.join(map(str, operation.output.shape))}"


def _product(engine: runtime.Engine, precision: str) -> Callable[[], list[float]]:
    """A square matrix product that fills the device; each call gives GFLOP/s of some runs."""
    size = 2048 if engine.shares_memory else 8192
    builder = Builder()
    left = builder.input("left", (1, 1, size, size), "fp32")
    right = builder.constant(torch.randn(1, 1, size, size))
    out = builder.emit("matmul", (left, right), (1, 1, size, size), scale=1.0, extras=())
    return _rates(engine, builder, {"left": left}, out, 2 * size**3, precision)


def _copy(engine: runtime.Engine, size: int = 2**26) -> Callable[[], list[float]]:
    """A copy; each call gives GB/s, read and written, of some runs."""
    builder = Builder()
    source = builder.input("source", (size,), "fp32")
    out = builder.emit("elementwise", (source,), (size,), expression="copy", scalars=())
    return _rates(engine, builder, {"source": source}, out, 8 * size)


def _rates(
    engine: runtime.Engine,
    builder: Builder,
    inputs: dict[str, Any],
    out: Any,
    work: int,
    precision: str = "fp32",
) -> Callable[[], list[float]]:
    graph = Graph(builder.values, inputs, (out,), tuple(builder.operations), builder.weights)
    network = runtime.Network(engine, optimized(graph, dict.fromkeys(SWITCHES, True), precision))
    arrays = {name: torch.randn(view.shape).numpy() for name, view in inputs.items()}
    network(arrays)

    def run() -> list[float]:
        found = []
        for _ in range(5):
            with engine.profiled() as times:
                network.enqueue()
            found.append(work / sum(item.end_ns - item.start_ns for item in times))
        return found

    return run


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=("sd14", "critters"), default="sd14")
    parser.add_argument("--size", type=int, help="of the latents")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--off", nargs="*", default=[], choices=("all", "buffer_reuse", *SWITCHES))
    parser.add_argument("--device")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows", type=int, default=42)
    parser.add_argument("--by", choices=("shape", "kind"), default="shape")
    parser.add_argument("--rate", type=float, help="GFLOP/s of the floor")
    parser.add_argument("--bandwidth", type=float, help="GB/s of the floor")
    return parser.parse_args()


if __name__ == "__main__":
    main()
