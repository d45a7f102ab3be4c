"""The model that ships: what it draws, whether it is one that diffusers loads, how much it weighs and works."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from workbench.critters.captions import named
from workbench.critters.judge import load_judge
from workbench.training import cost
from workbench.training.evaluate import diversity, fidelity, generated

CRITTERS = Path(__file__).resolve().parents[3] / "assets" / "critters"
PROMPTS = [
    "a drawing of a green creature with red eyes",
    "cartoon bird, blue, yellow eyes",
    "an angry purple cat in a top hat",
    "a happy blue robot with glasses, night sky",
]


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionPipeline:
    loaded = StableDiffusionPipeline.from_pretrained(CRITTERS)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_diffusers_loads_the_folder_as_it_is_at_one_type(pipeline) -> None:
    types = {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype}
    assert types == {torch.float32}
    assert pipeline.scheduler.config.prediction_type == "epsilon"
    assert pipeline.scheduler.config.beta_schedule == "scaled_linear"


def test_what_a_prompt_names_is_drawn(pipeline) -> None:
    pictures = generated(pipeline, PROMPTS, 4.0, 10, len(PROMPTS))
    figures = fidelity(load_judge(), PROMPTS, pictures)
    assert all(named(prompt) for prompt in PROMPTS)
    assert figures["species"] == figures["body_color"] == figures["eye_color"] == figures["background"] == 1.0
    assert figures["prompt_fidelity"] >= 0.9


def test_every_seed_draws_another_picture(pipeline) -> None:
    pictures = generated(pipeline, ["a drawing of a creature"] * 3, 4.0, 6, 3)
    assert diversity(pictures) > 0.1


def test_a_unet_call_costs_at_most_12_gflop(pipeline) -> None:
    assert 1 < cost.unet_gflop(pipeline.unet) <= 12


def test_a_picture_costs_at_most_one_and_a_half_times_its_unet_calls(pipeline) -> None:
    """In arithmetic, which does not depend on what else the machine does; docs/measurements/critters-cost.json has the time."""
    assert 1 < cost.arithmetic_over_unet_calls(pipeline, steps=25, guidance=4.0) <= 1.5


def test_a_picture_is_timed_against_its_unet_calls(pipeline) -> None:
    figures = cost.times(pipeline, steps=1, guidance=4.0, repeats=1)
    assert figures["picture_over_unet_calls"] == pytest.approx(
        figures["picture_ms"] / figures["unet_calls_ms"]
    )
