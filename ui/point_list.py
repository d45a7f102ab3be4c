"""Variants by speed-up with their quality, beside dots that are too many to bear their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget
from superqt import QElidingLabel

from ui.badge import Badge
from ui.fields import text_label

WIDTH = 430
ROW_HEIGHT = 22
FRONT = "◆"


@dataclass(frozen=True)
class Item:
    """One line; ``front`` where no other variant is better at both."""

    badge: int
    colour: int
    name: str
    speedup: str
    quality: str
    front: bool


class PointList(QScrollArea):
    """Shows what it is given, in that order."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tradeoffList")
        self.setAccessibleName("Variants by speed-up")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFixedWidth(WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._inside = QWidget()
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(8, 0, 12, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[Badge, QElidingLabel, QLabel, QLabel, QLabel]] = []
        self._measure = text_label("", "faint")
        for column, words in enumerate(("Variant", "Front", "Speed-up"), 1):
            self._grid.addWidget(text_label(words, "faint"), 0, column)
        self._grid.addWidget(self._measure, 0, 4, Qt.AlignmentFlag.AlignRight)
        self.setWidget(self._inside)
        self.setWidgetResizable(True)

    def show_items(self, items: Sequence[Item], measure: str) -> None:
        """Show these variants, and what their quality is called."""
        self._measure.setText(measure)
        while len(self._lines) < len(items):
            self._add_line()
        for line, item in zip(self._lines, items, strict=False):
            badge, name, front, speedup, quality = line
            badge.show_badge(item.badge, item.colour)
            name.setText(item.name)
            name.setToolTip(item.name)
            front.setText(FRONT if item.front else "")
            front.setToolTip("No other variant is better at both" if item.front else "")
            speedup.setText(item.speedup)
            quality.setText(item.quality)
        for place, line in enumerate(self._lines):
            for widget in line:
                widget.setVisible(place < len(items))

    def _add_line(self) -> None:
        line = (
            Badge(),
            QElidingLabel(),
            text_label("", "accent"),
            text_label("", "value"),
            text_label("", "value"),
        )
        row = len(self._lines) + 1
        self._grid.setRowMinimumHeight(row, ROW_HEIGHT)
        self._grid.setRowStretch(row, 0)
        sides = (
            None,
            None,
            Qt.AlignmentFlag.AlignHCenter,
            Qt.AlignmentFlag.AlignRight,
            Qt.AlignmentFlag.AlignRight,
        )
        for column, (widget, side) in enumerate(zip(line, sides, strict=True)):
            flags = Qt.AlignmentFlag(0) if side is None else side | Qt.AlignmentFlag.AlignVCenter
            self._grid.addWidget(widget, row, column, flags)
        self._grid.setRowStretch(row + 1, 1)
        self._lines.append(line)
