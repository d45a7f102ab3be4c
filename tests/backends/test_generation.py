"""A request on a hosted pipeline: the picture, the noise, the previews, the notices, and how it stops."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler, PNDMScheduler, StableDiffusionPipeline

from backends import sd14
from backends.contract import (
    MAXIMUM_STEPS,
    SCHEDULERS,
    BackendError,
    Generate,
    Generated,
    InvalidRequest,
    Iteration,
    Request,
)
from backends.generation import Generation
from backends.latents import SD1_LATENT_RGB, initial_latents, preview, to_bytes
from backends.models import resolve
from backends.pytorch.backend import load
from backends.schedulers import MOST_STEPS, make_scheduler
from backends.staged import Cancellation
from backends.variants import parse_variant

REQUEST = Request("a green cat", seed=7, steps=3, width=64, height=64)


@pytest.fixture(scope="module")
def generation(tiny_model: Path) -> Generation:
    return Generation(load(resolve(str(tiny_model)), parse_variant("pytorch"), lambda what, fraction: None))


def _run(generation: Generation, message: Generate) -> tuple[Generated, list[Iteration]]:
    messages: list[Any] = []
    return generation.run(message, messages.append, lambda: False), messages


def test_the_picture_is_the_one_a_diffusers_user_gets(generation: Generation, tiny_model: Path):
    request = replace(REQUEST, scheduler="euler_a", negative_prompt="red", seed=2**64 - 1)
    plain = StableDiffusionPipeline.from_pretrained(tiny_model, safety_checker=None)
    plain.scheduler = EulerAncestralDiscreteScheduler.from_config(plain.scheduler.config)
    expected = plain(
        request.prompt,
        negative_prompt=request.negative_prompt,
        num_inference_steps=request.steps,
        width=64,
        height=64,
        guidance_scale=request.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(request.seed),
    ).images[0]
    picture = _run(generation, Generate(request))[0].picture
    assert picture and picture.pixels == expected.tobytes()


def test_same_seed_gives_same_latents_and_another_seed_others():
    one, two, other = (initial_latents(seed, 4, 64, 128)[0] for seed in (5, 5, 6))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert one.shape == (1, 4, 8, 16) and one.dtype == torch.float32


def test_latents_handed_over_replace_the_noise_of_the_seed(generation: Generation):
    first, _ = _run(generation, Generate(REQUEST))
    again, _ = _run(generation, Generate(replace(REQUEST, seed=99), latents=first.latents))
    assert again.latents == first.latents == to_bytes(initial_latents(7, 4, 64, 64)[0])
    assert again.picture == first.picture


def test_latents_of_another_size_are_refused(generation: Generation):
    with pytest.raises(InvalidRequest, match="latents have 3 values"):
        _run(generation, Generate(REQUEST, latents=b"\0" * 12))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_makes_a_picture_from_one_step_up(generation: Generation, scheduler: str):
    for steps in (1, 2, 4):
        result, iterations = _run(generation, Generate(replace(REQUEST, scheduler=scheduler, steps=steps)))
        count = len([span for span in result.spans if span.name == "unet"])
        assert result.picture and count == len(iterations) == iterations[0].count
        assert [message.index for message in iterations] == list(range(count))
        assert all(message.preview for message in iterations)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_most_steps_of_every_scheduler_stay_within_training(name: str):
    most = MOST_STEPS.get(name, MAXIMUM_STEPS)
    config = PNDMScheduler.from_config(sd14.SCHEDULER).config
    for steps in (most // 2, most - 1, most):
        scheduler = make_scheduler(name, config, steps)
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.min() >= 0 and scheduler.timesteps.max() < 1000
    with pytest.raises(InvalidRequest, match=f"takes 1 to {most}") if most < MAXIMUM_STEPS else nullcontext():
        make_scheduler(name, config, most + 1 if most < MAXIMUM_STEPS else most)
    sample = torch.randn(1, 4, 2, 2)
    for timestep in scheduler.timesteps:
        sample = scheduler.step(torch.zeros_like(sample), timestep, sample, return_dict=False)[0]
    assert sample.isfinite().all()


def test_spans_never_overlap_and_fill_the_run(generation: Generation):
    result, iterations = _run(generation, Generate(REQUEST))
    spans = result.spans
    assert all(one.end_ns <= two.start_ns for one, two in zip(spans, spans[1:], strict=False))
    assert result.start_ns <= spans[0].start_ns and spans[-1].end_ns <= result.end_ns
    sent = [span for message in iterations for span in message.spans]
    assert sent == [span for span in spans if span.name != "vae_decoder"]


def test_a_new_size_is_warmed_up_once_and_apart(tiny_model: Path):
    fresh = Generation(load(resolve(str(tiny_model)), parse_variant("pytorch"), lambda what, fraction: None))
    first, _ = _run(fresh, Generate(REQUEST))
    second, _ = _run(fresh, Generate(REQUEST))
    assert [span.name for span in first.warmup if span.name == "unet"] == ["unet"]
    assert second.warmup == () and len(first.spans) == len(second.spans)
    assert fresh.is_cold(Generate(replace(REQUEST, width=72)))
    assert first.tensors_bytes == second.tensors_bytes


def test_without_guidance_the_batch_is_one_and_the_negative_prompt_is_said_to_be_idle(generation: Generation):
    result, _ = _run(generation, Generate(replace(REQUEST, guidance_scale=1.0, negative_prompt="red")))
    assert [span.name for span in result.spans].count("text_encoder") == 1
    assert "no effect" in result.notices[0]


def test_a_truncated_prompt_says_how_much_was_dropped(generation: Generation):
    result, _ = _run(generation, Generate(replace(REQUEST, prompt="x " * 80)))
    assert result.notices == ("the prompt has 80 tokens; CLIP reads the first 75, the last 5 were dropped",)
    assert _run(generation, Generate(replace(REQUEST, prompt="x " * 75)))[0].notices == ()


def test_cancel_stops_between_iterations_and_leaves_the_pipeline_usable(generation: Generation):
    seen: list[Any] = []
    with pytest.raises(Cancellation):
        generation.run(Generate(replace(REQUEST, steps=50)), seen.append, lambda: len(seen) >= 2)
    assert len(seen) == 2
    assert _run(generation, Generate(REQUEST))[0].picture


def test_unet_only_runs_single_iterations_on_a_batch_of_two(generation: Generation):
    batches: list[int] = []
    handle = generation.pipeline.unet.register_forward_pre_hook(
        lambda _, inputs: batches.append(len(inputs[0]))
    )
    result, iterations = _run(generation, Generate(replace(REQUEST, guidance_scale=1.0), unet_only=True))
    handle.remove()
    assert result.picture is None and batches == [2] * 4
    assert [(span.name, span.iteration) for span in result.spans] == [("unet", 0), ("unet", 1), ("unet", 2)]
    assert [span.name for span in result.warmup] == ["unet"] and len(iterations) == 3


def test_previews_can_be_left_out(generation: Generation):
    _, iterations = _run(generation, Generate(REQUEST, previews=False))
    assert all(message.preview is None for message in iterations)


def test_a_preview_is_the_product_with_the_matrix_and_small():
    latents = torch.randn(1, 4, 200, 300)
    small = preview(latents, SD1_LATENT_RGB)
    assert (small.width, small.height) == (100, 67)
    latents = torch.randn(1, 4, 8, 16)
    pixels = np.frombuffer(preview(latents, SD1_LATENT_RGB).pixels, np.uint8).reshape(8, 16, 3)
    expected = latents[0, :, 2, 5].numpy() @ np.array(SD1_LATENT_RGB.matrix) + SD1_LATENT_RGB.bias
    assert np.allclose(pixels[2, 5] / 255, expected.clip(0, 1), atol=1 / 255)


def test_latents_that_overflow_are_an_error_not_a_black_picture(tiny_model: Path):
    hosted = load(resolve(str(tiny_model)), parse_variant("pytorch"), lambda what, fraction: None)
    hosted.pipeline.unet.conv_out.weight.data.fill_(float("inf"))
    with pytest.raises(BackendError, match="overflowed"):
        _run(Generation(hosted), Generate(REQUEST))
