"""What the ATen operations on indices become: sorting, gathering and scattering along the last axis, and rows by index.

Whole numbers pass through kernels as floats, so they are exact below 2^24: the tokens of any picture we make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from backends.opencl.aten import elementwise
from backends.opencl.capture import Builder
from backends.opencl.graph import View


def _rows(builder: Builder, x: Any) -> View:
    """(..., N) as (R, N); one axis is one row."""
    view = builder.constant(x)
    return builder.reshaped(view, (view.elements // view.shape[-1], view.shape[-1]))


def _last_axis(x: Any, axis: int, what: str) -> None:
    if axis % len(x.shape) != len(x.shape) - 1:
        raise NotImplementedError(f"{what} over axis {axis}")


def _argsort(builder: Builder, x: View, axis: int = -1, descending: bool = False) -> View:
    _last_axis(x, axis, "a sort")
    rows = _rows(builder, x)
    out = builder.emit("argsort", (rows,), rows.shape, dtype="int32", descending=descending)
    return builder.reshaped(out, x.shape)


def _max(builder: Builder, x: View, axis: int, keep: bool = False) -> list[View]:
    _last_axis(x, axis, "a maximum")
    rows = _rows(builder, x)
    shape = (*x.shape[:-1], 1) if keep else x.shape[:-1]
    count, width = rows.shape
    wide = builder.reshaped(rows, (count, 1, 1, width))
    largest = builder.emit("reduce", (wide,), (count, 1), function="max")
    place = builder.emit("argmax", (rows,), (count,), dtype="int32")
    return [builder.reshaped(view, shape) for view in (largest, place)]


def _gather(builder: Builder, x: Any, axis: int, index: View) -> View:
    _last_axis(x, axis, "gathering")
    rows, wanted = _rows(builder, x), _rows(builder, index)
    return builder.reshaped(builder.emit("gather", (rows, wanted), wanted.shape, like=rows), index.shape)


def _index(builder: Builder, x: Any, indices: list[Any]) -> View:
    if len(x.shape) != 1 or len(indices) != 1:
        raise NotImplementedError("indexing of more than one axis")
    flat = builder.reshaped(builder.constant(indices[0]), (1, indices[0].elements))
    rows = _rows(builder, x)
    return builder.reshaped(builder.emit("gather", (rows, flat), flat.shape, like=rows), indices[0].shape)


def _index_select(builder: Builder, x: View, axis: int, index: Any) -> View:
    """Whole rows of (B, N, C) by (D,), the batch being one long table."""
    if len(x.shape) != 3 or axis % 3 != 1 or isinstance(index, View):
        raise NotImplementedError("rows by an index that is computed, or of other than (B, N, C)")
    batch, count, channels = x.shape
    table = builder.reshaped(x, (batch * count, channels))
    rows = (torch.arange(batch)[:, None] * count + index).flatten()
    out = builder.emit("embedding", (builder.constant(rows), table), (len(rows), channels))
    return builder.reshaped(out, (batch, len(index), channels))


def _scatter(add: bool) -> Callable[..., View]:
    def handle(builder: Builder, x: Any, axis: int, index: View, source: Any) -> View:
        _last_axis(x, axis, "scattering")
        inputs = tuple(_rows(builder, item) for item in (x, index, source))
        out = builder.emit("scatter", inputs, inputs[0].shape, like=inputs[0], add=add)
        return builder.reshaped(out, tuple(x.shape))

    return handle


def _cumsum(builder: Builder, x: View, axis: int, **_: Any) -> View:
    _last_axis(x, axis, "a running sum")
    rows = _rows(builder, x)
    return builder.reshaped(builder.emit("cumsum", (rows,), rows.shape, like=rows), x.shape)


def _embedding_bag(
    builder: Builder,
    table: View,
    ids: View,
    starts: View,
    by_frequency: bool = False,
    mode: int = 0,
    sparse: bool = False,
    weights: Any = None,
    with_last: bool = False,
    padding: int | None = None,
) -> list[View]:
    if mode != 0 or weights is None or with_last or padding is not None:
        raise NotImplementedError("bags that are no weighted sums")
    inputs = (ids, table, starts, builder.constant(weights))
    return [builder.emit("embedding_bag", inputs, (starts.elements, table.shape[1]))]


def _norm(
    builder: Builder, x: View, order: float = 2, axes: Any = None, keep: bool = False, **_: Any
) -> View:
    if order != 2 or [axis % len(x.shape) for axis in axes or ()] != [len(x.shape) - 1]:
        raise NotImplementedError(f"the norm {order} over {axes}")
    squares = _rows(builder, elementwise(builder, "mul", x, x))
    count, width = squares.shape
    total = builder.emit(
        "reduce", (builder.reshaped(squares, (count, 1, 1, width)),), (count, 1), function="sum"
    )
    shape = (*x.shape[:-1], 1) if keep else x.shape[:-1]
    return builder.reshaped(elementwise(builder, "sqrt", total), shape)


def _filled(value: float) -> Callable[..., View]:
    def handle(builder: Builder, x: View, **_: Any) -> View:
        whole = builder.values[x.value].dtype == "int32"
        return builder.constant(torch.full(x.shape, value, dtype=torch.int64 if whole else torch.float32))

    return handle


def _unflatten(builder: Builder, x: View, axis: int, sizes: list[int]) -> View:
    axis %= len(x.shape)
    known = [size for size in sizes if size != -1]
    missing = x.shape[axis]
    for size in known:
        missing //= size
    filled = [missing if size == -1 else size for size in sizes]
    return builder.reshaped(x, (*x.shape[:axis], *filled, *x.shape[axis + 1 :]))


def _clamp_min(builder: Builder, x: View, least: float) -> View:
    return elementwise(builder, "clamp_min", x, scalars=(float(least),))


def _reciprocal(builder: Builder, x: View) -> View:
    return elementwise(builder, "reciprocal", x)


HANDLERS: dict[str, Callable[..., Any]] = {
    "argsort": _argsort,
    "max.dim": _max,
    "gather": _gather,
    "index.Tensor": _index,
    "index_select": _index_select,
    "scatter.src": _scatter(add=False),
    "scatter_add": _scatter(add=True),
    "cumsum": _cumsum,
    "embedding_bag": _embedding_bag,
    "linalg_vector_norm": _norm,
    "zeros_like": _filled(0.0),
    "ones_like": _filled(1.0),
    "unflatten": _unflatten,
    "clamp_min": _clamp_min,
    "reciprocal": _reciprocal,
}
