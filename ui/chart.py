"""What the charts of the deck have in common: a line to read above a plot, drawn only while it is seen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from superqt import QElidingLabel

from ui.fields import text_label
from ui.later import Later
from ui.theme import Theme
from workbench.desk.desk import Desk

RESIZED_MILLISECONDS = 60


class Chart(QWidget):
    """Mirrors ``desk.experiment``: ``draw`` is called soon after that changed, if the chart can be seen.

    ``readout`` stands in the ``head`` and says in words what is to be read; a chart adds its plot to ``body``.
    """

    def __init__(self, desk: Desk, theme: Theme, readout: str, *signals: Any, milliseconds: int = 200):
        """``readout`` is that line's object name; ``signals`` are more that tell of a change."""
        super().__init__()
        self._desk = desk
        self._theme = theme
        self.readout = QElidingLabel()
        self.readout.setProperty("role", "muted")
        self.readout.setTextFormat(Qt.TextFormat.PlainText)
        self.readout.setObjectName(readout)
        self.head = QHBoxLayout()
        self.head.setSpacing(10)
        self.head.addWidget(self.readout, 1)
        self._nothing = text_label("", "muted", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.hide()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(6)
        self.body.addLayout(self.head)
        self.body.addWidget(self._nothing, 1)
        soon = Later(self, self.refresh, milliseconds)
        self._fit_soon = Later(self, self.refresh, RESIZED_MILLISECONDS)
        experiment = desk.experiment
        for signal in (experiment.began, experiment.finished, experiment.restated, *signals):
            signal.connect(soon)
        theme.changed.connect(lambda _: self.refresh())

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_soon()  # words are laid out in pixels

    def refresh(self) -> None:
        """Draw what is known now."""
        if self.isVisible():
            self.draw()

    def say_nothing(self, words: str, *parts: QWidget) -> None:
        """Say in the place of ``parts`` why there is nothing to draw, and what to do; no words bring them back."""
        self._nothing.setText(words)
        self._nothing.setVisible(bool(words))
        for part in parts:
            part.setVisible(not words)
        if words:
            self.readout.setText("")

    def draw(self) -> None:
        """Draw; only called while the chart is seen."""
        raise NotImplementedError
