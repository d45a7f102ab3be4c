"""One of a few, side by side: what a tab bar is for pages, for what is shown in one place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QToolButton

from ui.theme import Theme

Segment = tuple[str, str, str, str]
"""Its name, icon, title and tool tip."""


class Segments(QFrame):
    """Buttons of which one is down; ``chosen`` carries the name of the one that was clicked.

    A button's object name is its segment's name and ``ending``.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, segments: Iterable[Segment], ending: str = "Button"):
        super().__init__()
        self.setProperty("role", "segments")
        self.buttons: dict[str, QToolButton] = {}
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        group = QButtonGroup(self)
        for name, icon, title, tip in segments:
            button = QToolButton()
            button.setObjectName(f"{name}{ending}")
            button.setText(title)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setChecked(not self.buttons)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            button.clicked.connect(partial(self.chosen.emit, name))
            theme.icon_on(button, icon)
            group.addButton(button)
            self.buttons[name] = button
            line.addWidget(button)

    def show_chosen(self, name: str) -> None:
        """Press that button down, without saying so."""
        self.buttons[name].setChecked(True)

    def show_titles(self, shown: bool) -> None:
        """Icons with their titles, or alone where there is little room."""
        style = Qt.ToolButtonStyle
        for button in self.buttons.values():
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if shown else style.ToolButtonIconOnly)
