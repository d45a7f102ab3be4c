"""A session in a background thread, with signals; what a window holds. Plain Python, no Qt.

Signals are emitted on the runner's thread. A window carries them over to its own, for example with a Qt signal or
``psygnal.qt.start_emitting_from_queue``.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Generator
from typing import TYPE_CHECKING

from psygnal import Signal

from workbench.comparison import Comparison
from workbench.events import Event

if TYPE_CHECKING:
    from workbench.session import Session

ENDING_SECONDS = 0.2
"""The last event comes a moment before its thread ends; who starts the next run in between waits this long at most."""


class SessionRunner:
    """Runs one comparison at a time; the session and its warm workers live until :meth:`close`."""

    event = Signal(object)
    """Every :class:`workbench.events.Event`, in order."""
    running_changed = Signal(bool)
    failed = Signal(str, str)
    """A fault of the program itself, with its traceback; a variant's failure is a ``Finished`` event instead."""

    def __init__(self, session: Session | None = None):
        """Without ``session``, one with the default memory budget is made at the first run."""
        self._session = session
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def session(self) -> Session:
        """The session, made now if need be."""
        with self._lock:
            if self._session is None:
                from workbench.session import Session  # worker processes: not before a window's first paint

                self._session = Session()
            return self._session

    @property
    def running(self) -> bool:
        """Whether a comparison runs (``running_changed(False)`` is yet to come)."""
        return self._thread is not None

    def start(self, comparison: Comparison) -> None:
        """Begin in the background. Raises InvalidRequest, InvalidVariant or BackendError for what cannot be run,
        RuntimeError when a comparison runs already or the runner is closed."""
        if self._closed:
            raise RuntimeError("the runner is closed")
        if not self.wait(ENDING_SECONDS):
            raise RuntimeError("a comparison is running already; cancel it first")
        events = self.session.run(comparison)
        self._thread = threading.Thread(target=self._run, args=(events,), name="session runner", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End the running comparison within one iteration; the events that follow say so."""
        if self._session is not None:
            self._session.cancel()

    def pause(self) -> None:
        """Hold before the next run."""
        self.session.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self.session.resume()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs; False when ``timeout`` seconds were not enough. Not for a window's thread."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        return self._thread is None

    def close(self) -> None:
        """Cancel, and end every worker process; takes at most a few seconds. May be called twice."""
        self._closed = True
        if self._session is not None:
            self._session.close()
        self.wait(5.0)

    def _run(self, events: Generator[Event, None, None]) -> None:
        self.running_changed.emit(True)
        try:
            with contextlib.closing(events):
                for event in events:
                    self.event.emit(event)
        except Exception as error:  # the thread's border: whatever it is, the window must hear of it
            self.failed.emit(f"{type(error).__name__}: {error}", traceback.format_exc())
        finally:
            self._thread = None
            self.running_changed.emit(False)
