"""The PyTorch backend: diffusers' pipeline as it is, at a precision, with the optimizations of the registry applied."""

from __future__ import annotations

import functools
from typing import Any

import torch

from backends import registry
from backends.contract import Variant
from backends.loading import load_pipeline
from backends.machine import compute_threads
from backends.models import ModelCard, Progress
from backends.pytorch import devices, kernels, memory
from backends.pytorch.precision import check_precision, keep_loop_in_fp32
from backends.staged import Hosted


def load(card: ModelCard, variant: Variant, progress: Progress) -> Hosted:
    """Load a model as a PyTorch variant. Raises BackendError for a device, precision or option that is not there."""
    described, device = devices.find(variant.device)
    dtype = check_precision(variant.precision, device)
    threads = compute_threads()
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False
    pipeline = load_pipeline(card, dtype, progress)
    if device.type != "cpu":
        progress(f"moving to {described.name}", None)
        pipeline.to(device)
    backend = registry.BACKENDS[variant.backend]
    for name, value in variant.optimizations:
        registry.imported(f"{backend.optimization(name).module}:apply")(pipeline, value)
    keep_loop_in_fp32(pipeline, dtype)
    compiled = bool(dict(variant.optimizations).get("compile"))
    return Hosted(
        pipeline=pipeline,
        device_name=f"{described.name}, {threads} threads" if device.type == "cpu" else described.name,
        weights_bytes=memory.weights_bytes(pipeline),
        synchronize=_synchronizer(device),
        tensors_peak=_tensors_peak(device, compiled),
        kernels=functools.partial(kernels.profiled, pipeline=pipeline, device=device),
        latents_device=str(device),
        latent_rgb=card.latent_rgb,
        warmup="compiling" if compiled else "warming up",
    )


def _synchronizer(device: torch.device) -> Any:
    if device.type == "cuda":
        return functools.partial(torch.cuda.synchronize, device)
    return torch.mps.synchronize if device.type == "mps" else _already_done


def _tensors_peak(device: torch.device, compiled: bool) -> Any:
    if device.type == "mps":
        return None
    peak = functools.partial(memory.cuda_peak, device=device) if device.type == "cuda" else memory.cpu_peak

    def after_compiling(run: Any) -> int:
        run()
        return peak(run)

    return after_compiling if compiled else peak


def _already_done() -> None:
    """On the processor a call returns when its work is done."""
