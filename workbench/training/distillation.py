"""What a quantized UNet is trained for: to predict the noise, and to predict what its teacher predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.training.placement import Sample

UNCONDITIONAL = 0.3
"""The share of a batch with an empty caption. Guidance by g moves the latents g times along the captioned prediction and
g - 1 times against the empty one: errors of both count, and nearly alike."""


@dataclass(frozen=True)
class Visits:
    """The timesteps that a sampler visits, and what an error there counts for; all (steps,)."""

    timesteps: Tensor
    """int64, the noisiest first."""
    alphas: Tensor
    """``alphas_cumprod`` there."""
    weights: Tensor
    """By how much an error of the prediction moves the latents in the step of DDIM from there (arXiv 2010.02502, equation
    12), squared, their mean 1. Latents have unit variance throughout, so that the steps compare."""


def visits(scheduler: Any, steps: int, device: str) -> Visits:
    """What the scheduler visits in ``steps`` steps. Its prediction is the noise, or the velocity (arXiv 2202.00512)."""
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps.long().unique().flip(0)
    alphas = scheduler.alphas_cumprod.double()[timesteps]
    after = torch.cat([alphas[1:], torch.ones(1, dtype=torch.float64)])
    if predicts_velocity(scheduler):
        moved = (alphas * (1 - after)).sqrt() - (after * (1 - alphas)).sqrt()
    else:
        moved = (1 - after).sqrt() - (after * (1 - alphas) / alphas).sqrt()
    weights = moved.square() / moved.square().mean()
    return Visits(timesteps.to(device), alphas.float().to(device), weights.float().to(device))


def predicts_velocity(scheduler: Any) -> bool:
    """Whether the model's target is the velocity. Raises ValueError where it is neither that nor the noise."""
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction"):
        raise ValueError(f"this model predicts {kind}; expected epsilon or v_prediction")
    return kind == "v_prediction"


@dataclass(frozen=True)
class Noised:
    """What a step asks of teacher and student: N drawings, noised."""

    sample: Tensor
    """fp32 (N, C, h, w)."""
    timestep: Tensor
    """int64 (N,)."""
    encoder_hidden_states: Tensor
    """fp32 (N, tokens, width)."""
    target: Tensor
    """fp32 (N, C, h, w): the noise, or the velocity."""
    weights: Tensor
    """fp32 (N,): what an error at each drawing's timestep counts for."""

    def inputs(self) -> dict[str, Tensor]:
        """What the UNet is called with."""
        return {
            "sample": self.sample,
            "timestep": self.timestep,
            "encoder_hidden_states": self.encoder_hidden_states,
        }


class Objective:
    """Noised batches and their two losses."""

    def __init__(self, pipeline: Any, steps: int, kd_weight: float):
        """The teacher is the pipeline's UNet, on the device that it is on. ``kd_weight``, 0..1, is the share of its distance
        in what is trained for; the rest is the noise."""
        self.device = torch.device(pipeline.unet.device)
        self.visits = visits(pipeline.scheduler, steps, str(self.device))
        self.velocity = predicts_velocity(pipeline.scheduler)
        self.kd_weight = kd_weight
        self.teacher, self.text_encoder = pipeline.unet, pipeline.text_encoder
        tokenizer = pipeline.tokenizer
        empty = tokenizer("", padding="max_length", max_length=tokenizer.model_max_length).input_ids
        self.empty = torch.tensor(empty, device=self.device)

    @torch.no_grad()
    def draw(self, clean: Tensor, captions: Tensor, seed: int) -> Noised:
        """Noise latents (N, C, h, w), each with one of its captions (N, each, tokens) or the empty one; all that is random
        comes from the seed."""
        generator = torch.Generator(self.device).manual_seed(seed)
        uniform = torch.rand(3, len(clean), generator=generator, device=self.device)
        rows = torch.arange(len(clean), device=self.device)
        tokens = captions[rows, (uniform[0] * captions.shape[1]).long()].long()
        tokens = torch.where(uniform[1, :, None] < UNCONDITIONAL, self.empty, tokens)
        visit = (uniform[2] * len(self.visits.timesteps)).long()
        noise = torch.randn(clean.shape, generator=generator, device=self.device)
        alpha = self.visits.alphas[visit].view(-1, 1, 1, 1)
        signal, spread = alpha.sqrt(), (1 - alpha).sqrt()
        return Noised(
            signal * clean + spread * noise,
            self.visits.timesteps[visit],
            self.text_encoder(tokens).last_hidden_state,
            signal * noise - spread * clean if self.velocity else noise,
            self.visits.weights[visit],
        )

    def losses(self, student: Callable[..., Any], noised: Noised) -> dict[str, Tensor]:
        """Means over the batch, each weighted as the timesteps are: ``noise``, ``teacher``, and their ``total``."""
        with torch.no_grad():
            taught = self.teacher(**noised.inputs(), return_dict=False)[0].float()
        predicted = student(**noised.inputs(), return_dict=False)[0].float()
        noise, teacher = (
            (noised.weights * (predicted - wanted).square().mean((1, 2, 3))).mean()
            for wanted in (noised.target, taught)
        )
        return {
            "noise": noise,
            "teacher": teacher,
            "total": (1 - self.kd_weight) * noise + self.kd_weight * teacher,
        }


@torch.no_grad()
def trajectory_samples(
    pipeline: Any, prompts: tuple[str, ...], count: int, steps: int, guidance: float, size: int
) -> list[Sample]:
    """``count`` inputs of batch 2 that the pipeline's UNet gets while it makes pictures of the prompts, spread evenly."""
    seen: list[Sample] = []

    def see(_: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        sample, timestep = arguments[:2]
        kept = {
            "sample": sample,
            "timestep": timestep.reshape(-1).expand(len(sample)).float(),
            "encoder_hidden_states": options["encoder_hidden_states"],
        }
        seen.append({name: value.detach().float().cpu().clone() for name, value in kept.items()})

    pictures = min(len(prompts), max(1, count // 4))
    handle = pipeline.unet.register_forward_pre_hook(see, with_kwargs=True)
    try:
        for number, prompt in enumerate(prompts[:pictures]):
            pipeline(
                prompt,
                height=size,
                width=size,
                num_inference_steps=steps,
                guidance_scale=max(guidance, 1.01),
                generator=torch.Generator("cpu").manual_seed(number),
                output_type="latent",
            )
    finally:
        handle.remove()
    return [seen[number * len(seen) // count] for number in range(min(count, len(seen)))]
