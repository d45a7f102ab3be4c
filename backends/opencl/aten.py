"""What each ATen operation becomes in our graph: a view, or operations of the kinds in :mod:`backends.opencl.operations`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from backends.opencl.builder import Builder, Handler
from backends.opencl.graph import Shape, View, dense_strides, strides_like


def elementwise(
    builder: Builder,
    expression: str,
    *inputs: Any,
    scalars: tuple[float, ...] = (),
    dtype: str | None = None,
) -> View:
    """An elementwise operation of ``EXPRESSIONS`` on views or tensors, broadcast as torch does."""
    views = [builder.constant(item) for item in inputs]
    shape = tuple(torch.broadcast_shapes(*(view.shape for view in views)))
    leading = next((view for view in views if view.shape == shape and not _repeats(view)), None)
    strides = strides_like(leading) if leading else dense_strides(shape)
    return builder.emit(
        "elementwise",
        tuple(view.expanded(shape) for view in views),
        shape,
        strides,
        dtype,
        expression=expression,
        scalars=scalars,
    )


def _repeats(view: View) -> bool:
    return any(step == 0 and length > 1 for length, step in zip(view.shape, view.strides, strict=True))


def _unary(expression: str) -> Handler:
    return lambda builder, x, *_: elementwise(builder, expression, x)


def _binary(expression: str, scalar: str) -> Handler:
    def handle(builder: Builder, a: Any, b: Any, alpha: float = 1) -> View:
        if alpha != 1:
            raise NotImplementedError(f"alpha={alpha}")
        if isinstance(b, (int, float)):
            neutral = {"add_scalar": 0, "mul_scalar": 1, "div_scalar": 1}.get(scalar)
            if b == neutral and isinstance(a, View):
                return a
            return elementwise(builder, scalar, a, scalars=(float(b),))
        if isinstance(a, (int, float)):
            if expression not in ("add", "mul"):
                raise NotImplementedError(f"a number before {expression}")
            return elementwise(builder, scalar, b, scalars=(float(a),))
        return elementwise(builder, expression, a, b)

    return handle


def _sub(builder: Builder, a: Any, b: Any, alpha: float = 1) -> View:
    if isinstance(b, (int, float)):
        return elementwise(builder, "add_scalar", a, scalars=(-float(b) * alpha,))
    if isinstance(a, (int, float)):
        return elementwise(builder, "rsub_scalar", b, scalars=(float(a),))
    return _binary("sub", "")(builder, a, b, alpha)


def _gelu(builder: Builder, x: Any, approximate: str = "none") -> View:
    return elementwise(builder, "gelu" if approximate == "none" else "gelu_tanh", x)


def _reshape(builder: Builder, x: View, shape: list[int]) -> View:
    return builder.reshaped(x, _filled(x, shape))


def _filled(x: View, shape: list[int]) -> Shape:
    known = math.prod(length for length in shape if length != -1)
    return tuple(x.elements // known if length == -1 else length for length in shape)


def _flatten(builder: Builder, x: View, start: int = 0, end: int = -1) -> View:
    last = end % len(x.shape)
    shape = (*x.shape[:start], math.prod(x.shape[start : last + 1]), *x.shape[last + 1 :])
    return builder.reshaped(x, shape)


def _unsqueeze(builder: Builder, x: View, axis: int) -> View:
    axis %= len(x.shape) + 1
    return builder.reshaped(x, (*x.shape[:axis], 1, *x.shape[axis:]))


def _squeeze(builder: Builder, x: View, axis: int) -> View:
    axis %= len(x.shape)
    return x if x.shape[axis] != 1 else builder.reshaped(x, (*x.shape[:axis], *x.shape[axis + 1 :]))


def _transpose(_: Builder, x: View, first: int, second: int) -> View:
    order = list(range(len(x.shape)))
    order[first], order[second] = order[second], order[first]
    return x.permuted(order)


def _permute(_: Builder, x: View, order: list[int]) -> View:
    return x.permuted(axis % len(x.shape) for axis in order)


def _expand(_: Builder, x: View, shape: list[int]) -> View:
    missing = len(shape) - len(x.shape)
    full = tuple(x.shape[axis - missing] if length == -1 else length for axis, length in enumerate(shape))
    return x.expanded(full)


def _slice(
    _: Builder, x: View, axis: int = 0, start: int | None = 0, end: int | None = None, step: int = 1
) -> View:
    if step != 1:
        raise NotImplementedError(f"a slice with step {step}")
    axis %= len(x.shape)
    first, last = slice(start, end).indices(x.shape[axis])[:2]
    return x.sliced(axis, first, max(0, last - first))


def _select(builder: Builder, x: View, axis: int, index: int) -> View:
    axis %= len(x.shape)
    return _squeeze(builder, x.sliced(axis, index % x.shape[axis], 1), axis)


def _chunk(_: Builder, x: View, chunks: int, axis: int = 0) -> list[View]:
    return _split(_, x, -(-x.shape[axis] // chunks), axis)


def _split(_: Builder, x: View, size: int | list[int], axis: int = 0) -> list[View]:
    axis %= len(x.shape)
    total = x.shape[axis]
    sizes = size if isinstance(size, list) else [min(size, total - at) for at in range(0, total, size)]
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return [x.sliced(axis, start, length) for start, length in zip(starts, sizes, strict=True)]


def _cat(builder: Builder, parts: list[Any], axis: int = 0) -> View:
    views = [builder.constant(part) for part in parts]
    axis %= len(views[0].shape)
    shape = list(views[0].shape)
    shape[axis] = sum(view.shape[axis] for view in views)
    like = next((view for view in views if not _repeats(view)), None)
    order = sorted(range(len(shape)), key=lambda a: -like.strides[a]) if like else range(len(shape))
    strides, step = [1] * len(shape), 1
    for position in reversed(list(order)):
        strides[position] = step
        step *= shape[position]
    dtypes = {builder.values[view.value].dtype for view in views}
    dtype = "int32" if dtypes == {"int32"} else "fp32"
    whole, at = builder.output(tuple(shape), tuple(strides), "cat", dtype), 0
    for view in views:
        builder.copy_into(view, whole.sliced(axis, at, view.shape[axis]))
        at += view.shape[axis]
    return whole


def _linear(builder: Builder, x: View, weight: Any, bias: Any = None) -> View:
    if isinstance(weight, View):
        raise NotImplementedError("a weight that is computed")
    rows, features = (
        builder.reshaped(x, (1, 1, -1 % (x.elements // x.shape[-1] + 1) or 1, x.shape[-1])),
        weight.shape[0],
    )
    m = rows.shape[2]
    packed = builder.constant(weight, "transposed")
    inputs = [rows, builder.reshaped(packed, (1, 1, *packed.shape))]
    if bias is not None:
        inputs.append(builder.constant(bias).expanded((1, 1, m, features)))
    extras = ("bias",) if bias is not None else ()
    out = builder.emit("matmul", tuple(inputs), (1, 1, m, features), scale=1.0, extras=extras)
    return builder.reshaped(out, (*x.shape[:-1], features))


def _conv2d(
    builder: Builder,
    x: View,
    weight: Any,
    bias: Any = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    groups: int = 1,
) -> View:
    if groups != 1 or set(dilation) != {1} or len(set(stride)) != 1 or len(set(padding)) != 1:
        raise NotImplementedError(f"stride {stride}, padding {padding}, dilation {dilation}, groups {groups}")
    channels, _, kernel, width = weight.shape
    if kernel != width:
        raise NotImplementedError(f"a kernel of {kernel}x{width}")
    n, _, *size = x.shape
    height, wide = ((length + 2 * padding[0] - kernel) // stride[0] + 1 for length in size)
    shape = (n, channels, height, wide)
    inputs = [x, builder.constant(weight, "convolution")]
    if bias is not None:
        inputs.append(builder.reshaped(builder.constant(bias), (1, channels, 1, 1)).expanded(shape))
    return builder.emit(
        "conv2d",
        tuple(inputs),
        shape,
        channels_last(shape),
        kernel=kernel,
        stride=stride[0],
        padding=padding[0],
        upsample=1,
        extras=("bias",) if bias is not None else (),
    )


def channels_last(shape: Shape) -> Shape:
    """Strides of (N, C, H, W) with the channels innermost."""
    _, channels, height, width = shape
    return (channels * height * width, 1, width * channels, channels)


def _matmul(builder: Builder, a: Any, b: Any) -> View:
    a, b = builder.constant(a), builder.constant(b)
    batch = tuple(torch.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    a, b = (view.expanded((*batch, *view.shape[-2:])) for view in (a, b))
    pair = (1, 1, *batch)[-2:] if len(batch) <= 2 else (math.prod(batch[:-1]), batch[-1])
    left, right = (builder.reshaped(view, (*pair, *view.shape[-2:])) for view in (a, b))
    shape = (*pair, a.shape[-2], b.shape[-1])
    out = builder.emit("matmul", (left, right), shape, scale=1.0, extras=())
    return builder.reshaped(out, (*batch, *shape[-2:]))


def _group_norm(
    builder: Builder, x: View, groups: int, weight: Any, bias: Any, epsilon: float = 1e-5, *_: Any
) -> View:
    n, channels, *size = x.shape
    like = strides_like(x)
    flat = builder.reshaped(x, (n, channels, math.prod(size)))
    target = View("", x.shape, like).reshaped(flat.shape)
    affine = (builder.constant(weight), builder.constant(bias))
    out = builder.emit(
        "group_norm",
        (flat, *affine),
        flat.shape,
        target.strides if target else None,
        groups=groups,
        epsilon=epsilon,
        silu=False,
    )
    return builder.reshaped(out, x.shape)


def _layer_norm(
    builder: Builder, x: View, shape: list[int], weight: Any, bias: Any, epsilon: float = 1e-5, *_: Any
) -> View:
    if len(shape) != 1:
        raise NotImplementedError(f"a layer norm over {shape}")
    rows = builder.reshaped(x, (x.elements // shape[0], shape[0]))
    inputs = (rows, builder.constant(weight), builder.constant(bias))
    return builder.reshaped(builder.emit("layer_norm", inputs, rows.shape, epsilon=epsilon), x.shape)


def _attention(
    builder: Builder,
    query: View,
    key: View,
    value: View,
    mask: Any = None,
    dropout: float = 0.0,
    causal: bool = False,
    scale: float | None = None,
    **_: Any,
) -> View:
    if causal or len(query.shape) != 4:
        raise NotImplementedError("causal attention, or one of other than four dimensions")
    batch, heads, tokens, width = query.shape
    inputs = [query, key, value]
    if mask is not None:
        inputs.append(_added_mask(builder, mask).expanded((batch, heads, tokens, key.shape[2])))
    strides = (tokens * heads * width, width, heads * width, 1)
    factor = width**-0.5 if scale is None else scale
    return builder.emit("attention", tuple(inputs), query.shape, strides, scale=factor)


def _added_mask(builder: Builder, mask: Any) -> View:
    if isinstance(mask, View):
        return mask
    if mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape).masked_fill(~mask, -30000.0)
    return builder.constant(mask.clamp(min=-30000.0).contiguous())


def _embedding(builder: Builder, table: Any, ids: View, *_: Any) -> View:
    flat = builder.reshaped(ids, (ids.elements,))
    weight = builder.constant(table)
    out = builder.emit("embedding", (flat, weight), (ids.elements, weight.shape[1]))
    return builder.reshaped(out, (*ids.shape, weight.shape[1]))


def _upsample(builder: Builder, x: View, size: Any, factors: Any) -> View:
    """Nearest neighbours, twofold: every pixel is read by a view of stride 0, and copied."""
    n, channels, height, width = x.shape
    wanted = tuple(size) if size is not None else (int(height * factors[0]), int(width * factors[1]))
    if wanted != (2 * height, 2 * width):
        raise NotImplementedError(f"from {height}x{width} to {wanted[0]}x{wanted[1]}")
    shape = (n, channels, height, 2, width, 2)
    doubled = builder.reshaped(x, (n, channels, height, 1, width, 1)).expanded(shape)
    whole = (n, channels, *wanted)
    target = View("", whole, channels_last(whole)).reshaped(shape)
    assert target is not None
    out = builder.emit("elementwise", (doubled,), shape, target.strides, expression="copy", scalars=())
    return builder.reshaped(out, whole)


def _same(_: Builder, x: Any, *__: Any, **___: Any) -> Any:
    return x


def _cast(builder: Builder, x: View, *args: Any, dtype: Any = None, **__: Any) -> View:
    """Casts between float types move nothing: one precision is chosen for the whole graph. Whole numbers become floats."""
    wanted = next((item for item in (*args, dtype) if isinstance(item, torch.dtype)), None)
    whole = builder.values[x.value].dtype == "int32"
    if wanted is None or wanted.is_floating_point != whole:
        return x
    if not wanted.is_floating_point:
        raise NotImplementedError(f"a cast to {wanted}")
    return elementwise(builder, "copy", x, dtype="fp32")


def _softmax(builder: Builder, x: View, axis: int, *_: Any) -> View:
    if axis % len(x.shape) != len(x.shape) - 1:
        raise NotImplementedError(f"a softmax over axis {axis}")
    rows = builder.reshaped(x, (1, 1, x.elements // x.shape[-1], x.shape[-1]))
    return builder.reshaped(builder.emit("softmax", (rows,), rows.shape), x.shape)


def _getitem(_: Builder, parts: list[View], index: int) -> View:
    return parts[index]


HANDLERS: dict[str, Callable[..., Any]] = {
    **{name: _unary(name) for name in ("silu", "sigmoid", "exp", "sin", "cos", "erf", "tanh", "neg", "relu")},
    **dict.fromkeys(
        ("contiguous", "alias", "clone", "dropout", "detach", "detach_", "lift_fresh_copy"), _same
    ),
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), _reshape),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    **dict.fromkeys(("matmul", "bmm"), _matmul),
    "add": _binary("add", "add_scalar"),
    "add_": _binary("add", "add_scalar"),
    "sub": _sub,
    "mul": _binary("mul", "mul_scalar"),
    "div": _binary("div", "div_scalar"),
    "gelu": _gelu,
    "flatten": _flatten,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "permute": _permute,
    "expand": _expand,
    "slice": _slice,
    "select": _select,
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split,
    "cat": _cat,
    "linear": _linear,
    "conv2d": _conv2d,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
    "scaled_dot_product_attention": _attention,
    "softmax": _softmax,
    "embedding": _embedding,
    "upsample_nearest2d": _upsample,
    "getitem": _getitem,
}
