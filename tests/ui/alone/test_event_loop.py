"""The window never stands still. Tested while no other test runs: it is about the window, not about who gets the processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from backends.variants import parse_variant
from tests.ui.doing import VARIANTS
from ui.actions import CHARTS

LONGEST_GAP_MS = 50.0
ATTEMPTS = 2


@pytest.fixture
def longest_gap(qtbot, window, done):
    """Runs four variants with previews; the longest pause of the event loop from the click to a while after, in milliseconds."""
    window.desk.board.take([parse_variant(line) for line in (*VARIANTS, "pytorch+tome=0.4", "opencl")])
    window.desk.form.edit(steps=5)
    previews: list[object] = []
    window.desk.experiment.cell_changed.connect(lambda cell: previews.append(cell.preview))

    def measure() -> float:
        previews.clear()
        heart = Heart()
        window.run()
        done(window)
        qtbot.wait(300)
        assert [cell.phase for cell in window.desk.experiment.cells.values()] == ["done"] * 4
        assert len({id(preview) for preview in previews}) > 4 * 3
        return heart.stop()

    return measure


def test_the_event_loop_never_stands_still_while_four_variants_are_loaded(window, runner, longest_gap):
    """Their processes start, models are read and compiled: nothing of that is the window's."""

    def cold() -> float:
        pool = runner.inner.session.pool
        pool.end(pool.warm())
        return longest_gap()

    holds("loading", cold)


@pytest.mark.parametrize("view", [*CHARTS, "arena", "A/B"])
def test_the_event_loop_never_stands_still_while_four_variants_run(window, longest_gap, view):
    """With previews, whatever is open."""
    if view == "A/B":
        longest_gap()  # it shows two pictures from the beginning
        window.show_ab()
        window.work.ab.set_mode("difference")
    elif view == "arena":
        window.open_chart("Memory")
        window.work.charts.memory.show_page("arena")
    else:
        window.open_chart(view)
    holds(view, longest_gap)


def holds(what: str, measure: Callable[[], float]) -> None:
    """The machine's other work can stop any process for a while; a window that blocks does so in every run."""
    gaps: list[float] = []
    while len(gaps) < ATTEMPTS and (not gaps or gaps[-1] > LONGEST_GAP_MS):
        gaps.append(measure())
    print(f"{what}: {gaps} ms")
    assert gaps[-1] <= LONGEST_GAP_MS, (
        f"with {what} the longest gaps between two beats, in ms, run by run: {gaps}"
    )


class Heart:
    """Beats every 5 ms on the event loop, and knows its longest pause.

    Where the system tells how long a thread was ready but given no processor, as Linux does, that is not counted: it is
    the other work of the machine.
    """

    def __init__(self) -> None:
        self._last, self._starved = time.perf_counter(), _starved_seconds()
        self._longest = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def stop(self) -> float:
        """The longest pause, in milliseconds."""
        self._timer.stop()
        return round(self._longest * 1000, 1)

    def _beat(self) -> None:
        now, starved = time.perf_counter(), _starved_seconds()
        self._longest = max(self._longest, now - self._last - (starved - self._starved))
        self._last, self._starved = now, starved


def _starved_seconds() -> float:
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
