"""Times a GEGLU that joins the product of its halves (``passes/gates.py``) against the product and the GEGLU behind it.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_gates.py [--repeat 15] [--device N] [--json FILE]

Both run in turns on one device, on the shapes of Stable Diffusion 1.4's UNet at 512x512, batch 2, one network a layer, and on
the whole UNet of the built-in model. Times are of the wall clock, medians with their quartiles.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from opencl_kernels import subject

from backends.machine import compute_threads
from backends.opencl import devices, runtime
from backends.opencl.builder import Builder
from backends.opencl.capture import capture
from backends.opencl.graph import Graph
from backends.opencl.networks import UNetCalling
from backends.opencl.passes import SWITCHES, gates, optimized

LAYERS = ((8192, 320), (2048, 640), (512, 1280))
"""Tokens and channels; a GEGLU has four times as many of the latter."""


def main() -> None:
    options = _options()
    torch.set_num_threads(compute_threads())
    engine = runtime.Engine(devices.find(options.device)[1])
    subjects = {
        f"{tokens} x {channels} x {8 * channels}": layer(tokens, channels) for tokens, channels in LAYERS
    }
    unet, tensors = subject("critters", None)
    inputs = {name: tensor.numpy() for name, tensor in tensors.items()}
    subjects["critters"] = capture(UNetCalling(unet), tensors), inputs
    results: dict[str, dict[str, Any]] = {}
    for label, (graph, inputs) in subjects.items():
        repeat = options.repeat * (4 if label == "critters" else 1)
        for precision in ("fp32", "fp16"):
            row = compared(engine, graph, inputs, precision, repeat)
            results.setdefault(label, {})[precision] = row
            print(f"{label}, {precision}: {row}", flush=True)
    if options.json:
        options.json.write_text(
            json.dumps({"device": engine.device.name.strip(), "results": results}, indent=1) + "\n"
        )


def layer(tokens: int, channels: int) -> tuple[Graph, Mapping[str, np.ndarray]]:
    """A product with a bias whose two halves a GEGLU multiplies, and its input."""
    torch.manual_seed(0)
    builder, half = Builder(), 4 * channels
    left = builder.input("x", (1, 1, tokens, channels), "fp32")
    weight = builder.constant(torch.randn(1, 1, channels, 2 * half) / channels**0.5)
    bias = builder.constant(torch.randn(2 * half)).expanded((1, 1, tokens, 2 * half))
    inputs, shape = (left, weight, bias), (1, 1, tokens, 2 * half)
    product = builder.emit("matmul", inputs, shape, scale=1.0, extras=("bias",))
    halves = tuple(product.sliced(3, start, half) for start in (0, half))
    out = builder.emit("elementwise", halves, (1, 1, tokens, half), expression="geglu", scalars=())
    graph = Graph(builder.values, {"x": left}, (out,), tuple(builder.operations), builder.weights)
    return graph, {"x": torch.randn(left.shape).numpy()}


def compared(
    engine: runtime.Engine, graph: Graph, inputs: Mapping[str, np.ndarray], precision: str, repeat: int
) -> dict[str, float]:
    """Both medians in ms with their quartiles, and their ratio."""
    core = engine.core
    graph = optimized(graph, dict.fromkeys(SWITCHES, True), precision, core.attends, core.winograd_tile)
    joined = runtime.Network(engine, graph)
    with mock.patch.object(gates, "apply", lambda graph, _: graph):
        apart = runtime.Network(engine, graph)
    both = {"joined": joined, "apart": apart}
    samples: dict[str, list[float]] = {name: [] for name in both}
    for turn in range(-2, repeat):
        for name, network in both.items():
            began = time.perf_counter()
            network(inputs)
            if turn >= 0:
                samples[name].append((time.perf_counter() - began) * 1e3)
    found: dict[str, float] = {}
    for name, times in samples.items():
        found |= zip(
            (f"{name}_low", f"{name}_ms", f"{name}_high"), statistics.quantiles(times, n=4), strict=True
        )
    return found | {"ratio": found["joined_ms"] / found["apart_ms"]}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
