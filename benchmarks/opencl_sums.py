"""How the long sums of the tensor core err in fp32, and what it costs to add them up in runs.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_sums.py [--subject sd14|tiny] [--repeat 12] [--device N] [--json FILE]

Tensor cores cut off what their sums cannot hold; so a long one shrinks. First single products of random numbers, as one sum and
in runs of so many blocks of depth, then the whole UNet with all switches off and on, where runs are for sums from a depth on.
Errors are the largest difference from float64 over the largest value; shrinking is the mean factor, less one. Times are medians
of turns. On any device but NVIDIA's the instructions are played, slowly.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from opencl_gpu import reference, tiny
from opencl_kernels import subject

from backends.opencl import devices, runtime
from backends.opencl.builder import Builder
from backends.opencl.capture import capture
from backends.opencl.cores import tensor, tensor_tiles
from backends.opencl.graph import Graph
from backends.opencl.networks import UNetCalling
from backends.opencl.passes import SWITCHES, optimized

NEVER = 10**9
FORMS = {"one sum": (NEVER, 8), "runs of 8": (0, 8), "runs of 32": (0, 32), "as it is": None}
"""From which depth on there are runs, of how many blocks."""
SHAPES = (
    (8192, 320, 320),
    (2048, 2560, 640),
    (2048, 11520, 1280),
    (2048, 23040, 1280),
    (128, 11520, 1280),
)
TURNS = 9


def main() -> None:
    options = _options()
    engine = runtime.Engine(devices.find(options.device)[1])
    engine.core = tensor.core(engine.device)
    tested = SHAPES if options.subject == "sd14" else ((64, 1000, 64),)
    record: dict[str, Any] = {"device": engine.device.name.strip()}
    record["products"] = {f"{m}x{k}x{n}": product(engine, m, k, n) for m, k, n in tested}
    unet, inputs = tiny() if options.subject == "tiny" else subject("sd14", None)
    wanted = reference(unet, inputs, place())
    graph = capture(UNetCalling(unet), inputs)
    for name, on in (("all off", False), ("all on", True)):
        record[name] = whole(engine, graph, inputs, wanted, on, options.repeat)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def place() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def built(engine: runtime.Engine, graph: Graph, form: str) -> runtime.Network:
    """The network of a graph, its sums as ``FORMS`` say."""
    deep, blocks = FORMS[form] or (tensor_tiles.DEEP, tensor_tiles.BLOCKS_OF_RUN)
    with mock.patch.multiple(tensor_tiles, DEEP=deep, BLOCKS_OF_RUN=blocks):
        return runtime.Network(engine, graph)


def product(engine: runtime.Engine, m: int, k: int, n: int) -> dict[str, dict[str, float]]:
    """A matrix (m, k) by a weight (k, n) in every form: error, shrinking, microseconds in kernels."""
    torch.manual_seed(0)
    a, b = torch.randn(1, 1, m, k), torch.randn(1, 1, k, n)
    wanted = (a.to(place()).double() @ b.to(place()).double()).cpu()
    builder = Builder()
    left, right = builder.input("left", a.shape, "fp32"), builder.constant(b)
    out = builder.emit("matmul", (left, right), (1, 1, m, n), scale=1.0, extras=())
    graph = Graph(builder.values, {"left": left}, (out,), tuple(builder.operations), builder.weights)
    networks = {form: built(engine, graph, form) for form in FORMS}
    found: dict[str, dict[str, float]] = {}
    for form, network in networks.items():
        got = torch.from_numpy(network({"left": a.numpy()})[0]).double()
        shrinking = float((got * wanted).sum() / (wanted * wanted).sum()) - 1
        found[form] = {"error": relative_error(got, wanted), "shrinking": shrinking}
    for form, times in in_turns(networks, TURNS, lambda network: kernels_ms(engine, network)).items():
        found[form]["us"] = statistics.median(times) * 1e3
    print(f"{m} x {k} x {n}: {found}", flush=True)
    return found


def whole(
    engine: runtime.Engine,
    graph: Graph,
    inputs: dict[str, torch.Tensor],
    wanted: torch.Tensor,
    on: bool,
    repeat: int,
) -> dict[str, dict[str, float]]:
    """The UNet in every form: error and milliseconds of a call."""
    core = engine.core
    graph = optimized(graph, dict.fromkeys(SWITCHES, on), "fp32", core.attends, core.winograd_tile)
    networks = {form: built(engine, graph, form) for form in FORMS}
    arrays = {name: value.numpy() for name, value in inputs.items()}
    found: dict[str, dict[str, float]] = {}
    for form, network in networks.items():
        found[form] = {"error": relative_error(torch.from_numpy(network(arrays)[0]).double(), wanted)}

    def call_ms(network: runtime.Network) -> float:
        began = time.perf_counter()
        network(arrays)
        return (time.perf_counter() - began) * 1e3

    for form, times in in_turns(networks, repeat, call_ms).items():
        found[form] |= {"ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}
    print(f"all {'on' if on else 'off'}: {found}", flush=True)
    return found


def relative_error(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


def kernels_ms(engine: runtime.Engine, network: runtime.Network) -> float:
    with engine.profiled() as times:
        network.enqueue()
    return sum(item.end_ns - item.start_ns for item in times) / 1e6


def in_turns(
    networks: dict[str, runtime.Network], repeat: int, timed: Callable[[runtime.Network], float]
) -> dict[str, list[float]]:
    """What ``timed`` says of every network, in turns; the first is left out."""
    samples: dict[str, list[float]] = {form: [] for form in networks}
    for turn in range(-1, repeat):
        for form, network in networks.items():
            taken = timed(network)
            if turn >= 0:
                samples[form].append(taken)
    return samples


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=("sd14", "tiny"), default="sd14")
    parser.add_argument("--repeat", type=int, default=12)
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
