"""The OpenVINO backend: optimum-intel's pipeline, its models converted once, compiled for one size at a time."""

from __future__ import annotations

import functools

import torch

from backends.contract import Variant
from backends.devices import Device
from backends.machine import compute_threads, sums_bytes_exactly
from backends.models import ModelCard, Progress
from backends.openvino import devices, kernels, polyphase, trained, winograd
from backends.openvino.conversion import Conversion
from backends.openvino.pipeline import GUIDED_BATCH, open_pipeline, settings
from backends.openvino.quantized import Quantized
from backends.openvino.rewriting import Rewriting
from backends.openvino.rewritten import Rewritten
from backends.openvino.shapes import StaticShapes
from backends.openvino.store import open_store
from backends.staged import Hosted

REWRITINGS = (polyphase.REWRITING, winograd.REWRITING)
"""In this order: what upsampling leaves is convolved as it is."""


def load(card: ModelCard, variant: Variant, progress: Progress) -> Hosted:
    """Load a model as an OpenVINO variant. Raises BackendError for a device, precision or model that is not there."""
    device = devices.find(variant.device)
    devices.check_precision(variant.precision, device)
    threads = compute_threads()
    torch.set_num_threads(threads)
    store, notices = open_store()
    conversion = Conversion(card, float(variant.option("tome")), store, progress)
    models = conversion
    if variant.precision == "int8":
        shipped = trained.shipped(card) if variant.option("qat") else None
        models = Quantized(conversion, shipped, device.kind == "CPU" and not sums_bytes_exactly())
        notices += (models.notice,)
    notices += left_out(variant, device)
    arithmetic = devices.arithmetic(variant.precision, device)
    cache = store.root / "compiled" if _compiling_is_slow(variant, device) else None
    try:
        pipeline = open_pipeline(conversion.pipeline_folder(), device, settings(arithmetic, device, cache))
        rewritten = Rewritten(store, rewritings(variant, device), progress)
        shapes = StaticShapes(pipeline, models.model_file, progress, rewritten, models.release)
        shapes.prepare(GUIDED_BATCH, card.defaults.height, card.defaults.width)
    except BaseException:
        store.close()
        raise
    return Hosted(
        pipeline=pipeline,
        device_name=f"{device.name}, {threads} threads" if device.kind == "CPU" else device.name,
        weights_bytes=shapes.weights_bytes,
        kernels=functools.partial(kernels.profiled, shapes=shapes),
        latent_rgb=card.latent_rgb,
        warmup="compiling",
        notices=notices,
        shapes=shapes,
        close=store.close,
    )


def rewritings(variant: Variant, device: Device) -> dict[str, list[Rewriting]]:
    """What the parts of a variant go through before they are compiled."""
    wanted = _switched_on(variant) if device.kind == "CPU" else []
    return {"unet": wanted, "vae_decoder": wanted}


def left_out(variant: Variant, device: Device) -> tuple[str, ...]:
    """What a person is told of rewritings that are switched on and not done."""
    names = " and ".join(rewriting.name for rewriting in _switched_on(variant))
    if device.kind == "CPU" or not names:
        return ()
    return (f"{names}: measured on processors only; the model for {device.id} is as it was converted",)


def _switched_on(variant: Variant) -> list[Rewriting]:
    return [rewriting for rewriting in REWRITINGS if variant.option(rewriting.name)]


def _compiling_is_slow(variant: Variant, device: Device) -> bool:
    """Whether a compiled model is worth its space on the disk. On a processor, measured: at 8 bits loading one takes 0.4 of
    the time of compiling it; at fp32 and bf16 it gains nothing, and takes as much space as the model again."""
    return device.kind != "CPU" or variant.precision == "int8"
