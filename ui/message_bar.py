"""Something to say about a run, inline: an error with its details, or a notice."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
)

from ui.fields import sentence
from ui.theme import Colours, Theme


class MessageBar(QFrame):
    """One line with an icon, that a person can dismiss."""

    dismissed = Signal()

    def __init__(self, theme: Theme, level: str, object_name: str):
        super().__init__()
        self.setObjectName(object_name)
        self.setProperty("role", "message")
        self.setProperty("level", level)
        self._theme = theme
        self._icon_name, self._icon_role = (
            ("warning-circle", "error") if level == "error" else ("info", "warning")
        )
        self._build(level)
        self._show_colours(theme.colours)
        theme.changed.connect(self._show_colours)
        self.hide()

    def show_message(self, text: str, detail: str = "") -> None:
        """Show a message; an empty one hides the bar."""
        self.text.setText(sentence(text))
        self.detail.setPlainText(detail)
        self.more.setVisible(bool(detail))
        self.more.setChecked(False)
        self.setAccessibleName(text)
        self.setVisible(bool(text))

    def _build(self, level: str) -> None:
        self.icon = QLabel()
        self.icon.setFixedSize(20, 20)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.more = QPushButton("Details")
        self.more.setObjectName(f"{level}DetailsButton")
        self.more.setCheckable(True)
        close = QToolButton()
        close.setAccessibleName("Dismiss")
        close.setToolTip("Dismiss")
        close.setObjectName(f"{level}DismissButton")
        self._theme.icon_on(close, "x")
        self.detail = QPlainTextEdit()
        self.detail.setReadOnly(True)
        self.detail.setFixedHeight(110)
        self.detail.setAccessibleName("Details for a developer")
        self.detail.hide()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.icon)
        line.addWidget(self.text, 1)
        for button in (self.more, close):
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 7, 8, 7)
        layout.addLayout(line)
        layout.addWidget(self.detail)
        self.more.toggled.connect(self.detail.setVisible)
        close.clicked.connect(self.dismissed)
        close.clicked.connect(self.hide)

    def _show_colours(self, _: Colours) -> None:
        self.icon.setPixmap(self._theme.icon(self._icon_name, self._icon_role).pixmap(20, 20))
