"""Running what is on the desk: once, again and again, paused, cancelled, a single cell anew; and the queue of it all."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from psygnal import Signal

from backends.contract import InvalidRequest, Request
from backends.variants import InvalidVariant
from workbench.comparison import Comparison
from workbench.desk.availability import Availability
from workbench.desk.board import Board
from workbench.desk.experiment import Column, Experiment
from workbench.desk.form import Form
from workbench.events import Event, Finished, Iterated, Paused, Preparing, Queued
from workbench.model_choices import ModelChoice

Phase = Literal["idle", "starting", "running", "paused", "cancelling"]
Step = Literal["waiting", "active", "done", "failed", "cancelled"]


class Runner(Protocol):
    """What runs a comparison in the background; :class:`workbench.runner.SessionRunner` is one."""

    @property
    def running(self) -> bool: ...

    def start(self, comparison: Comparison) -> None: ...

    def cancel(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@dataclass(frozen=True)
class Entry:
    """One run of the queue. ``row`` and ``column`` are its cell; ``repeat`` counts from 0."""

    row: int
    column: int
    repeat: int
    step: Step = "waiting"
    milliseconds: float | None = None


@dataclass(frozen=True)
class State:
    """Where things are. Seconds left are None where that cannot be known honestly; ``ahead`` counts the runs after this.

    ``done`` counts the runs that have ended, of which some failed or were cancelled.
    """

    phase: Phase = "idle"
    what: str = ""
    fraction: float | None = None
    index: int = 0
    count: int = 0
    seconds_left: float | None = None
    seconds_left_in_all: float | None = None
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0
    live: bool = False
    round: int = 0

    @property
    def active(self) -> bool:
        return self.phase != "idle"

    @property
    def ahead(self) -> int:
        return max(0, self.total - self.done - 1)


@dataclass(frozen=True)
class _Job:
    """A comparison to run; for a single cell, the row that its one request stands in."""

    comparison: Comparison
    row: int | None = None


class Execution:
    """One comparison at a time on the runner, of what form and board say. Its cells are the experiment's."""

    state_changed = Signal(object)
    queue_changed = Signal(object)
    refused = Signal(object)
    """What is wrong, by field, when something that was to run cannot."""
    completed = Signal()
    """A whole comparison has ended, or the last round of a live one; retried cells are none."""
    broke = Signal(str, str)
    """A fault of the program itself, with its traceback."""
    remeasure = Signal(object)
    """A cell that was run alone, and whose picture is to be compared with its baseline's."""

    def __init__(
        self, runner: Runner, form: Form, board: Board, experiment: Experiment, availability: Availability
    ):
        self._runner = runner
        self._form = form
        self._board = board
        self._experiment = experiment
        self._availability = availability
        self._jobs: deque[_Job] = deque()
        self._job: _Job | None = None
        self.new_seeds = True
        """Whether every live round gets new seeds, unless they are locked."""
        self.state = State()
        self.queue: tuple[Entry, ...] = ()
        experiment.rearranged.connect(self._move_columns)

    @property
    def rolls_each_round(self) -> bool:
        """Whether the next live round will get new seeds: a locked seed stays whatever else is chosen."""
        return self.new_seeds and not self._form.draft.keep_seed

    def run(self) -> bool:
        """Run the board on what the form asks. False, with the problems set, when something in it is wrong or runs."""
        if self.state.active:
            return False
        if not self._form.draft.keep_seed:
            self._form.roll_seed()
        return self._begin(round_=1)

    def toggle_pause(self) -> None:
        """Hold before the next run, or go on; the run in progress is not held, for that would falsify its times."""
        if self.state.phase == "paused":
            self._runner.resume()
            self._set(phase="running")
        elif self.state.phase == "running":
            self._runner.pause()
            self._set(phase="paused")

    def cancel(self) -> None:
        """Stop within one iteration; what is finished stays. Live mode ends with it."""
        if self.state.phase in ("idle", "cancelling"):
            return
        self._jobs.clear()
        paused = self.state.phase == "paused"
        waiting = self._job is None
        self._set(phase="cancelling", live=False, seconds_left=None, seconds_left_in_all=None)
        if waiting:
            self._end()
            return
        self._runner.cancel()
        if paused:
            self._runner.resume()

    def set_live(self, live: bool) -> None:
        """Run again and again until it is switched off; starts at once when nothing runs."""
        if live == self.state.live:
            return
        self._set(live=live)
        if live and not self.state.active and not self.run():
            self._set(live=False)

    def retry(self, row: int, column: int) -> None:
        """Run one cell anew; at once, or behind what runs."""
        experiment = self._experiment
        comparison = experiment.comparison
        if comparison is None or experiment.cell(row, column).phase in ("waiting", "preparing", "running"):
            return
        variant = experiment.columns[column].variant
        again = replace(
            comparison, requests=(comparison.requests[row],), variants=(variant,), baseline=variant, repeats=1
        )
        experiment.expect(row, column)
        self._jobs.append(_Job(again, row))
        if not self.state.active:
            self.queue = ()
            self._set(phase="starting", total=1, done=0, failed=0, cancelled=0, round=0, what="starting")
            self._next()

    def retry_failed(self) -> None:
        """Run every failed or cancelled cell anew."""
        for cell in list(self._experiment.cells.values()):
            if cell.phase in ("failed", "cancelled"):
                self.retry(cell.row, cell.column)

    def handle(self, event: Event) -> None:
        """Take one event of the comparison in progress."""
        job = self._job
        if job is None:
            return
        row = event.request if job.row is None else job.row
        self._experiment.handle(event, row)
        cell = self._experiment.cell(row, self._experiment.column_of(event.variant))
        at = (row, cell.column, event.repeat)
        if isinstance(event, Queued):
            self._queue((*self.queue, Entry(*at)))
            self._set(total=len(self.queue))
        elif isinstance(event, Paused):
            self._set(
                what="paused", fraction=None, index=0, count=0, seconds_left=None, seconds_left_in_all=None
            )
        elif isinstance(event, Preparing):
            self._step(at, "active")
            self._set(
                what=event.what,
                fraction=event.fraction,
                index=0,
                count=0,
                seconds_left=None,
                seconds_left_in_all=None,
            )
        elif isinstance(event, Iterated):
            self._step(at, "active")
            self._set(
                what="",
                fraction=(event.index + 1) / event.count,
                index=event.index + 1,
                count=event.count,
                seconds_left=event.seconds_left,
                seconds_left_in_all=event.seconds_left_in_all,
            )
        elif isinstance(event, Finished):
            ok = event.result.status == "ok"
            step: Step = "done" if ok else "failed" if event.result.status == "error" else "cancelled"
            self._step(at, step, event.result.total_ms if ok else None)
            self._set(
                done=self.state.done + 1,
                failed=self.state.failed + int(step == "failed"),
                cancelled=self.state.cancelled + int(step == "cancelled"),
            )
            if ok and job.row is not None and event.picture is not None:
                self.remeasure.emit(cell)

    def runner_changed(self, running: bool) -> None:
        """The runner is busy, or free again for what waits."""
        if running or not self.state.active:
            return
        if self._job is not None:
            whole, self._job = self._job.row is None, None
            self._experiment.abandon()
            if whole and not self.state.live and self.state.done > self.state.failed:
                self.completed.emit()
        self._next()

    def fail(self, message: str, detail: str = "") -> None:
        """The program itself broke down; the window stays usable."""
        self._jobs.clear()
        self._experiment.abandon(message)
        self._set(live=False)
        self.broke.emit(message, detail)

    def devices_found(self) -> None:
        """The backends have been asked for their devices: what waited for that may run."""
        if self.state.phase == "starting" and self._job is None:
            self._next()

    def _begin(self, round_: int) -> bool:
        asked = self._form.asked()
        if asked is None:
            self.refused.emit(self._form.problems)
            return False
        model, requests = asked
        problem = self._unrunnable()
        if problem:
            self.refused.emit({"variant": problem})
            return False
        comparison = self._comparison(model, requests)
        self._form.remember_prompt()
        columns = [
            Column(card.variant, card.colour, place + 1) for place, card in enumerate(self._board.cards)
        ]
        self._experiment.begin(comparison, columns, model)
        self._jobs.append(_Job(comparison))
        self.queue = ()
        total = len(requests) * len(columns) * comparison.repeats
        self._replace(State("starting", "starting", total=total, live=self.state.live, round=round_))
        self._next()
        return True

    def _comparison(self, model: ModelChoice, requests: Sequence[Request]) -> Comparison:
        draft = self._form.draft
        return Comparison(
            model.name,
            tuple(requests),
            self._board.variants,
            self._board.baseline_card.variant,
            repeats=draft.repeats,
            kernels=draft.kernels,
            arenas=True,
        )

    def _unrunnable(self) -> str:
        twins = self._board.twins()
        if twins:
            places = [self._board.place(number) + 1 for number in sorted(twins)]
            which = " and ".join(str(place) for place in places)
            return f"variant {which} is the same as another one; change it or remove it"
        return ""

    def _next(self) -> None:
        """Start what is next in line; with nothing left, the next live round, or the end."""
        if self._availability.looking:
            self._set(what="asking the backends for their devices")
            return
        if self._runner.running:  # the last run has said all, but its thread still clears up
            return
        if self._jobs and self.state.phase != "cancelling":
            self._job = self._jobs.popleft()
            if self.state.phase != "paused":
                self._set(phase="running")
            try:
                self._runner.start(self._job.comparison)
            except (RuntimeError, InvalidRequest, InvalidVariant, OSError) as error:
                self._job = None
                self._experiment.abandon()
                self._end()
                self.broke.emit(str(error), "")
            return
        if self.state.live:
            self._end(quietly=True)
            round_ = self.state.round + 1
            if self.rolls_each_round:
                self._form.roll_seed()
            if not self._begin(round_):
                self._set(live=False)
            return
        self._end()

    def _end(self, quietly: bool = False) -> None:
        self._job = None
        self._experiment.abandon()
        if not quietly:
            last = self.state
            self._replace(
                State(done=last.done, failed=last.failed, cancelled=last.cancelled, total=last.total)
            )
        else:
            self.state = replace(self.state, phase="idle")

    def _step(self, at: tuple[int, int, int], step: Step, milliseconds: float | None = None) -> None:
        entries = tuple(
            replace(entry, step=step, milliseconds=milliseconds)
            if (entry.row, entry.column, entry.repeat) == at and entry.step in ("waiting", "active")
            else entry
            for entry in self.queue
        )
        if entries != self.queue:
            self._queue(entries)

    def _move_columns(self, order: dict[int, int]) -> None:
        self._queue(tuple(replace(entry, column=order[entry.column]) for entry in self.queue))

    def _queue(self, entries: tuple[Entry, ...]) -> None:
        self.queue = entries
        self.queue_changed.emit(entries)

    def _set(self, **changes: object) -> None:
        self._replace(replace(self.state, **changes))  # type: ignore[arg-type]

    def _replace(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)
