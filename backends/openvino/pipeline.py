"""optimum-intel's pipeline, opened from a converted model's folder, and what OpenVINO is told for a precision."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from backends.contract import BackendError
from backends.devices import Device
from backends.machine import compute_threads

GUIDED_BATCH = 2
PRECISION_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


def settings(precision: str, device: Device, cache: Path | None = None) -> dict[str, str]:
    """OpenVINO's properties for ``fp32``, ``bf16`` or ``fp16`` arithmetic, one picture at a time, a thread a physical core.

    ``cache`` is where OpenVINO keeps compiled models; it compiles anew where a file of it is damaged.
    """
    values = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision]}
    if device.kind == "CPU":
        values |= {"INFERENCE_NUM_THREADS": str(compute_threads()), "NUM_STREAMS": "1"}
    if cache:
        values["CACHE_DIR"] = str(cache)
    return values


def open_pipeline(folder: Path, device: Device, values: dict[str, str]) -> Any:
    """The ``OVStableDiffusionPipeline`` of a folder, not compiled yet. Raises BackendError where it cannot be read."""
    from optimum.intel.openvino.modeling_diffusion import OVStableDiffusionPipeline

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline = OVStableDiffusionPipeline.from_pretrained(
                str(folder),
                device=device.id,
                compile=False,
                dynamic_shapes=False,
                ov_config=values,
            )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BackendError(
            f"the converted model in {folder} is damaged ({reason}); delete that folder"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
