"""Winograd's convolutions, F(2×2, 3×3), as a rewriting of OpenVINO's graph.

OpenVINO multiplies out a 3×3 convolution: 36 products for 2×2 results of a pair of channels. Taken tile by tile, sixteen sums of
a 4×4 patch times sixteen sums of the kernel give the same four results (Lavin and Gray, arXiv 1509.09308): products of
matrices, one for each of the sixteen, with the channels between them. All of it is said in OpenVINO's own operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from openvino import Node
from openvino import opset13 as op

from backends.openvino.rewriting import KERNEL, Rewriting

TILE, PATCH = 2, 4
POSITIONS = PATCH * PATCH
LEAST_CHANNELS = 128.0
"""A convolution of ``c`` channels into ``o`` is rewritten where ``c o / (c + o)`` is no less: what is saved grows with the
product of the channels, what the sums cost with their number. On two cores of a Zen 5, one of 1280, 640 and 320 channels into as
many, of 16, 32 and 64 pixels a side, takes 0.58, 0.67 and 0.86 of the time."""

_PATCH_SUMS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)
_KERNEL_SUMS = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_RESULT_SUMS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)


def _pays(convolution: Node) -> bool:
    made, given = list(convolution.input_value(1).get_shape())[:2]
    return made * given / (made + given) >= LEAST_CHANNELS


def _remade(convolution: Node, kernels: Sequence[Node]) -> Node:
    """The same function as a convolution of 3×3, stride 1 and padding 1; ``kernels`` is one constant (16, made, given)."""
    (weight,) = kernels
    batch, given, height, width = convolution.input_value(0).get_shape()
    down, across = -(-height // TILE), -(-width // TILE)
    made = weight.get_output_shape(0)[1]
    tiles = batch * down * across

    rows = op.transpose(convolution.input_value(0), _integers(0, 2, 3, 1))
    beyond = _integers(0, 1 + down * TILE - height, 1 + across * TILE - width, 0)
    padded = op.pad(rows, _integers(0, 1, 1, 0), beyond, "constant")
    strides = _integers(1, TILE, TILE, 1)
    patches = []
    for y, x in product(range(PATCH), repeat=2):
        ends = _integers(batch, y + TILE * (down - 1) + 1, x + TILE * (across - 1) + 1, given)
        part = op.strided_slice(padded, _integers(0, y, x, 0), ends, strides, [0] * 4, [0] * 4)
        patches.append(op.reshape(part, _integers(1, tiles * given), special_zero=False))
    sums = op.matmul(_reals(np.kron(_PATCH_SUMS, _PATCH_SUMS)), op.concat(patches, 0), False, False)
    sums = op.reshape(sums, _integers(POSITIONS, tiles, given), special_zero=False)

    products = op.matmul(sums, weight, False, True)
    products = op.reshape(products, _integers(POSITIONS, tiles * made), special_zero=False)

    results = op.matmul(_reals(np.kron(_RESULT_SUMS, _RESULT_SUMS)), products, False, False)
    results = op.reshape(results, _integers(TILE, TILE, batch, down, across, made), special_zero=False)
    results = op.transpose(results, _integers(2, 5, 3, 0, 4, 1))
    whole = op.reshape(results, _integers(batch, made, down * TILE, across * TILE), special_zero=False)
    if (down * TILE, across * TILE) == (height, width):
        return whole
    return op.slice(whole, _integers(0, 0), _integers(height, width), _integers(1, 1), _integers(2, 3))


def _kernels(weight: np.ndarray) -> list[np.ndarray]:
    """The sums of kernels (made, given, 3, 3): (16, made, given)."""
    made, given = weight.shape[:2]
    flat = torch.from_numpy(weight).view(made * given, KERNEL * KERNEL)
    return [(torch.kron(_KERNEL_SUMS, _KERNEL_SUMS) @ flat.T).view(POSITIONS, made, given).numpy()]


def _integers(*values: int) -> Node:
    return op.constant(np.array(values, np.int64))


def _reals(values: np.ndarray) -> Node:
    return op.constant(np.ascontiguousarray(values, np.float32))


REWRITING = Rewriting("winograd", _pays, _kernels, _remade)
