"""The one way from a background thread into the window: a queued Qt signal."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import SignalInstance
from PySide6.QtCore import QObject, Qt, Signal


class Bridge(QObject):
    """Hands what ``source`` emits, on whatever thread, to ``receive`` on the thread this object lives on."""

    _arrived = Signal(object)

    def __init__(self, source: SignalInstance, receive: Callable[..., None], parent: QObject | None = None):
        super().__init__(parent)
        self._source = source
        self._receive = receive
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        source.connect(self._forward)

    def close(self) -> None:
        """Deliver nothing more."""
        self._source.disconnect(self._forward, missing_ok=True)
        self._arrived.disconnect(self._deliver)

    def _forward(self, *values: object) -> None:
        self._arrived.emit(values)

    def _deliver(self, values: tuple[object, ...]) -> None:
        self._receive(*values)
