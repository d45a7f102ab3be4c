"""Running a comparison from the command line: Ctrl+C cancels it, and what is done by then is kept."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench.cli.progress import reporter
from workbench.comparison import Comparison
from workbench.events import Finished
from workbench.session import Session

OK, FAILED, WRONG_REQUEST = 0, 1, 2


@dataclass
class Outcome:
    """Every run's last event, and the signal that ended the comparison early, where one did."""

    finished: list[Finished] = field(default_factory=list)
    signal_number: int | None = None

    @property
    def exit_status(self) -> int:
        """0 all ran, 1 some failed, 2 wrong in a way that only the loaded model could tell, 128+n by a signal."""
        if self.signal_number is not None:
            return 128 + self.signal_number
        failed = [event.result for event in self.finished if event.result.status != "ok"]
        if failed and all(result.invalid_field for result in failed) and len(failed) == len(self.finished):
            return WRONG_REQUEST
        return FAILED if failed else OK


def perform(comparison: Comparison, memory_budget_bytes: int | None) -> Outcome:
    """Run it with progress on stderr; no worker is left when this returns."""
    outcome = Outcome()
    with (
        Session(memory_budget_bytes) as session,
        _cancelling(session, outcome),
        reporter(comparison) as report,
    ):
        for event in session.run(comparison):
            report.handle(event)
            if isinstance(event, Finished):
                outcome.finished.append(event)
    for notice in dict.fromkeys(notice for event in outcome.finished for notice in event.result.notices):
        print(f"notice: {notice}", file=sys.stderr)
    return outcome


@contextmanager
def _cancelling(session: Session, outcome: Outcome) -> Iterator[None]:
    """The first Ctrl+C (or SIGTERM) cancels and lets the results be written; a second one stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(number: int, _: object) -> None:
        if outcome.signal_number is not None:
            raise KeyboardInterrupt
        outcome.signal_number = number
        session.cancel()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
