"""The OpenCL backend: diffusers' loop and scheduler, with text encoder, UNet and VAE decoder run by our own kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from backends.contract import Arena, Variant
from backends.loading import load_pipeline
from backends.machine import compute_threads
from backends.models import ModelCard, Progress, weights_sha256
from backends.opencl import devices, spans
from backends.opencl.components import Compiled, exchange
from backends.opencl.plan import mapped
from backends.opencl.runtime import Engine
from backends.opencl.tome import merge_tokens
from backends.staged import Hosted


def load(card: ModelCard, variant: Variant, progress: Progress) -> Hosted:
    """Load a model as an OpenCL variant. Raises BackendError for a device, precision or operation that is not there."""
    described, device = devices.find(variant.device)
    torch.set_num_threads(compute_threads())
    engine = Engine(device)
    pipeline: Any = load_pipeline(card, torch.float32, progress)
    switches = dict(variant.optimizations)
    ratio = float(switches.pop("tome", 0.0))
    if ratio:
        merge_tokens(pipeline, ratio)
    model = weights_sha256(card)
    identity = f"{model}, tokens merged {ratio}" if model else None
    compiled = exchange(
        pipeline,
        lambda module: Compiled(
            engine,
            module,
            {name: bool(value) for name, value in switches.items()},
            variant.precision,
            identity,
        ),
    )
    return Hosted(
        pipeline=pipeline,
        device_name=f"{described.name} ({described.properties['platform']})",
        weights_bytes=None,
        synchronize=engine.synchronize,
        tensors_peak=functools.partial(_tensors_peak, compiled=compiled),
        kernels=functools.partial(spans.profiled, engine=engine),
        arenas=functools.partial(_arenas, compiled),
        latent_rgb=card.latent_rgb,
        warmup="compiling kernels",
        notices=engine.choices.notices,
        weights_held=lambda: engine.weights_bytes,
    )


def _tensors_peak(run: Callable[[], object], compiled: list[Compiled]) -> int:
    """Run, and return what the arenas of all networks take: they stand side by side as long as the pipeline is loaded."""
    run()
    return sum(network.tensors_bytes for item in compiled for network in item.networks.values())


def _arenas(compiled: list[Compiled]) -> tuple[Arena, ...]:
    """Of the networks as they ran last."""
    latest = zip(("text_encoder", "unet", "vae_decoder"), (item.latest for item in compiled), strict=True)
    return tuple(mapped(stage, network.graph, network.plan) for stage, network in latest if network)
