"""The session in a background thread, as a window holds it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backends.contract import InvalidRequest, Request
from backends.variants import parse_variant
from workbench.comparison import Comparison
from workbench.events import Event, Finished, Iterated, Queued
from workbench.runner import SessionRunner
from workbench.session import Session

VARIANT = parse_variant("pytorch")
REQUEST = Request("a creature", steps=900, width=64, height=64)


@pytest.fixture
def runner() -> Iterator[SessionRunner]:
    made = SessionRunner(Session(memory_budget_bytes=50 * 2**20))
    yield made
    made.close()


def listen(runner: SessionRunner) -> list[object]:
    heard: list[object] = []
    runner.event.connect(heard.append)
    runner.running_changed.connect(heard.append)
    runner.failed.connect(heard.append)
    return heard


def test_events_come_in_order_between_running_and_not_running(runner: SessionRunner, model: str) -> None:
    heard, threads = listen(runner), set()
    runner.event.connect(lambda event: threads.add(threading.current_thread()))
    runner.start(Comparison(model, (REQUEST,), (VARIANT,), VARIANT))
    assert runner.wait(10)
    assert [type(item) for item in heard] == [bool, Queued, Finished, bool]
    assert (heard[0], heard[-1]) == (True, False)
    assert threading.main_thread() not in threads


def test_what_cannot_be_run_is_raised_at_once_and_nothing_starts(runner: SessionRunner, model: str) -> None:
    heard = listen(runner)
    with pytest.raises(InvalidRequest, match="prompt is empty"):
        runner.start(Comparison(model, (Request(""),), (VARIANT,), VARIANT))
    assert heard == [] and not runner.running


def test_the_next_run_can_be_started_as_soon_as_one_has_finished(runner: SessionRunner, model: str) -> None:
    asked = Comparison(model, (REQUEST,), (VARIANT,), VARIANT)
    ended = threading.Semaphore(0)
    runner.event.connect(lambda event: ended.release() if isinstance(event, Finished) else None)
    for _ in range(5):
        runner.start(asked)
        assert ended.acquire(timeout=10)
    assert runner.wait(10)


def test_a_fault_of_the_program_is_told_and_the_runner_goes_on(
    runner: SessionRunner, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[tuple[str, str]] = []
    runner.failed.connect(lambda message, detail: faults.append((message, detail)))

    def broken(comparison: Comparison) -> Iterator[Event]:
        yield Queued(VARIANT, 0, 0)
        raise ZeroDivisionError("a bug")

    asked = Comparison(model, (REQUEST,), (VARIANT,), VARIANT)
    with monkeypatch.context() as patch:
        patch.setattr(runner.session, "run", broken)
        runner.start(asked)
        assert runner.wait(10)
    assert faults[0][0] == "ZeroDivisionError: a bug" and "Traceback" in faults[0][1]
    runner.start(asked)
    assert runner.wait(10) and len(faults) == 1


def test_cancel_and_close_from_another_thread_while_it_runs(model: str) -> None:
    runner = SessionRunner()
    heard, iterated = listen(runner), threading.Event()
    runner.event.connect(lambda event: iterated.set() if isinstance(event, Iterated) else None)
    asked = Comparison(model, (REQUEST,), (VARIANT,), VARIANT)
    runner.start(asked)
    assert iterated.wait(60)
    with pytest.raises(RuntimeError, match="running already"):
        runner.start(asked)
    runner.cancel()
    assert runner.wait(10)
    assert [item.result.status for item in heard if isinstance(item, Finished)] == ["cancelled"]
    iterated.clear()
    runner.start(asked)
    assert iterated.wait(60)
    workers = runner.session.pool.warm()
    runner.close()
    assert not runner.running and workers and not any(worker.alive for worker in workers)
    with pytest.raises(RuntimeError, match="closed"):
        runner.start(asked)
