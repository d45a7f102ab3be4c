"""superqt's toggle switch in the theme's colours, with the focus ring that it lacks."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from superqt import QToggleSwitch

from ui.theme import Colours, Theme


class Switch(QToggleSwitch):
    """An on/off switch; the keyboard's focus is drawn around it."""

    def __init__(self, text: str, theme: Theme):
        super().__init__(f"\u2002{text}")
        self.switchWidth = 30
        self.switchHeight = 17
        self.handleSize = 13
        self.setMinimumHeight(26)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(text)
        self._focus = QColor()
        self._show_colours(theme.colours)
        theme.changed.connect(self._show_colours)

    def drawGroove(self, painter: QPainter, rect: QRectF, option: Any) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)  # superqt leaves it off for a disabled switch
        super().drawGroove(painter, rect, option)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        super().paintEvent(a0)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._focus, 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
            painter.end()

    def _show_colours(self, colours: Colours) -> None:
        self.onColor = QColor(colours.accent)
        self.offColor = QColor(colours.border_strong)
        self.handleColor = QColor("#FFFFFF")
        self._focus = QColor(colours.accent)
