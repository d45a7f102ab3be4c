"""Cancel, pause and resume, from any thread."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any


class Control:
    """What the comparison in progress is told from outside while its own thread waits for a worker."""

    def __init__(self, inbox: SimpleQueue[Any]):
        self._inbox = inbox
        self._condition = threading.Condition()
        self._cancelled = threading.Event()
        self.paused = False

    def begin(self) -> threading.Event:
        """A new comparison; returns the flag that :meth:`cancel` sets from now on."""
        with self._condition:
            self._cancelled = threading.Event()
            return self._cancelled

    def cancel(self) -> None:
        """Set the flag of the comparison begun last, and wake whoever waits for a worker or a resume."""
        with self._condition:
            self._cancelled.set()
            self._condition.notify_all()
        self._inbox.put(None)

    def pause(self) -> None:
        """Hold before the next run."""
        with self._condition:
            self.paused = True

    def resume(self) -> None:
        """Go on."""
        with self._condition:
            self.paused = False
            self._condition.notify_all()

    def wait_while_paused(self, cancelled: threading.Event) -> None:
        """Return when the session is resumed or this comparison cancelled."""
        with self._condition:
            self._condition.wait_for(lambda: not self.paused or cancelled.is_set())
