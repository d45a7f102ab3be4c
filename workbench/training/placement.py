"""Where a UNet is quantized, and in what ranges: as ``nncf.quantize`` decides, moved into modules that can be trained.

NNCF keeps its quantizers beside the model and finds their places by counting calls. That ends with gradient checkpointing
(which calls again) and with token merging (which calls more), and its kernels want a compiler of C++ or CUDA. So it is asked
once: the quantized model runs under a watch that sees every layer with its input, its weight and the quantizers before
them, and :mod:`backends.openvino.fake_quantizers` takes over from there.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import nncf
import torch
from nncf.quantization.advanced_parameters import (
    AdvancedQuantizationParameters,
    AdvancedSmoothQuantParameters,
    OverflowFix,
)
from nncf.torch.function_hook import wrap_model
from nncf.torch.function_hook.nncf_graph.nncf_graph_builder import build_nncf_graph
from nncf.torch.function_hook.wrapper import get_hook_storage
from nncf.torch.quantization import extensions
from nncf.torch.quantization.layers import SQMultiply
from nncf.torch.quantization.quantize_functions import asymmetric_quantize, symmetric_quantize
from nncf.torch.quantization.reference import torch_executor
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import backends.openvino as _silenced  # its import keeps NNCF from sending statistics
from backends.openvino.fake_quantizers import LAYERS, FakeQuantizer, quantize_layer
from backends.openvino.recipes import RECIPES, unquantized, weights_only

assert _silenced
WEIGHT_LEVELS = 127
HALF_RANGE_LEVELS = 64
"""Two products of these with 8 bits fit in 16: 2 x 64 x 255 = 32,640."""
Sample = dict[str, Tensor]
"""What a UNet is given: ``sample`` (N, C, h, w), ``timestep`` (N,) and ``encoder_hidden_states`` (N, tokens, width)."""


def quantized_unet(unet: Any, samples: list[Sample]) -> Any:
    """A copy of a UNet with fake quantizers, their ranges, the smoothed weights and corrected biases calibrated on samples.

    Weights get 7 bits: a processor without VNNI adds two products of 8 bits in 16, which overflow where both are large. Those
    that are given real numbers get 8, and nothing is calibrated there. Every sample is of one batch size. The copy is on the
    UNet's device, in fp32, its weights free to be trained.
    """
    how = RECIPES["unet"]
    with _own_kernels():
        calibrated = nncf.quantize(
            NoisePrediction(copy.deepcopy(unet)),
            nncf.Dataset(samples),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(samples),
            ignored_scope=nncf.IgnoredScope(names=_operations_left(unet, samples[0])),
            advanced_parameters=AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.ENABLE,
                smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=how["smooth_quant"]),
            ),
        )
        places = _watched(calibrated, samples[0])
    result = copy.deepcopy(unet)
    corrected: Any = calibrated.get_submodule("unet")
    for name, place in places.items():
        layer = result.get_submodule(name)
        layer.load_state_dict(corrected.get_submodule(name).state_dict())
        assert place.weight
        quantize_layer(
            layer,
            FakeQuantizer(place.weight.step, -HALF_RANGE_LEVELS, HALF_RANGE_LEVELS, channels_axis=0),
            place.taken and place.taken.module(),
            place.made and place.made.module(),
            place.smooth,
        )
    for layer in _weights_only(result):
        quantize_layer(layer, _of_rows(layer.weight))
    return result.requires_grad_(True)


def _weights_only(unet: Any) -> list[Any]:
    """The layers of which the recipe quantizes the weights and nothing else."""
    patterns = [re.compile(pattern) for pattern in weights_only(RECIPES["unet"])]
    return [
        layer
        for name, layer in unet.named_modules()
        if isinstance(layer, LAYERS) and any(pattern.match(name) for pattern in patterns)
    ]


def _of_rows(weight: Tensor) -> FakeQuantizer:
    """Symmetric 8 bits as wide as each output's largest weight."""
    largest = weight.detach().abs().flatten(1).amax(1).clamp_min(torch.finfo(torch.float32).tiny)
    return FakeQuantizer(largest / WEIGHT_LEVELS, -WEIGHT_LEVELS, WEIGHT_LEVELS, channels_axis=0)


def _operations_left(unet: Any, sample: Sample) -> list[str]:
    """NNCF's names of the operations that it leaves as they are: those that read a weight which the recipe leaves unquantized,
    or quantizes alone. The operations' own names do not say which of several layers they are."""
    graph = build_nncf_graph(wrap_model(NoisePrediction(copy.deepcopy(unet))), sample)
    how = RECIPES["unet"]
    left = [re.compile(pattern) for pattern in unquantized(how, len(unet.up_blocks)) + weights_only(how)]
    weights = (
        node
        for node in graph.get_all_nodes()
        if node.node_name.endswith(".weight") and any(pattern.match(node.node_name) for pattern in left)
    )
    return [reader.node_name for weight in weights for reader in graph.get_next_nodes(weight)]


class NoisePrediction(nn.Module):
    """A UNet that answers with a tensor."""

    def __init__(self, unet: Any):
        super().__init__()
        self.unet = unet

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


@dataclass(frozen=True, eq=False)
class _Quantizer:
    """One call of NNCF's: what it made, and what of."""

    output: Tensor
    lowest: int
    highest: int
    step: Tensor
    zero_point: Tensor | None

    @staticmethod
    def of(function: Any, arguments: tuple[Any, ...], output: Tensor) -> _Quantizer:
        if function is symmetric_quantize:
            _, _, lowest, highest, scale, epsilon = arguments[:6]
            return _Quantizer(output, lowest, highest, (scale.abs() + epsilon) / highest, None)
        _, levels, lowest, highest, low, extent, epsilon = arguments[:7]
        low, extent = low.clamp(max=0), extent.abs() + epsilon
        step = extent / (levels - 1)
        return _Quantizer(output, lowest, highest, step, (lowest - low / step).round())

    def leaves(self, values: Tensor) -> bool:
        """Whether the values are what this quantizer made, whatever their shape now."""
        if values.numel() != self.output.numel():
            return False
        if not torch.isclose(values.abs().sum(), self.output.abs().sum(), rtol=1e-3):
            return False
        return torch.equal(values.flatten().sort().values, self.output.flatten().sort().values)

    def module(self) -> FakeQuantizer:
        return FakeQuantizer(self.step, self.lowest, self.highest, self.zero_point)


@dataclass
class _Place:
    """What was seen of one layer."""

    weight: _Quantizer | None = None
    taken: _Quantizer | None = None
    made: _Quantizer | None = None
    smooth: Tensor | None = None


@dataclass
class _Watch(TorchFunctionMode):
    """Sees every function of a running model as NNCF's hooks leave it."""

    multipliers: dict[int, Tensor]
    stack: list[str] = field(default_factory=list)
    places: dict[str, _Place] = field(default_factory=dict)
    quantizers: list[_Quantizer] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        place = self.places.setdefault(self.stack[-1], _Place()) if self.stack else None
        if func in (symmetric_quantize, asymmetric_quantize):
            quantizer = _Quantizer.of(func, args, output)
            self.quantizers.append(quantizer)
            if place and place.weight:
                place.made = quantizer
        elif place and func is torch.mul and id(args[1]) in self.multipliers:
            place.smooth = args[1].detach().clone()
        elif place and func in (torch.nn.functional.linear, torch.conv2d):
            place.weight = next((q for q in reversed(self.quantizers) if q.output is args[1]), None)
            place.taken = next((q for q in reversed(self.quantizers) if q.leaves(args[0])), None)
        return output


def _watched(calibrated: nn.Module, sample: Sample) -> dict[str, _Place]:
    """The quantized layers of NNCF's model, by their names in the UNet."""
    multipliers: dict[int, Tensor] = {
        id(hook._scale_value): hook._scale_value
        for hook in get_hook_storage(calibrated).modules()
        if isinstance(hook, SQMultiply)
    }
    watch = _Watch(multipliers)
    handles = []
    for name, layer in calibrated.named_modules():
        if isinstance(layer, LAYERS):
            own = name.removeprefix("unet.")
            handles.append(layer.register_forward_pre_hook(lambda *_, own=own: watch.stack.append(own)))
            handles.append(layer.register_forward_hook(lambda *_: watch.stack.clear()))
    with watch, torch.no_grad():
        calibrated(**sample)
    for handle in handles:
        handle.remove()
    return {name: place for name, place in watch.places.items() if place.weight}


@contextmanager
def _own_kernels() -> Iterator[None]:
    """While entered, NNCF's quantizers run on its own reference in PyTorch, and nothing is compiled."""
    functions = SimpleNamespace(
        Quantize_forward=lambda values, low, extent, levels: torch_executor.forward(
            values, low, extent, levels
        )
    )
    kept = extensions.QuantizedFunctionsCPU._loaded_namespace
    extensions.QuantizedFunctionsCPU._loaded_namespace = functions
    try:
        yield
    finally:
        extensions.QuantizedFunctionsCPU._loaded_namespace = kept
