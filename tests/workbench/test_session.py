"""The session with real workers and a real, tiny model."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import statistics
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from backends.contract import BackendError, InvalidRequest, Request, Variant
from backends.models import resolve
from backends.variants import InvalidVariant, parse_variant
from workbench import quality, rounds
from workbench import session as session_module
from workbench.comparison import Comparison
from workbench.conversation import Patience
from workbench.events import Event, Finished, Iterated, MemorySampled, Paused, Preparing, Queued
from workbench.quality import PromptJudge
from workbench.session import Session
from workbench.workers import WorkerKey

FP32, BF16 = parse_variant("pytorch"), parse_variant("pytorch:bf16")
REQUEST = Request("a green creature", seed=7, steps=4, width=64, height=64)
LONG = replace(REQUEST, steps=900)


def comparison(model: str, *variants: Variant, request: Request = REQUEST, repeats: int = 1) -> Comparison:
    chosen = variants or (FP32,)
    return Comparison(model, (request,), chosen, chosen[0], repeats=repeats)


def finished(events: Iterator[Event] | list[Event]) -> list[Finished]:
    return [event for event in events if isinstance(event, Finished)]


def pid(session: Session, variant: Variant) -> int:
    return next(worker.pid for worker in session.pool.warm() if worker.key.variant == variant)


@pytest.fixture(scope="module")
def events(
    session: Session, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> list[Event]:
    """A comparison of two variants, repeated three times; the baseline is named last."""
    model = str(request.getfixturevalue("tiny_model"))
    return list(session.run(Comparison(model, (REQUEST,), (BF16, FP32), FP32, repeats=3)))


def test_repeats_are_interleaved_and_the_baseline_goes_first(events: list[Event]) -> None:
    order = [(event.variant, event.repeat) for event in finished(events)]
    assert order == [(FP32, 0), (BF16, 0), (FP32, 1), (BF16, 1), (FP32, 2), (BF16, 2)]


def test_every_run_is_queued_then_ends_once_and_ok(events: list[Event]) -> None:
    assert [type(event) for event in events[:6]] == [Queued] * 6
    assert [event.result.status for event in finished(events)] == ["ok"] * 6
    assert all(event.picture and event.picture.width == 64 for event in finished(events))


def test_both_variants_start_from_the_same_noise(events: list[Event]) -> None:
    noises = {event.result.latents_sha256 for event in finished(events)}
    assert len(noises) == 1 and None not in noises


def test_the_same_request_and_variant_give_the_same_picture_bit_for_bit(events: list[Event]) -> None:
    for variant in (FP32, BF16):
        assert (
            len({event.result.picture_sha256 for event in finished(events) if event.variant == variant}) == 1
        )


def test_workers_stay_warm_and_load_is_told_apart(events: list[Event]) -> None:
    loads = [event.result.load_seconds for event in finished(events)]
    assert all(seconds and seconds > 0 for seconds in loads[:2]) and loads[2:] == [None] * 4
    whats = [event.what for event in events if isinstance(event, Preparing) and event.variant == FP32]
    assert {"reading", "warming up"} <= set(whats)
    assert finished(events)[0].result.warmup and not finished(events)[2].result.warmup


def test_iterations_arrive_one_by_one_with_previews_and_time_left(events: list[Event]) -> None:
    run = [
        event
        for event in events
        if isinstance(event, Iterated) and event.repeat == 2 and event.variant == BF16
    ]
    assert [(event.index, event.count) for event in run] == [(index, 4) for index in range(4)]
    assert all(event.preview is not None and event.preview.width <= 64 for event in run)
    assert all(event.seconds_left >= 0 for event in run)
    assert all(event.seconds_left_in_all == event.seconds_left for event in run), "it is the last run"
    first = next(event for event in events if isinstance(event, Iterated))
    assert first.seconds_left_in_all is None, "the other variant was not measured yet"


def test_spans_and_memory_samples_share_one_clock_at_20_samples_a_second(events: list[Event]) -> None:
    result = finished(events)[0].result
    assert [span.stage for span in result.spans if span.stage == "unet"] == ["unet"] * 4
    assert all(result.start_ns <= span.start_ns <= span.end_ns <= result.end_ns for span in result.spans)
    times = [
        sample.time_ns for event in events if isinstance(event, MemorySampled) for sample in event.samples
    ]
    assert times == sorted(times)
    gaps = [(after - before) / 1e9 for before, after in itertools.pairwise(times)]
    assert statistics.median(gaps) <= 1 / 20
    assert result.samples[0].time_ns <= result.start_ns and result.samples[-1].time_ns >= result.end_ns
    assert result.memory.peak_rss_bytes and result.memory.peak_rss_bytes > 100e6
    assert result.memory.weights_bytes and result.memory.weights_bytes < 20e6


def test_quality_is_against_the_baseline_and_not_of_it(events: list[Event]) -> None:
    for event in finished(events):
        if event.variant == FP32:
            assert event.result.quality is None
        else:
            assert event.result.quality and event.result.quality.psnr_db and event.result.quality.psnr_db > 20
            assert event.result.quality.ssim and 0.5 < event.result.quality.ssim <= 1
            assert event.result.quality.prompt_fidelity is None, "the judge knows the built-in model only"


def test_the_sessions_own_cost_is_at_most_3_percent_of_a_picture_of_two_seconds(events: list[Event]) -> None:
    warm = [event.result.overhead_ms for event in finished(events) if event.repeat]
    assert statistics.median(warm) < 0.03 * 2000


def test_the_built_in_model_is_judged_against_the_prompt(
    session: Session, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "JUDGE_KEY", WorkerKey("tests.workbench.light:judge"))
    monkeypatch.setattr(session_module, "resolve", lambda ref: replace(resolve(ref), kind="critters"))
    asked = comparison(model, FP32, BF16, request=replace(REQUEST, prompt="cartoon bird"))
    ends = finished(session.run(asked))
    assert [event.result.quality.prompt_fidelity for event in ends if event.result.quality] == [1.0, 1.0]
    first = ends[0].result.quality
    assert first and first.psnr_db is None and first.found == {"species": "bird", "colour": "green"}
    nameless = finished(session.run(comparison(model, FP32)))[0].result.quality
    assert nameless and nameless.prompt_fidelity is None


def test_without_a_judge_there_is_a_picture_and_a_notice(
    session: Session, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "JUDGE_KEY", WorkerKey("tests.workbench.light:broken_judge"))
    monkeypatch.setattr(session_module, "resolve", lambda ref: replace(resolve(ref), kind="critters"))
    monkeypatch.setattr(session, "_judge", PromptJudge(session.pool))
    end = finished(session.run(comparison(model, FP32)))[0]
    assert end.result.status == "ok" and end.result.quality is None
    assert any("judge.safetensors is missing" in notice for notice in end.result.notices)


def test_synthetic_weights_show_no_quality_and_say_why(
    session: Session, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "resolve", lambda ref: replace(resolve(ref), synthetic=True))
    monkeypatch.setattr(rounds, "needed_bytes", lambda card, variant: 0)
    for event in finished(session.run(comparison(model, FP32, BF16))):
        assert event.result.quality is None
        assert any("synthetic weights" in notice for notice in event.result.notices)


def test_closing_a_session_whose_events_lie_half_read_does_not_wait_for_ever(model: str) -> None:
    running = Session(memory_budget_bytes=1, patience=Patience(grace=0.1))
    events = running.run(comparison(model))
    next(events)
    running.close()
    assert [event.result.status for event in finished(events)] == ["cancelled"]


def test_cancel_answers_within_an_iteration_and_the_worker_stays(session: Session, model: str) -> None:
    iterated, before = [], None
    ends = []
    for event in session.run(comparison(model, FP32, BF16, request=LONG)):
        if isinstance(event, Iterated):
            iterated.append(event.index)
            before = pid(session, FP32)
            if event.index == 2:
                session.cancel()
        if isinstance(event, Finished):
            ends.append(event.result.status)
    assert ends == ["cancelled", "cancelled"]
    assert len(iterated) <= 5
    assert pid(session, FP32) == before
    assert finished(session.run(comparison(model)))[0].result.status == "ok"


def test_pause_holds_before_the_next_run(session: Session, model: str) -> None:
    seen: list[str] = []
    for event in session.run(comparison(model, repeats=2)):
        if isinstance(event, Iterated) and event.repeat == 0:
            session.pause()
        if isinstance(event, Paused):
            session.resume()
        if isinstance(event, Finished | Paused):
            seen.append(f"{type(event).__name__} {event.repeat}")
    assert seen == ["Finished 0", "Paused 1", "Finished 1"]


def test_cancel_ends_a_pause(session: Session, model: str) -> None:
    session.pause()
    ends = []
    for event in session.run(comparison(model)):
        if isinstance(event, Paused):
            session.cancel()
        ends += finished([event])
    session.resume()
    assert [event.result.status for event in ends] == ["cancelled"]


def test_unet_only_times_iterations_and_makes_no_picture(session: Session, model: str) -> None:
    asked = replace(comparison(model, BF16), unet_only=True)
    end = finished(session.run(asked))[0]
    assert end.result.status == "ok" and end.picture is None and end.result.quality is None
    assert {span.stage for span in end.result.spans if span.kind == "stage"} == {"unet"}


def test_a_killed_worker_fails_its_own_variant_and_the_next_one_runs(session: Session, model: str) -> None:
    ends = []
    for event in session.run(comparison(model, FP32, BF16, repeats=2)):
        if isinstance(event, Iterated) and event.variant == FP32 and event.repeat == 0 and event.index == 1:
            os.kill(pid(session, FP32), signal.SIGKILL)
        ends += finished([event])
    assert [(event.variant, event.result.status) for event in ends] == [
        (FP32, "error"),
        (BF16, "ok"),
        (FP32, "error"),
        (BF16, "ok"),
    ]
    assert "SIGKILL" in (ends[0].result.error or "") and "generating" in (ends[0].result.error or "")
    assert any("baseline made no picture" in notice for notice in ends[1].result.notices)
    assert finished(session.run(comparison(model)))[0].result.status == "ok", "a new worker takes its place"


def test_a_stopped_worker_is_killed_after_the_grace_period_of_a_cancel(session: Session, model: str) -> None:
    list(session.run(comparison(model)))
    session.patience = replace(session.patience, grace=0.5)
    victim, ends = pid(session, FP32), []
    for event in session.run(comparison(model, request=LONG)):
        if isinstance(event, Iterated) and event.index == 1:
            os.kill(victim, signal.SIGSTOP)
            session.cancel()
        ends += finished([event])
    assert [event.result.status for event in ends] == ["cancelled"]
    assert not psutil.pid_exists(victim)


def test_a_hanging_worker_fails_with_what_it_was_doing(session: Session, model: str) -> None:
    list(session.run(comparison(model, BF16)))
    session.patience = replace(session.patience, idle=2.0)
    victim, ends = pid(session, BF16), []
    for event in session.run(comparison(model, BF16, request=LONG)):
        if isinstance(event, Iterated) and event.index == 1:
            os.kill(victim, signal.SIGSTOP)
        ends += finished([event])
    session.patience = replace(session.patience, idle=60.0)
    assert [event.result.status for event in ends] == ["error"]
    assert "hung while generating" in (ends[0].result.error or "") and "stopped" in (
        ends[0].result.error or ""
    )
    assert not psutil.pid_exists(victim)


def test_closing_the_events_early_ends_the_run(session: Session, model: str) -> None:
    with contextlib.closing(session.run(comparison(model, BF16, request=LONG))) as events:
        next(event for event in events if isinstance(event, Iterated))
        victim = pid(session, BF16)
    assert not psutil.pid_exists(victim)
    assert session.run(comparison(model)) is not None, "the session is free again"


def test_wrong_comparisons_are_refused_before_anything_starts(session: Session, model: str) -> None:
    with pytest.raises(InvalidRequest, match="multiples of 8"):
        session.run(comparison(model, request=replace(REQUEST, width=65)))
    with pytest.raises(InvalidVariant, match="named twice"):
        session.run(comparison(model, FP32, FP32))
    with pytest.raises(InvalidVariant, match="not among"):
        session.run(Comparison(model, (REQUEST,), (FP32,), BF16))
    with pytest.raises(InvalidRequest, match="repeats"):
        session.run(comparison(model, repeats=0))
    with pytest.raises(BackendError, match="no model"):
        session.run(comparison("no/such/model"))


def test_a_variant_that_cannot_fit_says_so_with_figures_and_starts_nothing(model: str) -> None:
    with Session(memory_budget_bytes=100 * 2**20) as small:
        events = list(small.run(comparison(model)))
        assert [type(event) for event in events] == [Queued, Finished]
        error = finished(events)[0].result.error or ""
        assert "would not fit" in error and "105 MB" in error and "454 MB" in error
        assert small.pool.warm() == []


def test_a_device_that_is_not_there_fails_and_is_not_tried_twice(session: Session, model: str) -> None:
    ends = finished(session.run(comparison(model, parse_variant("pytorch@cuda7"), repeats=2)))
    assert [event.result.status for event in ends] == ["error", "error"]
    assert "cuda7" in (ends[0].result.error or "") and ends[0].result.error == ends[1].result.error


def test_no_process_is_left_when_the_session_closes(session: Session, model: str) -> None:
    for name in "ab":
        session.pool.start(WorkerKey("tests.workbench.light:echo", name))
    pids = [worker.pid for worker in session.pool.warm()]
    assert len(pids) >= 2
    session.close()
    assert not any(psutil.pid_exists(item) for item in pids)
    with pytest.raises(RuntimeError, match="closed"):
        session.run(comparison(model))
