"""Doing soon, and seldom, what is asked for often."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer


class Later(QObject):
    """Calls a function soon and at most once per ``milliseconds``, however often it is asked to."""

    def __init__(self, parent: QObject, act: Any, milliseconds: int = 100):
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(act)

    def __call__(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Do now what would be done soon."""
        if self._timer.isActive():
            self._timer.stop()
            self._timer.timeout.emit()
