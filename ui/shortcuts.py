"""The sheet of shortcuts, at the press of ``?``."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.fields import text_label

ELSEWHERE: dict[str, tuple[tuple[str, str], ...]] = {
    "Picture grid": (
        ("Arrow keys", "Look at another cell"),
        ("Enter, double click", "Compare it with the baseline"),
        ("A, B", "Take the cell as A or as B"),
    ),
    "Picture grid, A/B": (
        ("Ctrl+Wheel, + −", "Zoom every picture together"),
        ("Shift+arrows, drag", "Move in them"),
        ("0", "All of the picture again"),
    ),
    "A/B": (
        ("← →", "Move the wipe"),
        ("Space", "Blink"),
        ("1 2 3 4", "Wipe, side by side, blink, difference"),
        ("X", "Exchange A and B"),
        ("Ctrl+arrows", "Read a pixel; with Shift, ten further"),
    ),
    "Timeline, stages, arena": (
        ("← →, ↑ ↓", "From block to block, lane to lane"),
        ("Shift+← →", "From operation to operation"),
        ("Enter, click", "Keep a block, compare a second"),
        ("Wheel, + −", "Zoom, down to single operations"),
        ("Z", "Zoom to what is kept"),
        ("0, double click", "All of it"),
    ),
    "Variant cards": (
        ("Enter", "Open and close"),
        ("Alt+↑ ↓, drag", "Move"),
        ("Ctrl+C", "Copy as one line"),
        ("Delete", "Remove"),
    ),
    "Prompt": (("↑ ↓", "Earlier and later prompts"),),
}

NUMERIC_ENTER = "Ctrl+Enter"
"""The other Return key: it does the same and need not be listed."""
COLUMNS = (
    ("Everywhere",),
    ("Picture grid", "Picture grid, A/B", "A/B"),
    ("Timeline, stages, arena", "Variant cards", "Prompt"),
)

CHARTS = ("Alt+1 … Alt+8", "The charts")


class ShortcutSheet(QDialog):
    """Every shortcut, by what it is for."""

    def __init__(self, actions: Sequence[QAction | None], parent: QWidget):
        super().__init__(parent)
        self.setObjectName("shortcutSheet")
        self.setWindowTitle("Shortcuts")
        groups = {"Everywhere": (*_everywhere(actions), CHARTS)} | ELSEWHERE
        columns = QHBoxLayout()
        columns.setSpacing(28)
        parts = [QVBoxLayout() for _ in COLUMNS]
        for title, rows in groups.items():
            place = next(place for place, titles in enumerate(COLUMNS) if title in titles)
            parts[place].addWidget(_group(title, rows))
        for column in parts:
            column.setSpacing(14)
            column.addStretch(1)
            columns.addLayout(column)
        close = QPushButton("Close")
        close.setObjectName("closeSheetButton")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 14)
        layout.setSpacing(10)
        layout.addWidget(text_label("Everything by keyboard", "hero"))
        layout.addLayout(columns)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)


def _everywhere(actions: Sequence[QAction | None]) -> list[tuple[str, str]]:
    rows = []
    for action in actions:
        if action is not None and action.shortcuts() and not action.text().startswith("Chart: "):
            native = QKeySequence.SequenceFormat.NativeText
            names = [keys.toString(native) for keys in action.shortcuts()]
            keys = " / ".join(name for name in names if name != NUMERIC_ENTER)
            rows.append((keys, action.text().rstrip("…")))
    return rows


def _group(title: str, rows: Sequence[tuple[str, str]]) -> QWidget:
    group = QWidget()
    grid = QGridLayout(group)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(3)
    grid.addWidget(text_label(title, "section"), 0, 0, 1, 2)
    for row, (keys, words) in enumerate(rows, 1):
        key = QLabel(keys)
        key.setProperty("role", "key")
        grid.addWidget(key, row, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(text_label(words, "muted"), row, 1)
    grid.setColumnStretch(1, 1)
    return group
