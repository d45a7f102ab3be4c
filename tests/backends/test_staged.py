"""Spans are taken at the stages' borders, in order, never over each other, and components stay what they are."""

from __future__ import annotations

import inspect
import time
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from backends.loading import load_pipeline
from backends.models import resolve
from backends.staged import Recorder, Timed, bare, staged


def _ignore(what: str, fraction: float | None) -> None:
    pass


def test_a_span_ends_after_the_device_has_finished():
    recorder = Recorder(synchronize=lambda: time.sleep(0.01))
    with recorder.stage("unet"):
        pass
    assert recorder.spans[0].milliseconds >= 10


def test_unet_calls_and_scheduler_steps_share_their_iteration():
    recorder = Recorder()
    for _ in range(3):
        for name in ("unet", "scheduler"):
            with recorder.stage(name):
                pass
    assert [(span.name, span.iteration) for span in recorder.spans] == [
        (name, index) for index in range(3) for name in ("unet", "scheduler")
    ]


def test_a_stage_that_fails_leaves_no_span():
    recorder = Recorder()
    with pytest.raises(ValueError), recorder.stage("vae_decoder"):
        raise ValueError
    assert recorder.spans == []


def test_fresh_gives_every_span_once():
    recorder = Recorder()
    with recorder.stage("tokenizer"):
        pass
    assert len(recorder.fresh()) == 1
    assert recorder.fresh() == ()
    recorder.reset()
    assert recorder.spans == []


def test_a_timed_component_passes_for_its_own_class():
    scheduler = DDIMScheduler()
    timed = Timed(scheduler, Recorder(), "scheduler", "step")
    assert isinstance(timed, DDIMScheduler)
    assert timed.config is scheduler.config
    assert inspect.signature(timed.step) == inspect.signature(scheduler.step)
    timed.marker = 1
    assert scheduler.marker == 1
    assert bare(timed) is scheduler and bare(scheduler) is scheduler


def test_a_staged_pipeline_is_plain_diffusers_with_spans(tiny_model: Path):
    def run(pipeline) -> torch.Tensor:
        pipeline.set_progress_bar_config(disable=True)
        generator = torch.Generator("cpu").manual_seed(3)
        return pipeline(
            "cat", num_inference_steps=3, width=64, height=64, generator=generator, output_type="pt"
        ).images

    plain = run(load_pipeline(resolve(str(tiny_model)), torch.float32, _ignore))
    recorder = Recorder()
    pipeline = staged(load_pipeline(resolve(str(tiny_model)), torch.float32, _ignore), recorder)
    assert torch.equal(run(pipeline), plain)
    assert isinstance(pipeline.unet, UNet2DConditionModel) and pipeline.device == torch.device("cpu")
    spans = recorder.spans
    assert [span.name for span in spans if span.name != "tokenizer"] == [
        "text_encoder", "text_encoder", *["unet", "scheduler"] * 3, "vae_decoder"
    ]  # fmt: skip
    assert all(one.start_ns < one.end_ns <= two.start_ns for one, two in zip(spans, spans[1:], strict=False))
