"""The window's model without a window: plain Python, driven by hand."""

from __future__ import annotations

import pytest
from psygnal import Signal

from backends.contract import BackendError, MemorySample, Picture, Request, Span
from backends.variants import parse_variant
from workbench.comparison import Comparison
from workbench.draft import Draft
from workbench.events import Finished, Iterated, MemorySampled, Preparing, Queued
from workbench.generation import SYNTHETIC_NOTICE, Generation, ModelChoice
from workbench.results import Result, Status
from workbench.timeline import blocks, format_bytes, format_left, format_ms, stage_totals

CRITTERS = ModelChoice("critters", "Critters", steps=30, guidance_scale=4.0)
SYNTHETIC = ModelChoice("sd14-synthetic", "Synthetic", synthetic=True, width=512, height=512, steps=50)
PICTURE = Picture(8, 8, bytes(192))


class Script:
    """A runner that starts nothing; a test plays its events."""

    event = Signal(object)

    def __init__(self) -> None:
        self.started: list[Comparison] = []
        self.cancels = 0
        self.running = False

    def start(self, comparison: Comparison) -> None:
        self.started.append(comparison)

    def cancel(self) -> None:
        self.cancels += 1


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def generation(script: Script) -> Generation:
    return Generation(script, (CRITTERS, SYNTHETIC))


def finished(generation: Generation, status: Status = "ok", error=None, notices=()) -> Finished:
    assert generation.run is not None
    result = Result(
        generation.run.request, generation.run.variant, status, error=error, notices=notices, end_ns=1
    )
    return Finished(generation.run.variant, 0, 0, result, PICTURE if status == "ok" else None)


def test_a_model_brings_the_settings_it_was_made_for(generation):
    assert (generation.draft.steps, generation.draft.guidance_scale) == (30, 4.0)
    generation.choose_model("sd14-synthetic")
    assert (generation.draft.size, generation.draft.steps) == ("512 × 512", 50)


def test_a_run_goes_from_preparing_to_done(generation, script):
    states = []
    generation.progress_changed.connect(lambda progress: states.append(progress.phase))
    generation.edit(prompt="a bird", steps=2)
    assert generation.generate() and not generation.generate()
    variant = script.started[0].variants[0]
    generation.handle(Queued(variant, 0, 0))
    generation.handle(Preparing(variant, 0, 0, "reading", 0.5))
    assert (generation.progress.what, generation.progress.fraction) == ("reading", 0.5)
    for index in range(2):
        generation.handle(
            Iterated(variant, 0, 0, index, 2, PICTURE, (Span("unet", "unet", index, index + 1, index),), 1.0)
        )
    generation.handle(MemorySampled(variant, 0, 0, (MemorySample(1, 300), MemorySample(2, 200))))
    assert (generation.progress.index, len(generation.spans), generation.peak_rss_bytes) == (2, 2, 300)
    generation.handle(finished(generation))
    assert generation.shown is generation.history[0]
    assert states == ["preparing", "preparing", "preparing", "running", "running", "done"]


def test_an_earlier_picture_stays_on_view_while_another_is_made(generation, script):
    generation.edit(prompt="a bird")
    generation.generate()
    generation.handle(finished(generation))
    first = generation.shown
    generation.generate()
    assert generation.shown is None
    generation.show(first)
    generation.handle(finished(generation))
    assert generation.shown is first and len(generation.history) == 2


def test_a_failed_run_says_why_and_the_next_one_forgets_it(generation):
    generation.edit(prompt="a bird")
    generation.generate()
    generation.handle(finished(generation, "error", "out of memory"))
    assert generation.failure is not None and generation.failure.message == "out of memory"
    assert generation.progress.phase == "failed"
    generation.generate()
    assert generation.failure is None


def test_events_after_the_end_change_nothing(generation, script):
    generation.edit(prompt="a bird")
    generation.generate()
    generation.cancel()
    assert script.cancels == 1 and generation.progress.phase == "cancelling"
    generation.handle(finished(generation, "cancelled"))
    generation.handle(Preparing(script.started[0].variants[0], 0, 0, "reading", None))
    assert generation.progress.phase == "cancelled"


def test_synthetic_weights_are_told_first_and_once(generation):
    generation.choose_model("sd14-synthetic")
    generation.edit(prompt="a bird")
    generation.generate()
    generation.handle(finished(generation, notices=("the weights are synthetic", "the prompt is truncated")))
    assert generation.shown.notices == (SYNTHETIC_NOTICE, "the prompt is truncated")


def test_a_runner_that_cannot_start_is_a_failure_not_a_crash(generation, script, monkeypatch):
    def refuse(comparison):
        raise BackendError("no such model")

    monkeypatch.setattr(script, "start", refuse)
    generation.edit(prompt="a bird")
    generation.generate()
    assert generation.progress.phase == "failed" and "no such model" in generation.failure.message


def test_a_run_waits_for_the_end_of_the_last_one_and_can_be_cancelled_there(generation, script):
    generation.edit(prompt="a bird")
    script.running = True
    generation.generate()
    assert generation.progress.active and not script.started
    script.running = False
    generation.runner_changed(False)
    assert len(script.started) == 1
    generation.handle(finished(generation))
    script.running = True
    generation.generate()
    generation.cancel()
    generation.runner_changed(False)
    assert generation.progress.phase == "cancelled" and len(script.started) == 1 and script.cancels == 0


def test_an_unlocked_seed_changes_with_every_picture(generation, script):
    generation.edit(prompt="a bird", keep_seed=False)
    generation.generate()
    generation.handle(finished(generation))
    generation.generate()
    first, second = (comparison.requests[0].seed for comparison in script.started)
    assert first != second


def test_settings_of_a_picture_are_taken_again(generation):
    generation.take_from(
        Request("a cat", seed=9, width=128, height=64), "sd14-synthetic", parse_variant("pytorch:bf16")
    )
    draft = generation.draft
    assert (draft.prompt, draft.seed, draft.size, draft.model) == ("a cat", "9", "128 × 64", "sd14-synthetic")
    assert draft.variant == parse_variant("pytorch:bf16")


def test_a_draft_survives_json_and_nonsense_falls_back():
    draft = Draft(prompt="a\nb", seed="7", guidance_scale=3, variant=parse_variant("pytorch:fp16-all"))
    assert Draft.from_json(draft.to_json()) == draft
    assert (
        Draft.from_json({"steps": "many", "scheduler": "magic", "variant": 4, "guidance_scale": float("nan")})
        == Draft()
    )
    assert Draft.from_json([]) == Draft()


def test_a_size_may_be_written_in_several_ways():
    for text in ("128x64", "128 × 64", " 128*64 ", "128, 64"):
        request = Draft(prompt="a", size=text).request()
        assert (request.width, request.height) == (128, 64)
    assert Draft(prompt="a", size="128").request().height == 128


def test_stage_totals_account_for_the_whole_run():
    spans = [Span("unet", "unet", 10**6, 3 * 10**6, 0), Span("vae", "vae_decoder", 4 * 10**6, 5 * 10**6)]
    spans.append(Span("conv", "unet", 10**6, 2 * 10**6, 0, kind="kernel"))
    totals = {total.stage: total for total in stage_totals(blocks(spans, 0), 6.0)}
    assert (
        totals["unet"].total_ms == 2 and totals["vae_decoder"].total_ms == 1 and totals["other"].total_ms == 3
    )
    assert sum(total.share for total in totals.values()) == pytest.approx(1)


def test_figures_read_as_people_write_them():
    assert [format_ms(value) for value in (0.42, 4.24, 118.4, 3420, 59_990, 125_000)] == [
        "0.42 ms",
        "4.2 ms",
        "118 ms",
        "3.42 s",
        "59.99 s",
        "2 min 05 s",
    ]
    assert [format_left(value) for value in (0.2, 4.4, 200)] == [
        "less than a second left",
        "about 4 s left",
        "about 3 min left",
    ]
    assert [format_bytes(value) for value in (None, 4_100_000, 845_000_000, 1_240_000_000)] == [
        "–",
        "4.1 MB",
        "845 MB",
        "1.24 GB",
    ]
