"""What this machine can do, as far as its backends have said: why a backend, device or precision is out of reach."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from psygnal import Signal

from backends.devices import Device
from backends.registry import BACKENDS

if TYPE_CHECKING:  # what asks the backends brings worker processes, which the first paint need not wait for
    from workbench.devices import Devices

Lister = Callable[[threading.Event], "Sequence[Devices]"]
"""Asks the backends, and raises Stopped soon after its argument was set."""
SECONDS_TO_STOP = 5.0


class Availability:
    """Empty until :meth:`find` was called and has answered; until then nothing is ruled out."""

    changed = Signal()
    """Emitted on the thread that looked."""

    def __init__(self, lister: Lister | None = None):
        self._lister = lister
        self._found: dict[str, Devices] = {}
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()

    @property
    def looking(self) -> bool:
        """Whether the backends are being asked now."""
        return self._thread is not None

    @property
    def known(self) -> bool:
        return bool(self._found)

    def find(self) -> None:
        """Ask the backends, in a thread; each of them in a process of its own, for seconds."""
        if self._lister is not None and self._thread is None:
            self._thread = threading.Thread(target=self._find, name="list devices", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ask no more: what is under way is ended, with its processes; a few seconds at most."""
        self._cancelled.set()
        thread = self._thread
        if thread is not None:
            thread.join(SECONDS_TO_STOP)

    def take(self, found: Sequence[Devices]) -> None:
        """What the backends answered."""
        self._found = {item.backend: item for item in found}
        self.changed.emit()

    def devices(self, backend: str) -> tuple[Device, ...]:
        """The devices of a backend; empty while unknown."""
        return self._found[backend].devices if backend in self._found else ()

    def backend_reason(self, backend: str) -> str:
        """Why a backend cannot run here; empty where it can, or where that is not known yet."""
        found = self._found.get(backend)
        if found is None or found.devices:
            return ""
        return found.error or "it finds no device on this machine"

    def precision_reason(self, backend: str, device: str | None, precision: str) -> str:
        """Why a device has no such precision; empty where it has."""
        choices = self.devices(backend)
        if not choices:
            return ""
        one = next((item for item in choices if item.id == device), choices[0] if device is None else None)
        if one is None:
            return f"there is no device {device} here"
        if not one.precisions or precision in one.precisions:
            return ""
        return f"{one.id} has no {precision} here"

    @staticmethod
    def option_reason(backend: str, precision: str, name: str) -> str:
        """Why an optimization does not exist at a precision; empty where it does."""
        item = BACKENDS[backend].optimization(name)
        return "" if item.exists_at(precision) else f"{' and '.join(item.precisions or ())} only"

    def _find(self) -> None:
        assert self._lister is not None
        from workbench.workers import Stopped

        found: Sequence[Devices] = ()
        try:
            with contextlib.suppress(Stopped):
                found = self._lister(self._cancelled)
        finally:  # where it broke nothing is ruled out, and what waits for the answer goes on
            self._thread = None
            self.take(found)
