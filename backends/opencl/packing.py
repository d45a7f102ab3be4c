"""Weights in the layouts that kernels read: named steps from a module's own tensor to what is uploaded.

A graph holds no packed copies. A :class:`~backends.opencl.graph.Weight` says from which tensor and by which steps its
elements come, so that a captured graph can be kept on disk without them.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from backends.opencl.graph import DTYPES, Weight

FILTER_TRANSFORMS = {
    2: np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
    4: np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
}
"""G of arXiv 1509.09308, by output tile: a filter g becomes G g G^T."""


def packed(weight: Weight, dtype: str | None = None) -> np.ndarray:
    """The weight's elements, flat, as a value of ``dtype`` (a key of ``DTYPES``) holds them.

    None stands for fp32, or int32 for whole numbers. The memory begins at a page: a processor's runtime then reads it where
    it is, and copies what begins elsewhere.
    """
    tensor = torch.from_numpy(weight.source)
    # A filter's transform mixes its taps and panels cut its columns: in this order the larger result is written once.
    for step in sorted(weight.steps, key=lambda step: step.startswith("winograd")):
        name, number = re.fullmatch(r"([a-z_]+?)(\d*)", step).groups()  # pyright: ignore[reportOptionalMemberAccess]
        tensor = STEPS[name](tensor, int(number or 0))
    whole = not tensor.is_floating_point()
    out = _page_aligned(tensor.numel(), DTYPES[dtype or ("int32" if whole else "fp32")])
    torch.from_numpy(out).view(tensor.shape).copy_(tensor)
    return out


def _page_aligned(count: int, dtype: Any) -> np.ndarray:
    size = count * np.dtype(dtype).itemsize
    memory = np.empty(size + mmap.PAGESIZE, np.uint8)
    start = -memory.ctypes.data % mmap.PAGESIZE
    return memory[start : start + size].view(dtype)


def _transposed(tensor: torch.Tensor, _: int) -> torch.Tensor:
    return tensor.transpose(-1, -2)


def _convolution(tensor: torch.Tensor, _: int) -> torch.Tensor:
    """(O, C, kh, kw) → (kh, kw, C, O)."""
    return tensor.permute(2, 3, 1, 0)


def _filters(tensor: torch.Tensor, _: int) -> torch.Tensor:
    """(kh, kw, C, O) → (O, kh, kw, C)."""
    return tensor.permute(3, 0, 1, 2)


def _winograd(tensor: torch.Tensor, tile: int) -> torch.Tensor:
    """(3, 3, ...) → (A*A, ...): the rows of G (x) G times the nine taps."""
    transform = np.kron(FILTER_TRANSFORMS[tile], FILTER_TRANSFORMS[tile])
    rest = tensor.shape[2:]
    return (torch.from_numpy(transform).to(tensor.dtype) @ tensor.reshape(9, -1)).reshape(-1, *rest)


def _panels(tensor: torch.Tensor, width: int) -> torch.Tensor:
    """(..., K, N) → (..., P, K, width): columns in panels, the last one filled up with zeros."""
    *batch, depth, columns = tensor.shape
    panels = -(-columns // width)
    if panels * width != columns:
        tensor = torch.nn.functional.pad(tensor, (0, panels * width - columns))
    return tensor.reshape(*batch, depth, panels, width).transpose(-2, -3)


def _paired(tensor: torch.Tensor, each: int) -> torch.Tensor:
    """(..., K, 2 H) → the same columns in turns: ``each`` of the first half, and as many of the second."""
    *batch, columns = tensor.shape
    return tensor.reshape(*batch, 2, columns // (2 * each), each).transpose(-3, -2).reshape(tensor.shape)


STEPS: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "transposed": _transposed,
    "convolution": _convolution,
    "filters": _filters,
    "winograd": _winograd,
    "panels": _panels,
    "paired": _paired,
}
"""What a step does, by its name; a number behind the name is its argument."""
