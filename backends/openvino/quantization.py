"""Post-training quantization by NNCF: weights and activations in 8 bits, ranges from the model's own trajectories."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import nncf
import openvino
from nncf.quantization.advanced_parameters import (
    AdvancedQuantizationParameters,
    AdvancedSmoothQuantParameters,
    OverflowFix,
)

from backends.models import Progress
from backends.openvino.calibration import Sample
from backends.openvino.recipes import unquantized, weights_only

PASSES = 2
_PRESETS = {"mixed": nncf.QuantizationPreset.MIXED, "performance": nncf.QuantizationPreset.PERFORMANCE}


def quantize_unet(
    model: openvino.Model, samples: list[Sample], how: dict[str, Any], progress: Progress
) -> openvino.Model:
    """Quantize weights and activations of a UNet of static shape. ``how``: ``preset``; ``smooth_quant``, which is the share of
    the activations' range that moves into the weights (arXiv 2211.10438); ``unquantized``, what stays as it is;
    ``weights_only``, what is given real numbers; and :data:`backends.openvino.recipes.HALF_RANGE`."""
    parameters = AdvancedQuantizationParameters(
        overflow_fix=_overflow_fix(how),
        smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=how["smooth_quant"]),
    )
    apart = weights_only(how)
    return nncf.quantize(
        _compressed(model, apart),
        _dataset(samples, progress),
        preset=_PRESETS[how["preset"]],
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
        ignored_scope=nncf.IgnoredScope(patterns=unquantized(how, _up_blocks(model)) + apart),
        advanced_parameters=parameters,
    )


def quantize_decoder(
    model: openvino.Model, samples: list[Sample], how: dict[str, Any], progress: Progress
) -> openvino.Model:
    """Quantize weights and activations of a VAE's decoder of static shape. ``how``: ``preset``, and
    :data:`backends.openvino.recipes.HALF_RANGE`."""
    return nncf.quantize(
        model,
        _dataset(samples, progress),
        preset=_PRESETS[how["preset"]],
        subset_size=len(samples),
        advanced_parameters=AdvancedQuantizationParameters(overflow_fix=_overflow_fix(how)),
    )


def compress_text_encoder(model: openvino.Model) -> openvino.Model:
    """Store the weights of a text encoder in 8 bits, a scale and a zero point per row; its arithmetic stays as it was."""
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)


def _compressed(model: openvino.Model, patterns: list[str]) -> openvino.Model:
    """The same model with the weights that these patterns name in 8 bits, a scale per row."""
    if not patterns:
        return model
    others = f"^(?!(?:{'|'.join(patterns)})).*$"
    return nncf.compress_weights(
        model,
        mode=nncf.CompressWeightsMode.INT8_SYM,
        ignored_scope=nncf.IgnoredScope(patterns=[others], validate=False),
    )


def _up_blocks(unet: openvino.Model) -> int:
    names = (node.get_friendly_name() for node in unet.get_ops())
    return 1 + max(
        (int(number) for name in names for number in re.findall(r"up_blocks\.(\d+)\.", name)), default=-1
    )


def _overflow_fix(how: dict[str, Any]) -> OverflowFix:
    return OverflowFix(how.get("overflow_fix", OverflowFix.FIRST_LAYER))


def _dataset(samples: list[Sample], progress: Progress) -> Any:
    """The samples as NNCF takes them; it reads them once a pass, which is how far it is."""
    read = 0

    def told(sample: Sample) -> Sample:
        nonlocal read
        read += 1
        progress("quantizing", min(1.0, read / (PASSES * len(samples))))
        return sample

    items: Iterable[Sample] = samples
    return nncf.Dataset(items, told)
