"""Labelled controls with room for an inline error, and small helpers every panel uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent, QTextCursor, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPlainTextEdit,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

PNG = "image/png"


@dataclass(frozen=True)
class Field:
    """A control of the draft: the draft's name for it, its label, and widgets that stand beside it, or over it at the right."""

    name: str
    label: str
    control: QWidget
    beside: tuple[QWidget, ...] = ()
    stretch: int = 1
    over: tuple[QWidget, ...] = ()


class FieldRow(QWidget):
    """Fields side by side, each under its label, their errors below over the whole width."""

    def __init__(self, fields: Sequence[Field]):
        super().__init__()
        self._controls = {field.name: field.control for field in fields}
        self._errors: dict[str, QLabel] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(5)
        row = QHBoxLayout()
        row.setSpacing(10)
        outer.addLayout(row)
        for field in fields:
            row.addLayout(_labelled(field), field.stretch)
            outer.addWidget(self._error_label(field.name))

    def show_problems(self, problems: dict[str, str]) -> None:
        """Mark the controls whose names have a problem, and say which."""
        for name, control in self._controls.items():
            text = sentence(problems.get(name, ""))
            error = self._errors[name]
            error.setText(text)
            error.setVisible(bool(text))
            control.setAccessibleDescription(text)
            mark(control, "invalid", bool(text))

    def _error_label(self, name: str) -> QLabel:
        error = text_label("", "error", wrap=True)
        error.setObjectName(f"{name}Error")
        error.hide()
        self._errors[name] = error
        return error


def _labelled(field: Field) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(5)
    label = text_label(field.label, "label")
    label.setBuddy(field.control)
    field.control.setAccessibleName(field.label.replace("&", ""))
    if field.over:
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(label, 1)
        for widget in field.over:
            head.addWidget(widget)
        column.addLayout(head)
    else:
        column.addWidget(label)
    line = QHBoxLayout()
    line.setSpacing(6)
    line.addWidget(field.control, 1)
    for widget in field.beside:
        line.addWidget(widget)
    column.addLayout(line)
    return column


def text_label(text: str, role: str, wrap: bool = False) -> QLabel:
    """A label in one of the style sheet's roles."""
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(wrap)
    if wrap:
        label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def sentence(message: str) -> str:
    """A message of the floors below, which begin in lower case, as a sentence of its own."""
    return message[:1].upper() + message[1:]


def rule() -> QFrame:
    """A hairline."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


def mark(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet selects by, and show it."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class PromptEdit(QPlainTextEdit):
    """A few lines of plain text, as high as the style sheet says; Tab moves on, as in every other field.

    Up on the first line and down on the last ask for an earlier and a later text (``recalled``, -1 and +1).
    """

    recalled = Signal(int)
    picture_given = Signal(QMimeData)
    """A file, or a PNG itself, was dropped or pasted here; to be read at once."""

    def __init__(self, placeholder: str):
        super().__init__()
        self.setTabChangesFocus(True)
        self.setPlaceholderText(placeholder)

    def keyPressEvent(self, e: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(e.key()))
        if step is not None and not e.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            probe = self.textCursor()
            if not probe.movePosition(
                QTextCursor.MoveOperation.Up if step < 0 else QTextCursor.MoveOperation.Down
            ):
                self.recalled.emit(step)
                self.moveCursor(QTextCursor.MoveOperation.End)
                return
        super().keyPressEvent(e)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return has_picture(source) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if has_picture(source):
            self.picture_given.emit(source)
        else:
            super().insertFromMimeData(source)


def file_in(data: QMimeData) -> str | None:
    """The path of the first local file among what was dropped or copied; None where there is none."""
    return next((url.toLocalFile() for url in data.urls() if url.isLocalFile()), None)


def has_picture(data: QMimeData) -> bool:
    """Whether what was dropped or copied may be a picture with settings: a local file, or a PNG without any text."""
    return file_in(data) is not None or (data.hasFormat(PNG) and not data.hasText())


class Choice(QComboBox):
    """A combo box that the wheel scrolls past instead of changing it unasked."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setView(QListView(self))  # the style sheet reaches the entries of a view of its own only
        self.setMinimumWidth(80)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def paintEvent(self, e: QPaintEvent) -> None:
        """A text that is too long ends in dots, where Qt would cut it in the middle of a letter."""
        if self.isEditable():
            super().paintEvent(e)
            return
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        icon = 0 if self.itemIcon(self.currentIndex()).isNull() else self.iconSize().width() + 6
        option.currentText = self.fontMetrics().elidedText(  # type: ignore[attr-defined]
            self.currentText(), Qt.TextElideMode.ElideRight, room.width() - icon - 4
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def showPopup(self) -> None:
        """Its entries are shown whole, also where the box itself is narrow."""
        self.view().setMinimumWidth(max(self.width(), self.view().sizeHintForColumn(0) + 40))
        super().showPopup()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Number(QSpinBox):
    """A whole number. Out of range is told by the field's error, not silently changed, so the range is wide."""

    def __init__(self) -> None:
        super().__init__()
        self.setRange(-999_999, 9_999_999)
        self.lineEdit().setTextMargins(7, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Decimal(QDoubleSpinBox):
    """A number with up to two decimals, with the same wide range."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.setRange(-9_999, 9_999)
        self.lineEdit().setTextMargins(7, 0, 0, 0)
        self.setDecimals(2)
        self.setSingleStep(step)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
