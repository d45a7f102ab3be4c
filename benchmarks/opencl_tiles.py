"""Times the matrix products and convolutions of a UNet on a GPU's tensor cores by every tile, and in every number of slices.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_tiles.py [--subject sd14|tiny] [--size 64] [--precision fp16] [--device N]
                                                   [--repeat 10] [--json FILE]

A row is one shape: how often it occurs, the fastest choice, the one that ``cores/tensor_tiles.py`` makes, and what every
choice took, in microseconds by the device's own events. Below: what the choices cost in all, and how far the estimate is
off. Its constants are to be set from these. Winograd is off, so that every convolution is here as it stands.
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from opencl_gpu import tiny
from opencl_kernels import subject

from backends.opencl import devices, runtime
from backends.opencl.aten import channels_last
from backends.opencl.capture import Builder, capture
from backends.opencl.cores import tensor, tensor_tiles
from backends.opencl.cores.tensor_chip import Chip
from backends.opencl.graph import Graph, Operation
from backends.opencl.networks import UNetCalling
from backends.opencl.passes import SWITCHES, optimized
from backends.opencl.passes import precision as precisions


def main() -> None:
    options = _options()
    engine = runtime.Engine(devices.find(options.device)[1])
    chip = tensor.chip_of(engine.device)
    unet, inputs = tiny() if options.subject == "tiny" else subject(options.subject, options.size)
    switches = dict.fromkeys(SWITCHES, True) | {"winograd": False}
    graph = optimized(capture(UNetCalling(unet), inputs), switches, "fp32", lambda width, keys: True)
    products = [
        item
        for item in graph.operations
        if item.kind in ("matmul", "conv2d") and item.inputs[1].value in graph.weights
    ]
    counts = collections.Counter(map(shape_of, products))
    first = {shape_of(item): item for item in products}
    rows = [
        row(engine, chip, first[shape], count, options.precision, options.repeat)
        for shape, count in counts.items()
    ]
    rows.sort(key=lambda item: -item["count"] * item["microseconds"][item["chosen"]])
    for item in rows:
        print(line(item))
    total = {
        name: sum(item["count"] * item["microseconds"][item[name]] for item in rows)
        for name in ("chosen", "fastest")
    }
    print(f"all: {total['chosen'] / 1e3:.2f} ms as chosen, {total['fastest'] / 1e3:.2f} ms at best")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def shape_of(operation: Operation) -> tuple[Any, ...]:
    """What distinguishes it: kind, shapes, and how a convolution goes over its image."""
    views = (*operation.inputs[:2], operation.output)
    form = tuple(operation.attributes.get(name) for name in ("kernel", "stride", "padding", "upsample"))
    return operation.kind, form, *(view.shape for view in views)


def row(
    engine: runtime.Engine, chip: Chip, operation: Operation, count: int, precision: str, repeat: int
) -> dict[str, Any]:
    """Every choice's microseconds for one operation, without what it adds to its result."""
    graph, arrays, sizes = alone(operation, precision)
    found, estimates = {}, {}
    most = tensor_tiles.SPLITS if sizes.batch == 1 else (1,)
    for tile in tensor_tiles.TILES[precision]:
        for splits in most:
            if splits > 1 and not tensor_tiles.worth_trying(sizes, splits):
                continue
            name = f"{tile.m}x{tile.n}/{splits}"
            engine.core = tensor.tensor_core(chip, {precision: (tile,)}, (splits,))
            network = runtime.Network(engine, graph)
            network(arrays)
            found[name] = statistics.median(_times(engine, network, repeat))
            estimates[name] = tensor_tiles.seconds(sizes, tile, splits, chip.units) * 1e6
    tile, splits = tensor_tiles.chosen(sizes, tensor_tiles.TILES, chip, most)
    fastest = min(found, key=lambda name: found[name])
    return {
        "shape": [operation.kind, sizes.m, sizes.n, sizes.k, sizes.batch],
        "count": count,
        "chosen": f"{tile.m}x{tile.n}/{splits}",
        "fastest": fastest,
        "tflops": 2e-6 * sizes.m * sizes.n * sizes.k * sizes.batch / found[fastest],
        "microseconds": found,
        "estimates": estimates,
    }


def alone(operation: Operation, precision: str) -> tuple[Graph, dict[str, Any], tensor_tiles.Sizes]:
    """A graph of the operation by itself, on random inputs and a random weight."""
    builder, generator = Builder(), torch.Generator().manual_seed(0)
    shape, out_shape, strides = operation.inputs[0].shape, operation.output.shape, None
    if operation.kind == "conv2d":
        n, channels, height, width = shape
        whole = builder.input("left", (n, height, width, channels), "fp32")
        left, strides = whole.permuted((0, 3, 1, 2)), channels_last(out_shape)
    else:
        whole = left = builder.input("left", shape, "fp32")
    right = builder.constant(torch.randn(operation.inputs[1].shape, generator=generator))
    attributes = {**operation.attributes, "extras": ()}
    out = builder.emit(operation.kind, (left, right), out_shape, strides, **attributes)
    graph = Graph(builder.values, {"left": whole}, (out,), tuple(builder.operations), builder.weights)
    graph = precisions.apply(graph, precision)
    arrays = {"left": torch.randn(whole.shape, generator=generator).numpy()}
    return graph, arrays, tensor.sizes_of(graph.values, graph.operations[0])


def _times(engine: runtime.Engine, network: runtime.Network, repeat: int) -> list[float]:
    """Microseconds from the first kernel's start to the last one's end, of ``repeat`` runs behind each other."""
    with engine.profiled() as times:
        for _ in range(repeat):
            network.enqueue()
    each = len(network.launches)
    return [(times[at + each - 1].end_ns - times[at].start_ns) / 1e3 for at in range(0, len(times), each)]


def line(item: dict[str, Any]) -> str:
    kind, m, n, k, batch = item["shape"]
    each = "  ".join(
        f"{name} {time:.1f} ({item['estimates'][name]:.1f})" for name, time in item["microseconds"].items()
    )
    return (
        f"{item['count']:3} {kind} {m}x{n}x{k} b{batch}: {item['fastest']} at {item['tflops']:.0f} TFLOP/s, "
        f"chosen {item['chosen']}; measured (estimated): {each}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=("sd14", "tiny"), default="sd14")
    parser.add_argument("--size", type=int, help="of the latents")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp16")
    parser.add_argument("--device")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
