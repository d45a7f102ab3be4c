"""What a quantizer is calibrated on: the inputs that a model's UNet and decoder get while it makes pictures."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backends.contract import BackendError
from backends.latents import initial_latents
from backends.models import ModelCard, Progress
from backends.openvino.shapes import Size
from backends.schedulers import make_scheduler

Sample = dict[str, np.ndarray]

BUILT_IN_PROMPTS = Path(__file__).with_name("calibration_prompts.json")
LARGE_BYTES = 10**9
SEED = 1_000


@dataclass(frozen=True)
class Plan:
    """Which trajectories: a picture for every prompt, ``steps`` iterations each, every ``stride``-th of which is kept."""

    prompts: tuple[str, ...]
    steps: int
    stride: int
    guidance_scale: float
    scheduler: str

    def recipe(self) -> dict[str, Any]:
        """The plan as a store's recipe names it."""
        prompts = hashlib.sha256(json.dumps(self.prompts).encode()).hexdigest()
        return asdict(self) | {"prompts": prompts, "seed": SEED}


def make_plan(card: ModelCard, unet_bytes: int) -> Plan:
    """Trajectories like those a person will ask for: the model's own prompts (``prompts`` of its ``workbench.json``, or
    built-in ones), steps, guidance and scheduler. A UNet of more than a gigabyte gets few and short ones: a pass of the
    quantizer takes many times an iteration, and twice its memory."""
    defaults, prompts = card.defaults, _prompts(card)
    if unet_bytes > LARGE_BYTES:
        return Plan(prompts[:2], 8, 2, defaults.guidance_scale, defaults.scheduler)
    return Plan(prompts[:12], defaults.steps, 5, defaults.guidance_scale, defaults.scheduler)


@dataclass(frozen=True)
class Samples:
    """Inputs of batch 1: of the UNet, both halves of the guidance batch; of the VAE's decoder."""

    unet: list[Sample]
    vae_decoder: list[Sample]


def trajectories(pipeline: Any, plan: Plan, size: Size, progress: Progress) -> Samples:
    """Make the plan's pictures on a pipeline that is compiled for ``size``, and keep what the models were given."""
    batch, height, width = size
    samples = Samples([], [])
    count = len(plan.prompts)
    for number, prompt in enumerate(plan.prompts):
        noise, generator = initial_latents(
            SEED + number, int(pipeline.unet.config.in_channels), height, width
        )
        pipeline.scheduler = make_scheduler(plan.scheduler, pipeline.scheduler.config, plan.steps)
        kept = range(number % plan.stride, 2 * plan.steps + 1, plan.stride)
        with _watched(pipeline, samples, kept), torch.no_grad():
            pipeline(
                prompt=prompt,
                width=width,
                height=height,
                num_inference_steps=plan.steps,
                guidance_scale=plan.guidance_scale if batch > 1 else 1.0,
                generator=generator,
                latents=noise,
                output_type="pt",
                callback_on_step_end=functools.partial(
                    _tell, progress, number / count, 1 / count / plan.steps
                ),
            )
    return samples


def _tell(
    progress: Progress, before: float, share: float, _: Any, step: int, __: Any, tensors: dict[str, Any]
) -> dict[str, Any]:
    """At every iteration: how far it is, which is also where a cancel is heard."""
    progress("calibrating", before + (step + 1) * share)
    return tensors


@contextmanager
def _watched(pipeline: Any, samples: Samples, kept: range) -> Iterator[None]:
    """While entered, what the UNet is given at the iterations in ``kept``, and the decoder always, is added to samples."""
    unet, decoder = pipeline.unet, pipeline.vae_decoder
    iteration = 0

    def watch_unet(sample: Any, timestep: Any, encoder_hidden_states: Any, **options: Any) -> Any:
        nonlocal iteration
        if iteration in kept:
            for half in range(sample.shape[0]):
                samples.unet.append(
                    {
                        "sample": _array(sample[half : half + 1]),
                        "timestep": _array(timestep.reshape(1)),
                        "encoder_hidden_states": _array(encoder_hidden_states[half : half + 1]),
                    }
                )
        iteration += 1
        return type(unet).forward(unet, sample, timestep, encoder_hidden_states, **options)

    def watch_decoder(latent_sample: Any, **options: Any) -> Any:
        samples.vae_decoder.append({"latent_sample": _array(latent_sample)})
        return type(decoder).forward(decoder, latent_sample, **options)

    unet.forward, decoder.forward = watch_unet, watch_decoder
    try:
        yield
    finally:
        del unet.forward, decoder.forward


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).numpy().copy()


def _prompts(card: ModelCard) -> tuple[str, ...]:
    own = card.path / "workbench.json" if card.path and card.path.is_dir() else None
    said = json.loads(own.read_text(encoding="utf-8")) if own and own.is_file() else {}
    prompts = said.get("prompts") or json.loads(BUILT_IN_PROMPTS.read_text(encoding="utf-8"))
    if not isinstance(prompts, list) or not all(
        isinstance(prompt, str) and prompt.strip() for prompt in prompts
    ):
        raise BackendError(f"the prompts of {own} are no list of texts")
    return tuple(prompts)
