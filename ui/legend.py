"""What the colours of stages mean, and the words on a stage's block."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel

from ui.fields import text_label
from ui.theme import STAGE_COLOURS
from workbench.timeline import STAGE_TITLES

CHARACTER, PAD = 6.8, 10
"""Pixels that a letter takes on a block, and that are left free beside the words."""
SHORTEST_NAME = 5
SWATCH = 10
BETWEEN = "Between stages"


def legend(stages: Iterable[str]) -> QHBoxLayout:
    """A swatch and a name for every stage; ``other`` is what no stage accounts for."""
    line = QHBoxLayout()
    line.setSpacing(14)
    for stage in stages:
        swatch = QLabel()
        pixmap = QPixmap(SWATCH, SWATCH)
        pixmap.fill(QColor(STAGE_COLOURS[stage]))
        swatch.setPixmap(pixmap)
        entry = QHBoxLayout()
        entry.setSpacing(6)
        entry.addWidget(swatch)
        entry.addWidget(text_label(STAGE_TITLES.get(stage, BETWEEN), "faint"))
        line.addLayout(entry)
    line.addStretch(1)
    return line


def block_label(title: str, time: str, pixels: float) -> str:
    """A block's name and time in its width; the time alone where a few letters of the name were left, and else nothing."""
    characters = int((pixels - PAD) / CHARACTER)
    room = characters - len(time) - 2
    if len(title) > room:
        title = f"{title[: room - 1]}…" if room >= SHORTEST_NAME else ""
    return f"{title}  {time}".strip() if len(time) <= characters else ""
