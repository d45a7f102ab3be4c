"""Waiting for one worker: for what it says, and for the ways in which it may never say anything again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import psutil

from backends.contract import Cancel
from workbench.monitor import Sampled
from workbench.workers import Said, Stopped, Worker

SECONDS_BETWEEN_CHECKS = 1.0
BUSY_SHARE = 0.02


@dataclass(frozen=True)
class Patience:
    """How long a silent worker is waited for, in seconds.

    ``idle``: silent, and it uses no processor time; it hangs. ``busy``: silent, but computing, as a long compilation is.
    ``grace``: after a cancel, and never less than two of its iterations take.
    A worker that was once silent for longer, and did go on, is given three times that.
    """

    idle: float = 120.0
    busy: float = 3600.0
    grace: float = 5.0


class WorkerFailed(Exception):
    """The worker cannot go on: the reason in one line, a traceback if there is one, and the tail of its log."""

    def __init__(self, reason: str, detail: str = "", log_tail: str = "", invalid_field: str | None = None):
        super().__init__(reason)
        self.detail = detail
        self.log_tail = log_tail
        self.invalid_field = invalid_field


class Conversation:
    """The session's talk with one worker during one load or one run."""

    def __init__(
        self,
        worker: Worker,
        inbox: SimpleQueue[Any],
        cancel: threading.Event,
        patience: Patience,
        doing: str,
        interruptible: bool = True,
    ):
        """``doing`` says in an error what the worker was doing. One that is not ``interruptible`` is killed by a cancel."""
        self._worker = worker
        self._doing = doing
        self._inbox = inbox
        self._cancel = cancel
        self._patience = patience
        self._interruptible = interruptible
        self._began_ns = time.perf_counter_ns()
        self._last_word = self._last_work = self._last_check = time.monotonic()
        self._cpu_seconds = worker.cpu_seconds()
        self._kill_at: float | None = None

    def messages(self) -> Iterator[Any]:
        """Yield the worker's messages and its :class:`Sampled` memory. Raises Stopped or WorkerFailed."""
        while True:
            self._heed_cancel()
            item = self._next()
            if isinstance(item, Sampled):
                if item.samples[0].time_ns >= self._began_ns:
                    yield item
            elif item is not None:
                self._word()
                yield item
            if time.monotonic() - self._last_check >= SECONDS_BETWEEN_CHECKS:
                self._check()

    def _next(self) -> Any:
        """The next message of this worker, or None after a moment; what other workers say is kept for them."""
        if self._worker.backlog:
            message = self._worker.backlog.popleft()
        else:
            try:
                item = self._inbox.get(timeout=self._moment())
            except queue.Empty:
                return None
            if isinstance(item, Sampled):
                return item if item.worker is self._worker else None
            if not isinstance(item, Said):
                return None
            if item.worker is not self._worker:
                item.worker.backlog.append(item.message)
                return None
            message = item.message
        if message is None:
            self._gone()
        return message

    def _moment(self) -> float:
        if self._kill_at is None:
            return SECONDS_BETWEEN_CHECKS
        return min(SECONDS_BETWEEN_CHECKS, max(0.0, self._kill_at - time.monotonic()))

    def _word(self) -> None:
        now = time.monotonic()
        self._worker.slowest_idle_seconds = max(self._worker.slowest_idle_seconds, now - self._last_work)
        self._worker.gap_seconds = now - self._last_word if self._interruptible else 0.0
        self._worker.slowest_gap_seconds = max(self._worker.slowest_gap_seconds, now - self._last_word)
        self._last_word = self._last_work = now

    def _heed_cancel(self) -> None:
        if self._kill_at is not None:
            if time.monotonic() >= self._kill_at:
                raise Stopped
        elif self._cancel.is_set():
            if not self._interruptible:
                raise Stopped
            self._worker.send(Cancel())
            self._kill_at = time.monotonic() + max(self._patience.grace, 2 * self._worker.gap_seconds)

    def _check(self) -> None:
        now = time.monotonic()
        cpu_seconds = self._worker.cpu_seconds()
        if cpu_seconds - self._cpu_seconds > BUSY_SHARE * (now - self._last_check):
            self._last_work = now
        self._cpu_seconds, self._last_check = cpu_seconds, now
        if not self._worker.alive and self._inbox.empty():
            self._gone()
        idle = max(self._patience.idle, 3 * self._worker.slowest_idle_seconds)
        busy = max(self._patience.busy, 3 * self._worker.slowest_gap_seconds)
        if now - self._last_work > idle:
            raise self._hung(
                f"it hung while {self._doing}: no message and no work for {now - self._last_work:.0f} s{self._state()}"
            )
        if now - self._last_word > busy:
            raise self._hung(f"it hung while {self._doing}: no message for {now - self._last_word:.0f} s")

    def _state(self) -> str:
        try:
            stopped = self._worker.ps is not None and self._worker.ps.status() == psutil.STATUS_STOPPED
        except psutil.Error:
            return ""
        return " (its process is stopped)" if stopped else ""

    def _hung(self, reason: str) -> WorkerFailed:
        return WorkerFailed(reason, log_tail=self._worker.log_tail())

    def _gone(self) -> None:
        raise WorkerFailed(
            f"{self._worker.end_reason()} while {self._doing}", log_tail=self._worker.log_tail()
        )
