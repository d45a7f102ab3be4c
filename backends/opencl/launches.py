"""From an operation to the launch of a kernel: its source, the macros that specialise it, its work, what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from backends.contract import BackendError
from backends.opencl import index_launches
from backends.opencl.graph import Graph, Operation, Value, View
from backends.opencl.launch import ITEMS, Launch, Macros, Maker, Size, items, made, number, numbered
from backends.opencl.operations import EXPRESSIONS

MOST_AXES = 6
REDUCTION_WIDTH = 64
QUERIES = 32
WORTH_SPECIALISING = 2**16
"""Elements, below which elementwise kernels of all shapes share a program."""


def launches(graph: Graph, makers: Mapping[str, Maker]) -> list[Launch]:
    """One for every operation, by a core's ``makers`` or the portable ones.

    Raises BackendError naming an operation that has no kernel.
    """
    return [launch(graph.values, operation, makers) for operation in graph.operations]


def launch(values: Mapping[str, Value], operation: Operation, makers: Mapping[str, Maker]) -> Launch:
    """The launch of one operation."""
    made = makers.get(operation.kind, portable)(values, operation)
    views = (operation.output, *operation.inputs)
    moved = sum(_touched(view) * values[view.value].nbytes // values[view.value].size for view in views)
    return replace(made, bytes=moved, arguments=tuple(view.value for view in views))


def portable(values: Mapping[str, Value], operation: Operation) -> Launch:
    """The launch that any device runs. Raises BackendError naming an operation that has no kernel."""
    maker = _MAKERS.get(operation.kind)
    if maker is None:
        raise BackendError(
            f"the OpenCL runtime has no kernel for {operation.kind}, which {operation.module} uses"
        )
    return maker(values, operation)


def _touched(view: View) -> int:
    return math.prod(n for n, step in zip(view.shape, view.strides, strict=True) if step or n == 1)


def _elementwise(values: Mapping[str, Value], operation: Operation) -> Launch:
    views = collapsed([operation.output, *operation.inputs])
    names = ["OUT", *(f"A{i}" for i in range(len(operation.inputs)))]
    macros = elementwise_macros(operation, views[0].shape)
    count = operation.output.elements
    named = dict(zip(names, views, strict=True))
    fixed = ("INPUTS",) if count < WORTH_SPECIALISING else None
    sizes = items(count)
    return made(
        values, operation, "elementwise", named, macros, sizes, "elementwise.cl", flops=count, fixed=fixed
    )


def elementwise_macros(operation: Operation, shape: Size) -> Macros:
    """The axes of the output, the expression and its scalars."""
    attributes = operation.attributes
    macros: Macros = {f"D{axis}": length for axis, length in enumerate(shape)}
    macros |= {"INPUTS": len(operation.inputs), "EXPRESSION": EXPRESSIONS[attributes["expression"]]}
    return macros | {f"S{i}": number(scalar) for i, scalar in enumerate(attributes["scalars"])}


def collapsed(views: list[View]) -> list[View]:
    """The same views with axes in the order of the first one's memory, those that lie together merged, padded to six."""
    first = views[0]
    order = [axis for axis in range(len(first.shape)) if first.shape[axis] > 1]
    order.sort(key=lambda axis: -first.strides[axis])
    groups: list[list[int]] = []
    for axis in order:
        joins = groups and all(
            view.strides[groups[-1][-1]] == view.strides[axis] * view.shape[axis] for view in views
        )
        if joins:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) > MOST_AXES:
        raise BackendError(
            f"an elementwise kernel takes {MOST_AXES} axes that do not merge, not {len(groups)}"
        )
    shape = tuple(math.prod(first.shape[axis] for axis in group) for group in groups)
    padding = MOST_AXES - len(groups)
    return [
        replace(
            view,
            shape=(1,) * padding + shape,
            strides=(0,) * padding + tuple(view.strides[group[-1]] for group in groups),
        )
        for view in views
    ]


def _inner_last(*views: View) -> tuple[tuple[View, ...], bool]:
    """Views of four axes with the last two so ordered that the first view's memory runs along the last; whether swapped."""
    swap = views[0].strides[2] < views[0].strides[3]
    return tuple(view.permuted((0, 1, 3, 2)) if swap else view for view in views), swap


def inner_last(view: View) -> View:
    """A view of four axes with the last two so ordered that its memory runs along the last."""
    return _inner_last(view)[0][0]


def _reduce(values: Mapping[str, Value], operation: Operation) -> Launch:
    x = inner_last(operation.inputs[0])
    macros: Macros = {"WIDTH": REDUCTION_WIDTH, "R1": x.shape[1], "C0": x.shape[2], "C1": x.shape[3]}
    functions = ("mean", "sum", "max", "variance")
    macros |= {name.upper(): number for number, name in enumerate(functions)}
    macros["FUNCTION"] = operation.attributes["function"].upper()
    sizes = (x.shape[0] * x.shape[1] * REDUCTION_WIDTH,), (REDUCTION_WIDTH,)
    views = numbered(operation) | {"A0": x}
    return made(
        values, operation, "reduce", views, macros, sizes, "reduction.cl", "reduce.cl", flops=x.elements
    )


def _group_norm(values: Mapping[str, Value], operation: Operation) -> Launch:
    x, weight, bias = operation.inputs
    n, channels, pixels = x.shape
    attributes = operation.attributes
    shape = (n, attributes["groups"], channels // attributes["groups"], pixels)
    grouped = [view.reshaped(shape) for view in (x, operation.output)]
    assert grouped[0] is not None and grouped[1] is not None
    (x, output), swapped = _inner_last(grouped[0], grouped[1])
    macros: Macros = {
        "WIDTH": REDUCTION_WIDTH,
        "GROUPS": shape[1],
        "CHANNELS": shape[2],
        "C0": x.shape[2],
        "C1": x.shape[3],
        "CHANNEL(j)": "((j)%C1)" if swapped else "((j)/C1)",
        "EPSILON": number(attributes["epsilon"]),
        "SILU": int(attributes["silu"]),
    }
    sizes = (n * shape[1] * REDUCTION_WIDTH,), (REDUCTION_WIDTH,)
    views = {"OUT": output, "A0": x, "A1": weight, "A2": bias}
    count = 8 * x.elements
    return made(
        values, operation, "group_norm", views, macros, sizes, "reduction.cl", "group_norm.cl", flops=count
    )


def _layer_norm(values: Mapping[str, Value], operation: Operation) -> Launch:
    rows, width = operation.output.shape
    macros: Macros = {
        "WIDTH": REDUCTION_WIDTH,
        "C1": width,
        "EPSILON": number(operation.attributes["epsilon"]),
    }
    sizes = (rows * REDUCTION_WIDTH,), (REDUCTION_WIDTH,)
    views = numbered(operation)
    count = 8 * rows * width
    return made(
        values, operation, "layer_norm", views, macros, sizes, "reduction.cl", "layer_norm.cl", flops=count
    )


def _softmax_statistics(values: Mapping[str, Value], operation: Operation) -> Launch:
    b0, b1, rows, width = operation.inputs[0].shape
    macros: Macros = {"WIDTH": REDUCTION_WIDTH, "B1": b1, "ROWS": rows, "C1": width}
    sizes = (b0 * b1 * rows * REDUCTION_WIDTH,), (REDUCTION_WIDTH,)
    sources = ("reduction.cl", "softmax_statistics.cl")
    count = 3 * operation.inputs[0].elements
    return made(
        values, operation, "softmax_statistics", numbered(operation), macros, sizes, *sources, flops=count
    )


def _embedding(values: Mapping[str, Value], operation: Operation) -> Launch:
    rows, columns = operation.output.shape
    sizes = (-(-columns // ITEMS) * ITEMS, rows), (ITEMS, 1)
    return made(
        values, operation, "embedding", numbered(operation), {"COLUMNS": columns}, sizes, "embedding.cl"
    )


def extra_views(operation: Operation) -> tuple[dict[str, View], Macros]:
    """The extras of a product as ``ST`` and ``E0``, ``E1``...; and the macros that count them."""
    views: dict[str, View] = {}
    names = operation.attributes["extras"]
    for name, view in zip(names, operation.inputs[2:], strict=True):
        views["ST" if name == "statistics" else f"E{len(views) - ('ST' in views)}"] = view
    statistics = int("statistics" in names)
    return views, {"EXTRAS": len(views) - statistics, "STATISTICS": statistics}


def _product(
    values: Mapping[str, Value], operation: Operation, left: View, right: View, macros: Macros
) -> Launch:
    """What matrix products and convolutions share: M x K times K x N in 64 x 64 tiles."""
    views, counts = extra_views(operation)
    views |= {"OUT": operation.output, "A": left, "B": right}
    macros = counts | macros
    m, n, k, batch = (int(macros[name]) for name in ("M", "N", "K", "B"))
    sizes = (-(-n // 64) * 16, -(-m // 64) * 16, batch), (16, 16, 1)
    flops = 2 * m * n * k * batch
    return made(values, operation, "matmul", views, macros, sizes, "matmul.cl", flops=flops)


def _matmul(values: Mapping[str, Value], operation: Operation) -> Launch:
    left, right = operation.inputs[:2]
    b0, b1, m, k = left.shape
    macros: Macros = {"CONVOLUTION": 0, "M": m, "N": right.shape[3], "K": k, "B": b0 * b1, "B1": b1}
    macros["SCALE"] = number(operation.attributes["scale"])
    return _product(values, operation, left, right, macros)


def _conv2d(values: Mapping[str, Value], operation: Operation) -> Launch:
    flat, macros = convolution(operation)
    return _product(values, operation, operation.inputs[0], flat, macros)


def convolution(operation: Operation) -> tuple[View, Macros]:
    """A convolution as a product: its weight as (1, 1, K, N), and the sizes of both."""
    x, weight = operation.inputs[:2]
    n, channels, height, width = operation.output.shape
    attributes = operation.attributes
    depth = weight.shape[0] * weight.shape[1] * weight.shape[2]
    flat = weight.reshaped((1, 1, depth, channels))
    assert flat is not None
    macros: Macros = {"CONVOLUTION": 1, "M": n * height * width, "N": channels, "K": depth, "B": 1, "B1": 1}
    macros |= {"OUT_H": height, "OUT_W": width, "CHANNELS": x.shape[1], "SCALE": "1.0f"}
    macros |= {"IN_H": x.shape[2] * attributes["upsample"], "IN_W": x.shape[3] * attributes["upsample"]}
    macros |= {name.upper(): attributes[name] for name in ("kernel", "stride", "padding", "upsample")}
    return flat, macros


def _flash_attention(values: Mapping[str, Value], operation: Operation) -> Launch:
    batch, heads, tokens, width = operation.output.shape
    keys = operation.inputs[1].shape[2]
    macros: Macros = {"WIDTH": QUERIES, "HEADS": heads, "TOKENS": tokens, "KEYS": keys, "D": width}
    macros |= {"MASKED": int(len(operation.inputs) > 3), "SCALE": number(operation.attributes["scale"])}
    sizes = (-(-tokens // QUERIES) * QUERIES, batch * heads), (QUERIES, 1)
    flops = 4 * batch * heads * tokens * keys * width
    views = numbered(operation)
    return made(values, operation, "flash_attention", views, macros, sizes, "flash_attention.cl", flops=flops)


def winograd_parts(operation: Operation) -> tuple[dict[str, View], Macros]:
    """The views of one of Winograd's transforms, and what its kernels know of the image and its tiles."""
    reads = operation.kind == "winograd_input"
    image = operation.inputs[0] if reads else operation.output
    n, channels, height, width = image.shape
    tile, upsample = operation.attributes["tile"], operation.attributes.get("upsample", 1)
    height, width = height * upsample, width * upsample
    down, across = -(-height // tile), -(-width // tile)
    views = {"OUT": operation.output, "A0": operation.inputs[0]}
    views |= {f"E{i}": view for i, view in enumerate(operation.inputs[1:])}
    macros: Macros = {"INPUT": int(reads), "TILE": tile, "EXTRAS": len(operation.inputs) - 1}
    macros |= {"CHANNELS": channels, "DOWN": down, "ACROSS": across, "HEIGHT": height, "BREADTH": width}
    macros["UPSAMPLE"] = upsample
    return views, macros | {"PADDING": operation.attributes.get("padding", 0), "COUNT": n * down * across}


def winograd_flops(tile: int, tiles: int, channels: int) -> int:
    """Of one transform as two matrix products, zeros and ones counted as any number."""
    return 4 * (tile + 2) ** 3 * tiles * channels


def _winograd(values: Mapping[str, Value], operation: Operation) -> Launch:
    views, macros = winograd_parts(operation)
    tiles, channels = int(macros["COUNT"]), int(macros["CHANNELS"])
    sizes = (-(-channels // ITEMS) * ITEMS, tiles), (ITEMS, 1)
    flops = winograd_flops(operation.attributes["tile"], tiles, channels)
    macros["PAIRED"] = 0
    return made(values, operation, operation.kind, views, macros, sizes, "winograd.cl", flops=flops)


_MAKERS: dict[str, Maker] = {
    "elementwise": _elementwise,
    "reduce": _reduce,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
    "softmax_statistics": _softmax_statistics,
    "embedding": _embedding,
    "matmul": _matmul,
    "conv2d": _conv2d,
    "flash_attention": _flash_attention,
    **index_launches.MAKERS,
    "winograd_input": _winograd,
    "winograd_output": _winograd,
}
