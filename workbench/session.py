"""Runs comparisons in worker processes and says what happens, event by event.

A session keeps its workers warm between comparisons. It has no thread of its own but the memory monitor's: the caller's
thread does the waiting, in :meth:`Session.run`; :mod:`workbench.runner` is the same for a window.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from types import TracebackType

import psutil

from backends.machine import memory_bytes
from backends.models import resolve
from workbench.comparison import Comparison
from workbench.control import Control
from workbench.conversation import Patience
from workbench.events import Event
from workbench.monitor import MemoryMonitor
from workbench.quality import PromptJudge
from workbench.rounds import Round, Tools
from workbench.workers import WorkerPool

BUDGET_SHARE = 0.6


class Session:
    """Warm workers, a memory budget, and at most one comparison at a time. Close it, or use it as a context manager."""

    def __init__(self, memory_budget_bytes: int | None = None, *, patience: Patience | None = None):
        """``memory_budget_bytes`` is what all workers together may take; by default 60 % of the machine's memory."""
        self.memory_budget_bytes = memory_budget_bytes or default_budget_bytes()
        self.patience = patience or Patience()
        self.pool = WorkerPool(self.memory_budget_bytes)
        self._monitor = MemoryMonitor(self.pool.inbox)
        self._judge = PromptJudge(self.pool)
        self._control = Control(self.pool.inbox)
        self._busy = threading.Lock()
        self._closed = False

    def run(self, comparison: Comparison) -> Generator[Event, None, None]:
        """Run every request on every variant, one after the other, and yield what happens (:mod:`workbench.events`).

        Requests outermost, repeats interleaved (A B C A B C), the baseline first, so that every later picture is compared at
        once. Wrong arguments raise InvalidRequest, InvalidVariant or BackendError here, before anything starts; what
        goes wrong later is the result of its run, and the next one runs. Closing the iterator early ends its worker.
        """
        comparison.check()
        card = resolve(comparison.model)
        if self._closed:
            raise RuntimeError("the session is closed")
        cancelled = self._control.begin()
        return self._run(Round(self._tools(), comparison, card, cancelled))

    def cancel(self) -> None:
        """End the running comparison, within one iteration; callable from any thread. Workers that answer stay warm."""
        self._control.cancel()

    def pause(self) -> None:
        """Hold before the next run (a run in progress goes on: holding it would falsify its times); from any thread."""
        self._control.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._control.resume()

    @property
    def paused(self) -> bool:
        """Whether the next run waits for :meth:`resume`."""
        return self._control.paused

    def close(self) -> None:
        """Cancel what runs and end every worker; no process is left when this returns. May be called twice.

        The process that workers are forked from ends with the last session that is open in this program.
        """
        if self._closed:
            return
        self._closed = True
        self._control.cancel()
        ended = self._busy.acquire(timeout=self.patience.grace + 2)  # not where its events lie half read
        self._monitor.close()
        self.pool.close()
        if ended:
            self._busy.release()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Round) -> Generator[Event, None, None]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(
                "this session runs a comparison already; cancel it, or wait for its last event"
            )
        try:
            yield from work.events()
        finally:
            self._busy.release()

    def _tools(self) -> Tools:
        return Tools(self.pool, self._monitor, self._judge, self._control, self.patience)


def default_budget_bytes() -> int:
    """60 % of the machine's memory, or of the container's where that is less."""
    return int(BUDGET_SHARE * (memory_bytes() or psutil.virtual_memory().total))
