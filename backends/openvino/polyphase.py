"""Upsampling by two and the 3×3 convolution behind it as four 2×2 convolutions before it, a rewriting of OpenVINO's graph.

Where every pixel is written four times, a 3×3 kernel meets each of them up to four times. Of its rows ``w0, w1, w2`` an even row
has ``w0, w1 + w2``, for the row above and its own, and an odd one ``w0 + w1, w2``, for its own and the row below; columns alike.
Each of the four phases is a 2×2 convolution of what is not upsampled yet, and their results interleave (Shi et al., arXiv
1609.07009): 16 products instead of 36, the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from openvino import Node
from openvino import opset13 as op

from backends.openvino.rewriting import KERNEL, Rewriting

FACTOR = 2
PHASES = tuple(product(range(FACTOR), repeat=2))
"""Rows and columns of the result: even and even, even and odd, odd and even, odd and odd."""


def _is_upsampled(convolution: Node) -> bool:
    """Whether this convolves nothing but pixels that nearest upsampling doubled."""
    return _doubles(convolution.input_value(0).get_node())


def _doubles(node: Node) -> bool:
    if node.get_type_name() != "Interpolate":
        return False
    attributes: dict[str, Any] = node.get_attributes()
    before, after = list(node.get_input_shape(0)), list(node.get_output_shape(0))
    return (
        attributes["mode"] == "nearest"
        and attributes["coordinate_transformation_mode"] == "asymmetric"
        and attributes["nearest_mode"] in ("floor", "round_prefer_floor", "simple")
        and after == [*before[:2], before[2] * FACTOR, before[3] * FACTOR]
    )


def _kernels(weight: np.ndarray) -> list[np.ndarray]:
    """Of kernels (made, given, 3, 3) those of each phase: (made, given, 2, 2)."""
    return [_phase(_phase(weight, row, 2), column, 3) for row, column in PHASES]


def _remade(convolution: Node, kernels: Sequence[Node]) -> Node:
    small = convolution.input_value(0).get_node().input_value(0)
    phases = [
        op.convolution(small, kernel, [1, 1], [1 - row, 1 - column], [row, column], [1, 1])
        for (row, column), kernel in zip(PHASES, kernels, strict=True)
    ]
    return op.depth_to_space(op.concat(phases, 1), "blocks_first", FACTOR)


def _phase(weight: np.ndarray, phase: int, axis: int) -> np.ndarray:
    """The two taps along an axis that an even (0) or an odd (1) result has of a kernel's three."""
    first, middle, last = np.split(weight, KERNEL, axis)
    taps = (first, middle + last) if phase == 0 else (first + middle, last)
    return np.concatenate(taps, axis)


REWRITING = Rewriting("polyphase", _is_upsampled, _kernels, _remade)
