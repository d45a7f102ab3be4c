"""Winograd's convolutions, F(4, 3) along the columns of pixels, as a rewriting of OpenVINO's graph.

OpenVINO multiplies out a 3×3 convolution: 36 products for four results below one another, of a pair of channels. Six sums of the
six pixels above and below them, each convolved with three sums of the kernel, give the same four (Lavin and Gray, arXiv
1509.09308): 18 products. Sums of pixels and sums of results are matrices that a picture is multiplied with from the left, so that
no size needs padding; between them stand six convolutions of 1×3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openvino import Node
from openvino import opset13 as op

from backends.openvino.rewriting import KERNEL, Rewriting

TILE = 4
POSITIONS = TILE + KERNEL - 1
LEAST_CHANNELS = 128.0
"""A convolution of ``c`` channels into ``o`` is rewritten where ``c o / (c + o)`` is no less: what is saved grows with the
product of the channels, what the sums cost with their number. On two cores of a Zen 5, one of 1280, 640 and 320 channels into as
many, of 16, 32 and 64 pixels a side, takes 0.65, 0.58 and 0.69 of the time, one of 256 and 32 pixels 0.73; those of 128
take 0.88, too little for twice the memory."""

_PIXEL_SUMS = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
_KERNEL_SUMS = np.array(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float32
) / np.float32(24)
_RESULT_SUMS = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32
)


def _pays(convolution: Node) -> bool:
    made, given = list(convolution.input_value(1).get_shape())[:2]
    return made * given / (made + given) >= LEAST_CHANNELS


def _kernels(weight: np.ndarray) -> list[np.ndarray]:
    """Of kernels (made, given, 3, 3) those of each position: (made, given, 1, 3)."""
    return [np.tensordot(weight, sums, (2, 0))[:, :, None] for sums in _KERNEL_SUMS]


def _remade(convolution: Node, kernels: Sequence[Node]) -> Node:
    """The same function as a convolution of 3×3, stride 1 and padding 1."""
    pixels = convolution.input_value(0)
    height = pixels.get_shape()[2]
    sums = op.matmul(op.constant(_pixel_sums(height)), pixels, False, False)
    positions = op.split(sums, op.constant(np.int64(2)), POSITIONS).outputs()
    products = [
        op.convolution(position, kernel, [1, 1], [0, 1], [0, 1], [1, 1])
        for position, kernel in zip(positions, kernels, strict=True)
    ]
    return op.matmul(op.constant(_result_sums(height)), op.concat(products, 2), False, False)


def _pixel_sums(height: int) -> np.ndarray:
    """From the rows of a picture to those of the sums of each tile of four, position by position: (1, 1, 6 tiles, height). Above
    and below the picture is nothing."""
    tiles = -(-height // TILE)
    padded = np.zeros((POSITIONS, tiles, tiles * TILE + KERNEL - 1), np.float32)
    for tile in range(tiles):
        padded[:, tile, tile * TILE : tile * TILE + POSITIONS] = _PIXEL_SUMS
    return np.ascontiguousarray(padded[:, :, 1 : height + 1].reshape(1, 1, -1, height))


def _result_sums(height: int) -> np.ndarray:
    """From the rows of the products, position by position, to those of the result: (1, 1, height, 6 tiles)."""
    tiles = -(-height // TILE)
    rows = np.zeros((tiles, TILE, POSITIONS, tiles), np.float32)
    for tile in range(tiles):
        rows[tile, :, :, tile] = _RESULT_SUMS
    return np.ascontiguousarray(rows.reshape(1, 1, tiles * TILE, -1)[:, :, :height])


REWRITING = Rewriting("winograd", _pays, _kernels, _remade)
