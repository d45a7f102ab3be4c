"""Rounding to whole steps whose size and zero point are learnt (LSQ, LSQ+), without a look at their values from the host.

PyTorch's own kernels for it read step and zero point back for every call: on a GPU that is a wait a quantizer, hundreds a
training step, and no CUDA graph can hold them. These are plain operations, in the same order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class LearnedStep(torch.autograd.Function):
    """``(round(values / step + zero_point) clamped to lowest..highest, - zero_point) * step``, shaped as the values.

    The gradient passes the rounding as if it were not there. That of the step is the rounding's own error inside of the
    range and the bound outside (arXiv 1902.08153, equation 3), that of the zero point is minus the step outside (arXiv
    2004.09576), as PyTorch's ``_fake_quantize_learnable_*`` have them.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, step: Tensor, zero_point: Tensor, lowest: int, highest: int
    ) -> Tensor:
        """``step`` and ``zero_point``, which is rounded, are fp32 and broadcast against the values."""
        zero_point = zero_point.round()
        bounds = lowest - zero_point, highest - zero_point
        ctx.save_for_backward(values, step, *bounds)
        return _clamped((values / step).round(), *bounds) * step

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        values, step, lowest, highest = ctx.saved_tensors
        ratio = values / step
        rounded = ratio.round()
        level = _clamped(rounded, lowest, highest)
        inside = level == rounded
        passed = gradient * inside
        of_step = gradient * level - passed * ratio
        of_zero_point = (passed - gradient) * step
        return passed, _summed(of_step, step), _summed(of_zero_point, lowest), None, None


def _clamped(values: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(values, lowest), highest)


def _summed(values: Tensor, like: Tensor) -> Tensor:
    """Over the dimensions that ``like`` was broadcast along."""
    return values.sum_to_size(like.shape)
