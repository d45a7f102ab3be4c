"""The vector core's elementwise steps, norms and reductions: rows that lie dense, a block of them a work-item.

Each maker returns the portable launch where the views are not so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from backends.opencl import launches
from backends.opencl.graph import Operation, Value, View
from backends.opencl.launch import Launch, Macros, Maker, made
from backends.opencl.launches import portable

ELEMENTS = 16384
"""Of one work-item, about: long against what starting one costs, short against a core's share of a tensor."""
KINDS = ("LAYER_NORM", "STATISTICS", "REDUCE", "ARGMAX")
FUNCTIONS = ("mean", "sum", "max", "variance")


def makers(lanes: int) -> dict[str, Maker]:
    """For vectors of ``lanes`` floats."""
    return {
        "elementwise": lambda values, operation: _elementwise(values, operation, lanes),
        "group_norm": lambda values, operation: _group_norm(values, operation, lanes),
        "layer_norm": lambda values, operation: _layer_norm(values, operation, lanes),
        "softmax_statistics": lambda values, operation: _softmax_statistics(values, operation, lanes),
        "argmax": lambda values, operation: _argmax(values, operation, lanes),
        "reduce": lambda values, operation: _reduce(values, operation, lanes),
        "winograd_input": lambda values, operation: _winograd(values, operation, lanes),
        "winograd_output": lambda values, operation: _winograd(values, operation, lanes),
    }


def _elementwise(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    views = launches.collapsed([operation.output, *operation.inputs])
    whole = any(values[view.value].dtype == "int32" for view in views)
    last = views[0].shape[-1]
    dense = views[0].strides[-1] == 1 and all(view.strides[-1] in (0, 1) for view in views[1:])
    if whole or not dense or last < lanes:
        return portable(values, operation)
    rows = math.prod(views[0].shape[:-1])
    chunk = min(last, ELEMENTS)
    at_once = max(1, ELEMENTS // chunk)
    macros = launches.elementwise_macros(operation, views[0].shape)
    macros |= {"W": lanes, "ROWS": at_once, "CHUNK": chunk}
    macros |= {f"S{i}": float(scalar) for i, scalar in enumerate(operation.attributes["scalars"])}
    sizes = (-(-rows // at_once), -(-last // chunk)), (1, 1)
    named: dict[str, View] = dict(zip(("OUT", "A0", "A1", "A2"), views, strict=False))
    count = operation.output.elements
    sources = ("vectors.cl", "vector_elementwise.cl")
    fixed = ("W", "INPUTS", "A0_S5", "A1_S5", "A2_S5")
    return made(values, operation, "elementwise", named, macros, sizes, *sources, flops=count, fixed=fixed)


def _group_norm(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    x, weight, bias = operation.inputs
    n, channels, pixels = x.shape
    attributes = operation.attributes
    each = channels // attributes["groups"]
    slab = math.lcm(each, lanes)
    if x.strides[1] != 1 or operation.output.strides[1] != 1 or channels % slab:
        return portable(values, operation)
    macros: Macros = {"W": lanes, "SLAB": slab, "CHANNELS": each, "PIXELS": pixels}
    macros |= {"EPSILON": float(attributes["epsilon"]), "SILU": int(attributes["silu"])}
    views = {"OUT": operation.output, "A0": x, "A1": weight, "A2": bias}
    sizes = (channels // slab, n), (1, 1)
    sources = ("vectors.cl", "vector_group_norm.cl")
    fixed = ("W", "SLAB", "SILU")
    return made(
        values, operation, "group_norm", views, macros, sizes, *sources, flops=8 * x.elements, fixed=fixed
    )


def _layer_norm(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    rows, width = operation.output.shape
    if any(view.strides[-1] != 1 for view in (operation.output, *operation.inputs)):
        return portable(values, operation)
    macros: Macros = {"KIND": "LAYER_NORM", "EPSILON": float(operation.attributes["epsilon"])}
    macros |= {"ROW_OF(X)": "(m * X##_S0)", "M": rows, "B1": 1, "C0": 1, "C1": width, "STEP": 0}
    return _rows(values, operation, macros, rows, width, lanes, 8)


def _softmax_statistics(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    b0, b1, rows, width = operation.inputs[0].shape
    if operation.inputs[0].strides[-1] != 1:
        return portable(values, operation)
    macros: Macros = {"KIND": "STATISTICS", "ROW_OF(X)": "(b0 * X##_S0 + b1 * X##_S1 + m * X##_S2)"}
    macros |= {"M": rows, "B1": b1, "C0": 1, "C1": width, "STEP": 0}
    return _rows(values, operation, macros, b0 * b1 * rows, width, lanes, 3)


def _argmax(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    rows, width = operation.inputs[0].shape
    if operation.inputs[0].strides[-1] != 1:
        return portable(values, operation)
    macros: Macros = {"KIND": "ARGMAX", "ROW_OF(X)": "(m * X##_S0)", "M": rows, "B1": 1}
    return _rows(values, operation, macros | {"C0": 1, "C1": width, "STEP": 0}, rows, width, lanes, 1)


def _reduce(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    x = launches.inner_last(operation.inputs[0])
    if x.strides[3] != 1 and x.shape[3] > 1:
        return portable(values, operation)
    macros: Macros = {"KIND": "REDUCE", "FUNCTION": operation.attributes["function"].upper()}
    macros |= {name.upper(): index for index, name in enumerate(FUNCTIONS)}
    macros |= {"ROW_OF(X)": "(b1 * X##_S0 + m * X##_S1)", "M": x.shape[1], "B1": x.shape[0]}
    macros |= {"C0": x.shape[2], "C1": x.shape[3], "STEP": x.strides[2]}
    elements = x.shape[2] * x.shape[3]
    return _rows(values, operation, macros, x.shape[0] * x.shape[1], elements, lanes, 1, x)


def _winograd(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    views, macros = launches.winograd_parts(operation)
    images = [view for view in (operation.output, *operation.inputs) if len(view.shape) == 4]
    tiles, channels = int(macros["COUNT"]), int(macros["CHANNELS"])
    if channels < lanes or any(view.strides[1] not in (0, 1) for view in images) or images[0].strides[1] != 1:
        return portable(values, operation)
    at_once = max(1, ELEMENTS // (channels * operation.attributes["tile"] ** 2))
    macros |= {"W": lanes, "TILES": at_once}
    flops = launches.winograd_flops(operation.attributes["tile"], tiles, channels)
    fixed = ("W", "INPUT", "TILE", "UPSAMPLE", "EXTRAS", "E0_S1", "E1_S1", "E2_S1")
    sources = ("vectors.cl", "vector_winograd.cl")
    sizes = (-(-tiles // at_once),), (1,)
    return made(values, operation, operation.kind, views, macros, sizes, *sources, flops=flops, fixed=fixed)


def _rows(
    values: Mapping[str, Value],
    operation: Operation,
    macros: Macros,
    rows: int,
    width: int,
    lanes: int,
    flops_each: int,
    x: View | None = None,
) -> Launch:
    at_once = max(1, ELEMENTS // width)
    macros |= {name: index for index, name in enumerate(KINDS)}
    macros |= {"W": lanes, "ROWS": at_once, "COUNT": rows}
    views = {"OUT": operation.output} | {f"A{i}": view for i, view in enumerate(operation.inputs)}
    if x is not None:
        views["A0"] = x
    flops = flops_each * rows * width
    sizes = (-(-rows // at_once),), (1,)
    sources = ("vectors.cl", "vector_rows.cl")
    fixed = ("W", *KINDS, *(name.upper() for name in FUNCTIONS))
    return made(values, operation, "rows", views, macros, sizes, *sources, flops=flops, fixed=fixed)
