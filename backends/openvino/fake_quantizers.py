"""A network whose convolutions and products round as 8 bits round, in PyTorch: to train through, and to convert.

Every quantizer is a module of the layer that it belongs to and is reached by PyTorch's own hooks, so that copies, state
dictionaries, gradient checkpointing, token merging, torch.compile and tracing take the network as any other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from backends.openvino.learned_step import LearnedStep

LAYERS = (nn.Conv2d, nn.Linear)


class FakeQuantizer(nn.Module):
    """Rounds values to whole multiples of a step, counted from a zero point, and clamps them to ``lowest..highest``.

    Rounding passes gradients on as if it were not there, which gives the step the gradient of LSQ (arXiv 1902.08153) and the
    zero point that of LSQ+ (arXiv 2004.09576): on a CPU PyTorch's kernel, on a GPU ours, which asks nothing of the host
    (:mod:`backends.openvino.learned_step`). The step is learnt as its logarithm (arXiv
    1903.08066), so that a learning rate is a relative change whatever its size, and the zero point as its share of the
    levels.
    """

    log_step: nn.Parameter
    offset: nn.Parameter | None

    def __init__(
        self,
        step: Tensor,
        lowest: int,
        highest: int,
        zero_point: Tensor | None = None,
        channels_axis: int | None = None,
    ):
        """``step`` is positive, of one value, or of one a channel along ``channels_axis``. ``zero_point`` has one value, and
        is None where zero is the level 0 for good (symmetric)."""
        super().__init__()
        self.lowest, self.highest, self.channels_axis = lowest, highest, channels_axis
        self.log_step = nn.Parameter(step.detach().float().flatten().log())
        share = None if zero_point is None else zero_point.detach().float().flatten() / (highest - lowest)
        self.register_parameter("offset", None if share is None else nn.Parameter(share))

    @property
    def step(self) -> Tensor:
        """fp32, (1,) or (channels,)."""
        return self.log_step.exp()

    @property
    def zero_point(self) -> Tensor:
        """Which level zero has, in fp32, shaped as the step; quantizing rounds it."""
        if self.offset is None:
            return torch.zeros_like(self.log_step)
        return self.offset * (self.highest - self.lowest)

    def levels(self, values: Tensor) -> Tensor:
        """Whole numbers in fp32, shaped as the values: what an 8-bit integer would hold."""
        zero_point = self._along(values, self.zero_point.round())
        return (self(values.float()) / self._along(values, self.step) + zero_point).round()

    def forward(self, values: Tensor) -> Tensor:
        """The values as their levels say them, of the same shape and type."""
        if torch.jit.is_tracing():
            return self._traced(values)
        bounds = (self.lowest, self.highest)
        if values.is_cuda:
            step = self._along(values, self.step)
            zero_point = self._along(values, self.zero_point)
            rounded = LearnedStep.apply(values.float(), step, zero_point, *bounds)
        elif self.channels_axis is None:
            rounded = torch._fake_quantize_learnable_per_tensor_affine(
                values.float(), self.step, self.zero_point, *bounds, 1.0
            )
        else:
            rounded = torch._fake_quantize_learnable_per_channel_affine(
                values.float(), self.step, self.zero_point, self.channels_axis, *bounds, 1.0
            )
        return rounded.to(values.dtype)

    def _along(self, values: Tensor, step: Tensor) -> Tensor:
        if self.channels_axis is None:
            return step
        shape = [1] * values.dim()
        shape[self.channels_axis] = -1
        return step.view(shape)

    def _traced(self, values: Tensor) -> Tensor:
        """As the operator that OpenVINO's converter knows, with constants. It computes in 8 bits where there are as many
        levels as 8 bits have: fewer are a narrower clamp before it."""
        step, zero_point = self.step.detach(), self.zero_point.detach().round().int()
        if self.channels_axis is None:
            return torch.fake_quantize_per_tensor_affine(
                values, float(step), int(zero_point), self.lowest, self.highest
            )
        along = self._along(values, step)
        clamped = values.clamp(self.lowest * along, self.highest * along)
        return torch.fake_quantize_per_channel_affine(
            clamped, step, zero_point, self.channels_axis, -127, 127
        )


def quantize_layer(
    layer: nn.Module,
    weight: FakeQuantizer,
    taken: FakeQuantizer | None = None,
    made: FakeQuantizer | None = None,
    smooth: Tensor | None = None,
) -> None:
    """Let a convolution or linear layer compute on a quantized weight, and on a quantized input (``taken``) where one is
    given; ``made`` quantizes its output. ``smooth`` multiplies the input before (SmoothQuant, arXiv 2211.10438), shaped
    to broadcast. Raises ValueError for a layer that is quantized already."""
    if is_quantized(layer):
        raise ValueError(f"{type(layer).__name__} is quantized already")
    parametrize.register_parametrization(layer, "weight", weight, unsafe=True)
    layer.register_buffer("smooth", smooth)
    layer.register_module("taken", taken)
    layer.register_module("made", made)
    layer.register_forward_pre_hook(_take)
    if made is not None:
        layer.register_forward_hook(_make)


def is_quantized(layer: nn.Module) -> bool:
    """Whether :func:`quantize_layer` was here."""
    return parametrize.is_parametrized(layer, "weight")


def weight_quantizer(layer: Any) -> FakeQuantizer:
    """That of a quantized layer."""
    return layer.parametrizations.weight[0]


def full_weight(layer: Any) -> nn.Parameter:
    """The weight of a quantized layer before it is rounded: what training moves."""
    return layer.parametrizations.weight.original


def quantized_layers(network: nn.Module) -> dict[str, Any]:
    """Every quantized layer of a network by its name."""
    return {name: module for name, module in network.named_modules() if is_quantized(module)}


def _take(layer: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    values, *others = arguments
    if layer.smooth is not None:
        values = values * layer.smooth.to(values.dtype)
    return (values if layer.taken is None else layer.taken(values), *others)


def _make(layer: Any, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return layer.made(output)
