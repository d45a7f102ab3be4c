"""The OpenVINO backend: optimum-intel's pipeline, its models converted once, compiled for one size at a time."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import Any

import torch

from backends.contract import BackendError, Variant
from backends.devices import Device
from backends.machine import compute_threads
from backends.models import ModelCard, Progress
from backends.openvino import devices, kernels
from backends.openvino.conversion import MODEL_FILE, Conversion
from backends.openvino.shapes import Size, StaticShapes
from backends.openvino.store import open_store
from backends.staged import Hosted

PRECISION_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}
GUIDED_BATCH = 2


def load(card: ModelCard, variant: Variant, progress: Progress) -> Hosted:
    """Load a model as an OpenVINO variant. Raises BackendError for a device, precision or model that is not there."""
    device = devices.find(variant.device)
    devices.check_precision(variant.precision, device)
    threads = compute_threads()
    torch.set_num_threads(threads)
    store, notices = open_store()
    conversion = Conversion(card, variant, store, progress)
    try:
        size = (GUIDED_BATCH, card.defaults.height, card.defaults.width)
        pipeline = _pipeline(conversion.pipeline_folder(), device, _settings(variant, device, threads))
        shapes = StaticShapes(pipeline, functools.partial(_model_file, conversion), progress)
        shapes.prepare(*size)
    except BaseException:
        store.close()
        raise
    conversion.release()
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


def _settings(variant: Variant, device: Device, threads: int) -> dict[str, str]:
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISION_HINTS[variant.precision]}
    if device.kind == "CPU":
        settings |= {"INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1"}
    return settings


def _pipeline(folder: Path, device: Device, settings: dict[str, str]) -> Any:
    """optimum-intel's pipeline, not compiled yet."""
    from optimum.intel.openvino.modeling_diffusion import OVStableDiffusionPipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return OVStableDiffusionPipeline.from_pretrained(
                str(folder),
                export=False,
                device=device.id,
                compile=False,
                dynamic_shapes=False,
                ov_config=settings,
                local_files_only=True,
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BackendError(
                f"the converted model in {folder} is damaged; delete that folder: {reason}"
            ) from error


def _model_file(conversion: Conversion, part: str, size: Size) -> Path:
    if part == "unet":
        return conversion.unet_folder(*size) / MODEL_FILE
    return conversion.pipeline_folder() / part / MODEL_FILE
