"""Python's garbage is collected on the window's thread only: Qt objects that die on another one take the process with them."""

from __future__ import annotations

import gc
from typing import Any

INTERVAL_SECONDS = 0.5
_collector: Any = None


def collect_on_this_thread() -> None:
    """From now on collect by a timer of this thread's event loop, and what lives now never: it stays as long as the window.

    May be called again: what lives then is spared, too, which keeps every later collection short.
    """
    global _collector
    if _collector is None:
        from pyqtgraph.util.garbage_collector import GarbageCollector

        _collector = GarbageCollector(INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()


def collect_as_usual() -> None:
    """Undo it all: for a process that goes on after its last window."""
    global _collector
    if _collector is not None:
        _collector.timer.stop()
        _collector = None
        gc.unfreeze()
        gc.collect()
        gc.enable()
