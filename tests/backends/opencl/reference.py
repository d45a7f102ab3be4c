"""Runs our graph with torch, operation by operation, in float64: what every pass and every kernel must agree with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from backends.opencl.graph import Graph, Operation, View
from backends.opencl.packing import packed

Tensor = torch.Tensor

ELEMENTWISE: dict[str, Any] = {
    "copy": lambda s, a: a,
    "add": lambda s, a, b: a + b,
    "sub": lambda s, a, b: a - b,
    "mul": lambda s, a, b: a * b,
    "div": lambda s, a, b: a / b,
    "add_scalar": lambda s, a: a + s[0],
    "mul_scalar": lambda s, a: a * s[0],
    "div_scalar": lambda s, a: a / s[0],
    "rsub_scalar": lambda s, a: s[0] - a,
    "silu": lambda s, a: F.silu(a),
    "sigmoid": lambda s, a: a.sigmoid(),
    "exp": lambda s, a: a.exp(),
    "sin": lambda s, a: a.sin(),
    "cos": lambda s, a: a.cos(),
    "erf": lambda s, a: a.erf(),
    "tanh": lambda s, a: a.tanh(),
    "neg": lambda s, a: -a,
    "sqrt": lambda s, a: a.sqrt(),
    "reciprocal": lambda s, a: 1 / a,
    "clamp_min": lambda s, a: a.clamp_min(s[0]),
    "relu": lambda s, a: a.relu(),
    "gelu": lambda s, a: F.gelu(a),
    "gelu_tanh": lambda s, a: F.gelu(a, approximate="tanh"),
    "geglu": lambda s, a, b: a * F.gelu(b),
    "quick_gelu": lambda s, a: a * (s[0] * a).sigmoid(),
    "normalize": lambda s, a, b, c: (a - b) * (c + s[0]).rsqrt(),
    "affine": lambda s, a, b, c: a * b + c,
}


def run(graph: Graph, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs of the graph, float64."""
    memory = {
        name: torch.full((value.size,), math.nan, dtype=torch.float64) for name, value in graph.values.items()
    }
    for name, weight in graph.weights.items():
        memory[name] = torch.from_numpy(packed(weight)).double().flatten()
    for name, view in graph.inputs.items():
        memory[view.value] = inputs[name].double().flatten()
    for operation in graph.operations:
        values = [read(memory, view) for view in operation.inputs]
        result = compute(operation, values)
        assert result.shape == operation.output.shape, operation
        read(memory, operation.output).copy_(result)
    return [read(memory, view).clone() for view in graph.outputs]


def read(memory: Mapping[str, Tensor], view: View) -> Tensor:
    return torch.as_strided(memory[view.value], view.shape, view.strides, view.offset)


def compute(operation: Operation, values: list[Tensor]) -> Tensor:
    """One operation on float64 tensors of its views' shapes."""
    attributes = operation.attributes
    if operation.kind == "elementwise":
        return ELEMENTWISE[attributes["expression"]](attributes["scalars"], *values)
    if operation.kind == "winograd_output":
        return _winograd_output(attributes, *values, shape=operation.output.shape)
    return globals()[f"_{operation.kind}"](attributes, *values)


def _extras(attributes: Mapping[str, Any], out: Tensor, extras: tuple[Tensor, ...]) -> Tensor:
    for name, extra in zip(attributes["extras"], extras, strict=True):
        if name in ("bias", "residual"):
            out = out + extra
    return out


def _matmul(attributes: Mapping[str, Any], a: Tensor, b: Tensor, *extras: Tensor) -> Tensor:
    if "statistics" in attributes["extras"]:
        statistics = extras[attributes["extras"].index("statistics")]
        a = (a - statistics[..., :1]).exp() * statistics[..., 1:]
    return _extras(attributes, a @ b * attributes["scale"], extras)


def _gated_matmul(attributes: Mapping[str, Any], a: Tensor, b: Tensor, *extras: Tensor) -> Tensor:
    values, gates = (
        _matmul(attributes, a, b, *extras).unflatten(-1, (-1, 2, attributes["together"])).unbind(-2)
    )
    return (values * F.gelu(gates)).flatten(-2)


def _conv2d(attributes: Mapping[str, Any], x: Tensor, weight: Tensor, *extras: Tensor) -> Tensor:
    if attributes["upsample"] == 2:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    out = F.conv2d(x, weight.permute(3, 2, 0, 1), stride=attributes["stride"], padding=attributes["padding"])
    return _extras(attributes, out, extras)


def _unpaneled(panels: Tensor, columns: int) -> Tensor:
    return panels.transpose(-2, -3).flatten(-2)[..., :columns]


def _panels(attributes: Mapping[str, Any], b: Tensor) -> Tensor:
    width = attributes["width"]
    whole = F.pad(b, (0, -b.shape[-1] % width))
    return whole.unflatten(-1, (-1, width)).transpose(-2, -3)


def _panel_matmul(attributes: Mapping[str, Any], a: Tensor, panels: Tensor, *extras: Tensor) -> Tensor:
    return _matmul(attributes, a, _unpaneled(panels, attributes["columns"]), *extras)


def _panel_gated_matmul(attributes: Mapping[str, Any], a: Tensor, panels: Tensor, *extras: Tensor) -> Tensor:
    return _gated_matmul(attributes, a, _unpaneled(panels, attributes["columns"]), *extras)


def _panel_conv2d(attributes: Mapping[str, Any], x: Tensor, panels: Tensor, *extras: Tensor) -> Tensor:
    return _conv2d(attributes, x, _unpaneled(panels, attributes["columns"]), *extras)


def _group_norm(attributes: Mapping[str, Any], x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    out = F.group_norm(x, attributes["groups"], weight, bias, attributes["epsilon"])
    return F.silu(out) if attributes["silu"] else out


def _group_statistics(attributes: Mapping[str, Any], x: Tensor) -> Tensor:
    n, _, pixels = x.shape
    grouped = x.reshape(n, attributes["groups"], -1, pixels)
    slices = grouped.split(-(-pixels // attributes["slices"]), -1)
    return torch.stack([_mean_and_squares(part.flatten(2)) for part in slices], 1)


def _mean_and_squares(rows: Tensor) -> Tensor:
    return torch.stack([rows.mean(-1), rows.var(-1, correction=0) * rows.shape[-1]], -1)


def _group_apply(attributes: Mapping[str, Any], x: Tensor, _: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return _group_norm(attributes, x, weight, bias)


def _layer_norm(attributes: Mapping[str, Any], x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], weight, bias, attributes["epsilon"])


def _reduce(attributes: Mapping[str, Any], x: Tensor, *_: Tensor) -> Tensor:
    rows = x.flatten(2)
    return {
        "mean": lambda: rows.mean(-1),
        "sum": lambda: rows.sum(-1),
        "max": lambda: rows.amax(-1),
        "variance": lambda: rows.var(-1, correction=0),
    }[attributes["function"]]()


def _softmax(_: Mapping[str, Any], x: Tensor) -> Tensor:
    return x.softmax(-1)


def _softmax_statistics(_: Mapping[str, Any], x: Tensor) -> Tensor:
    maximum = x.amax(-1, keepdim=True)
    return torch.cat([maximum, 1 / (x - maximum).exp().sum(-1, keepdim=True)], -1)


def _attention(attributes: Mapping[str, Any], q: Tensor, k: Tensor, v: Tensor, *mask: Tensor) -> Tensor:
    scores = q @ k.transpose(-1, -2) * attributes["scale"]
    return (scores + mask[0] if mask else scores).softmax(-1) @ v


_flash_attention = _attention


def _magnitudes(_: Mapping[str, Any], *tensors: Tensor) -> Tensor:
    return torch.stack([tensor.abs().amax() for tensor in tensors])[:, None].expand(3, 64)


def _power(magnitudes: Tensor) -> Tensor:
    """For each tensor the power of two that takes its largest magnitude to 2^13 and above, below 2^14."""
    return 2.0 ** (13 - torch.floor(torch.log2(magnitudes.amax(1))))


def _halves(_: Mapping[str, Any], *inputs: Tensor) -> Tensor:
    *tensors, magnitudes = inputs
    scaled = torch.stack(tensors) * _power(magnitudes).reshape(3, 1, 1, 1, 1)
    big = scaled.half().double()
    return torch.stack([big, scaled - big], 1)


def _halves_attention(
    attributes: Mapping[str, Any], q: Tensor, k: Tensor, v: Tensor, magnitudes: Tensor
) -> Tensor:
    power = _power(magnitudes)
    sums = [both.sum(0) / power[which] for which, both in enumerate((q, k, v))]
    return _attention(attributes, *sums)


INPUT_TRANSFORMS = {
    2: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    4: [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
}
OUTPUT_TRANSFORMS = {
    2: [[1, 1, 1, 0], [0, 1, -1, -1]],
    4: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}


def _winograd_input(attributes: Mapping[str, Any], x: Tensor) -> Tensor:
    tile = attributes["tile"]
    x = x.repeat_interleave(attributes["upsample"], 2).repeat_interleave(attributes["upsample"], 3)
    rows, columns = (-(-length // tile) * tile - length for length in x.shape[2:])
    padded = F.pad(x, (1, 1 + columns, 1, 1 + rows))
    blocks = padded.unfold(2, tile + 2, tile).unfold(3, tile + 2, tile)
    transform = torch.tensor(INPUT_TRANSFORMS[tile], dtype=torch.float64)
    out = torch.einsum("ai,nchwij,bj->abnhwc", transform, blocks, transform)
    return out.reshape((tile + 2) ** 2, -1, x.shape[1])


def _winograd_output(
    attributes: Mapping[str, Any], products: Tensor, *extras: Tensor, shape: tuple[int, ...]
) -> Tensor:
    tile = attributes["tile"]
    n, channels, height, width = shape
    down, across = -(-height // tile), -(-width // tile)
    blocks = products.reshape(tile + 2, tile + 2, n, down, across, channels)
    transform = torch.tensor(OUTPUT_TRANSFORMS[tile], dtype=torch.float64)
    out = torch.einsum("ia,abnhwc,jb->nchiwj", transform, blocks, transform)
    out = out.reshape(n, channels, down * tile, across * tile)[..., :height, :width]
    return _extras(attributes, out, extras)


def _embedding(_: Mapping[str, Any], ids: Tensor, table: Tensor) -> Tensor:
    return table[ids.long()]


def _embedding_bag(
    _: Mapping[str, Any], ids: Tensor, table: Tensor, starts: Tensor, weights: Tensor
) -> Tensor:
    return F.embedding_bag(ids.long(), table, starts.long(), mode="sum", per_sample_weights=weights)


def _argsort(attributes: Mapping[str, Any], x: Tensor) -> Tensor:
    return torch.sort(x, dim=-1, descending=attributes["descending"], stable=True).indices.double()


def _argmax(_: Mapping[str, Any], x: Tensor) -> Tensor:
    return (x == x.amax(-1, keepdim=True)).to(torch.int8).argmax(-1).double()


def _gather(_: Mapping[str, Any], x: Tensor, index: Tensor) -> Tensor:
    return x.gather(1, index.long())


def _scatter(attributes: Mapping[str, Any], x: Tensor, index: Tensor, source: Tensor) -> Tensor:
    if attributes["add"]:
        return x.scatter_add(1, index.long(), source)
    out = x.clone()
    for m in range(index.shape[1]):
        out.scatter_(1, index[:, m : m + 1].long(), source[:, m : m + 1])
    return out


def _cumsum(_: Mapping[str, Any], x: Tensor) -> Tensor:
    return x.cumsum(1)
