"""Progress on stderr: a live bar on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from backends.variants import format_variant
from workbench.comparison import Comparison
from workbench.events import Event, Finished, Iterated, Paused, Preparing

LOG_LINES_SHOWN = 8


class Reporter(Protocol):
    """Told every event of a comparison, in order."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def handle(self, event: Event) -> None: ...


def reporter(comparison: Comparison) -> Reporter:
    """The one that fits where stderr goes."""
    runs = len(comparison.requests) * len(comparison.variants) * comparison.repeats
    return LiveReporter(runs) if sys.stderr.isatty() else LineReporter(runs)


class LineReporter:
    """One line whenever a run comes to something new."""

    def __init__(self, runs: int):
        self._runs = runs
        self._done = 0
        self._last = ""

    def __enter__(self) -> LineReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def handle(self, event: Event) -> None:
        """Print what is new."""
        if isinstance(event, Preparing):
            self._say(event, event.what)
        elif isinstance(event, Iterated) and event.index == 0:
            self._say(event, f"{event.count} iterations, about {format_seconds(event.seconds_left)} left")
        elif isinstance(event, Finished):
            self._done += 1
            self._say(event, outcome_line(event))
            for line in failure_lines(event):
                print(line, file=sys.stderr)

    def _say(self, event: Event, what: str) -> None:
        line = f"[{min(self._done + (not isinstance(event, Finished)), self._runs)}/{self._runs}] "
        line += f"{format_variant(event.variant)}: {what}"
        if line != self._last:
            self._last = line
            print(line, file=sys.stderr, flush=True)


class LiveReporter:
    """A bar for the run in progress, and a line above it for each that is done."""

    def __init__(self, runs: int):
        self._runs = runs
        self._done = 0
        self._console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("starting", total=None, left="")

    def __enter__(self) -> LiveReporter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def handle(self, event: Event) -> None:
        """Move the bar, or print what is done."""
        name = f"[{self._done + 1}/{self._runs}] {format_variant(event.variant)}".replace("[", r"\[")
        if isinstance(event, Paused):
            self._progress.update(self._task, description=f"{name}: paused", total=None, left="")
        elif isinstance(event, Preparing):
            total = None if event.fraction is None else 100
            done = round(100 * (event.fraction or 0))
            self._progress.update(
                self._task, description=f"{name}: {event.what}", total=total, completed=done, left=""
            )
        elif isinstance(event, Iterated):
            left = event.seconds_left if event.seconds_left_in_all is None else event.seconds_left_in_all
            text = f"{format_seconds(left)} left"
            self._progress.update(
                self._task, description=name, total=event.count, completed=event.index + 1, left=text
            )
        elif isinstance(event, Finished):
            self._done += 1
            self._console.print(f"{name}: {outcome_line(event)}", highlight=False, soft_wrap=True)
            for line in failure_lines(event):
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def outcome_line(event: Finished) -> str:
    """What came of a run, in a line."""
    result = event.result
    if result.status == "ok":
        return f"done in {format_seconds(result.total_ms / 1e3)}"
    return "cancelled" if result.status == "cancelled" else "failed"


def failure_lines(event: Finished) -> list[str]:
    """Why a run failed: the error's line, and the last lines of its worker's log."""
    if event.result.status != "error":
        return []
    lines = [
        f"error: {format_variant(event.variant)}: {' '.join((event.result.error or 'no reason given').split())}"
    ]
    if not event.result.detail:  # it said nothing itself: it was killed, crashed or hung
        lines += [f"  | {line}" for line in event.result.log_tail.splitlines()[-LOG_LINES_SHOWN:]]
    return lines


def format_seconds(seconds: float) -> str:
    """A duration as a person says it: ``0.42 s``, ``12.3 s``, ``4 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
