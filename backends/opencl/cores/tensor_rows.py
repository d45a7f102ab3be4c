"""The tensor core's norms, reductions and elementwise steps: memory-bound, so loads of 8 or 16 bytes and many work-items.

Each maker returns the portable launch, widened, where the views do not lie so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backends.opencl import launches
from backends.opencl.cores.tensor_chip import Chip, in_chunks
from backends.opencl.graph import Operation, Value, View
from backends.opencl.launch import ITEMS, Launch, Macros, Maker, made, numbered
from backends.opencl.launches import portable

GROUP = 256
"""Work-items of a group of elementwise steps."""
WIDEST = 1024
PER_ITEM = 16
"""Elements of a row that a work-item takes, about, where a row has enough of them."""
ROW_THREADS = 128
LONGEST_ROW = 2560
"""Elements that a warp holds in registers."""


def makers(chip: Chip) -> dict[str, Maker]:
    """For a chip."""
    return {
        "elementwise": lambda values, operation: _elementwise(values, operation, chip),
        "group_norm": lambda values, operation: _group_norm(values, operation, chip),
        "layer_norm": lambda values, operation: _layer_norm(values, operation, chip),
        "softmax_statistics": _widened,
        "reduce": _widened,
        "winograd_input": lambda values, operation: _winograd(values, operation, chip),
        "winograd_output": lambda values, operation: _winograd(values, operation, chip),
    }


def width_for(count: int) -> int:
    """Work-items for a row of ``count`` elements, a power of two."""
    width = 64
    while width < WIDEST and width * PER_ITEM < count:
        width *= 2
    return width


def _widened(values: Mapping[str, Value], operation: Operation) -> Launch:
    """The portable launch with as many work-items a row as its length asks for."""
    launch = portable(values, operation)
    rows = launch.global_size[0] // launch.local_size[0]
    width = width_for(operation.inputs[0].elements // rows)
    macros = {**launch.macros, "WIDTH": width}
    return replace(launch, macros=macros, global_size=(rows * width,), local_size=(width,))


def _winograd(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    """The portable launch, two channels a work-item, its sizes as arguments: one program for every image."""
    launch = portable(values, operation)
    spread, image = operation.output, operation.inputs[0]
    if operation.kind == "winograd_output":
        spread, image = image, spread
    extras = operation.inputs[1:]
    paired = in_chunks(spread, 2, 2) and _in_pairs(1, image, *extras)
    macros = {**launch.macros, **chip.macros, "PAIRED": int(paired)}
    fixed = ("NVIDIA", "INPUT", "TILE", "UPSAMPLE", "EXTRAS", "PAIRED")
    numbers = {
        name: value for name, value in macros.items() if name not in fixed and not isinstance(value, str)
    }
    kept = {name: value for name, value in macros.items() if name not in numbers}
    launch = replace(launch, sources=("common.cl", "warps.cl", "winograd.cl"), macros=kept, numbers=numbers)
    if paired:
        pairs, tiles = image.shape[1] // 2, launch.global_size[1]
        launch = replace(launch, global_size=(-(-pairs // ITEMS) * ITEMS, tiles))
    return launch


def _elementwise(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    views = launches.collapsed([operation.output, *operation.inputs])
    if any(values[view.value].dtype == "int32" for view in views):
        return portable(values, operation)
    output, *inputs = views
    last = len(output.shape) - 1
    vectors = [view for view in inputs if view.strides[last] or output.shape[last] == 1]
    four = all(in_chunks(view, last, 4) for view in (output, *vectors))
    count = output.elements // (4 if four else 1)
    macros: Macros = launches.elementwise_macros(operation, output.shape) | chip.macros
    macros |= {f"S{i}": float(scalar) for i, scalar in enumerate(operation.attributes["scalars"])}
    macros |= {"FOUR": int(four), "ITEMS": count}
    macros["AXES"] = max(1, len(output.shape) - next(i for i, n in enumerate((*output.shape, 0)) if n != 1))
    named = {"OUT": output} | {f"A{i}": view for i, view in enumerate(inputs)}
    macros |= {f"VECTOR_A{i}": int(view in vectors) for i, view in enumerate(inputs)}
    sizes = (-(-count // GROUP) * GROUP,), (GROUP,)
    sources = ("warps.cl", "wide_elementwise.cl")
    fixed = ("NVIDIA", "INPUTS", "FOUR", "AXES", "VECTOR_A0", "VECTOR_A1", "VECTOR_A2")
    flops = output.elements
    return made(
        values, operation, "wide_elementwise", named, macros, sizes, *sources, flops=flops, fixed=fixed
    )


def _in_pairs(axis: int, *views: View) -> bool:
    return all(in_chunks(view, axis, 2) for view in views)


def _group_norm(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    x, weight, bias = operation.inputs
    n, channels, pixels = x.shape
    groups = operation.attributes["groups"]
    each = channels // groups
    paired = _in_pairs(1, x, operation.output) and _in_pairs(0, weight, bias)
    if each % 2 or not paired:
        return _widened(values, operation)
    width = width_for(each * pixels)
    macros: Macros = chip.macros | {"WIDTH": width, "GROUPS": groups, "CHANNELS": each, "PIXELS": pixels}
    macros |= {"EPSILON": float(operation.attributes["epsilon"]), "SILU": int(operation.attributes["silu"])}
    sizes = (n * groups * width,), (width,)
    sources = ("warps.cl", "reduction.cl", "wide_group_norm.cl")
    return made(
        values,
        operation,
        "wide_group_norm",
        numbered(operation),
        macros,
        sizes,
        *sources,
        flops=8 * x.elements,
        fixed=("NVIDIA", "WIDTH", "CHANNELS", "SILU"),
    )


def _layer_norm(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    rows, width = operation.output.shape
    x, weight, bias = operation.inputs
    paired = _in_pairs(1, x, operation.output) and _in_pairs(0, weight, bias)
    if not paired or width > LONGEST_ROW:
        return _widened(values, operation)
    macros: Macros = chip.macros | {"THREADS": ROW_THREADS, "ROWS": rows, "C": width}
    macros["EPSILON"] = float(operation.attributes["epsilon"])
    sizes = (-(-rows // (ROW_THREADS // 32)) * ROW_THREADS,), (ROW_THREADS,)
    sources = ("warps.cl", "warp_layer_norm.cl")
    return made(
        values,
        operation,
        "warp_layer_norm",
        numbered(operation),
        macros,
        sizes,
        *sources,
        flops=8 * rows * width,
        fixed=("NVIDIA", "THREADS", "C"),
    )
