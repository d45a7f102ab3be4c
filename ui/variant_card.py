"""One variant as a card: a line of what it is, and opened its backend, device, precision and a switch per optimization."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QPointF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from backends.registry import BACKENDS, Backend
from ui.badge import Badge, badge_icon
from ui.fields import Choice, Field, FieldRow, mark, text_label
from ui.option_row import OptionRow
from ui.theme import VARIANT_COLOURS, Theme
from workbench.desk.availability import Availability
from workbench.desk.board import Board, Card
from workbench.desk.naming import differences, short_title

COLOUR_NAMES = (
    "Blue", "Coral", "Green", "Gold", "Sky", "Plum", "Grey", "Orange", "Teal", "Violet", "Brown", "Olive",
)  # fmt: skip
HEAD_HEIGHT = 50


class VariantCard(QFrame):
    """Mirrors one card of the board. Clicking its head, or Enter on it, opens and closes it; dragging moves it."""

    dragged = Signal(QPoint)
    """It is held and moved: where the pointer is, on the screen."""

    def __init__(self, board: Board, availability: Availability, theme: Theme, number: int):
        super().__init__()
        self.setObjectName("variantCard")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._board = board
        self._availability = availability
        self._theme = theme
        self.number = number
        self._options: dict[str, OptionRow] = {}
        self._backend_name = ""
        self._body: QWidget | None = None
        self._held: QPointF | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(10, 8, 8, 8)
        self._layout.setSpacing(8)
        self._layout.addLayout(self._head())
        self.show_card(board.card(number))

    def show_card(self, card: Card, twin: bool = False, edited: bool = False) -> None:
        """Bring everything in line with the card; ``twin``: another card is the same, ``edited``: not run like this yet."""
        place = self._board.place(self.number) + 1
        is_baseline = self._board.baseline == self.number
        self.badge.show_badge(place, card.colour)
        self.title.setText(short_title(card.variant))
        self.line.setText(differences(card.variant) or card.line)
        self.line.setToolTip(card.line)
        self.baseline.setVisible(is_baseline)
        self.dot.setVisible(edited and not twin)
        self.problem.setVisible(twin)
        reason = self._reason(card)
        self.problem.setText("The same as another card" if twin else reason)
        self.problem.setVisible(twin or bool(reason))
        mark(self, "invalid", twin or bool(reason))
        mark(self, "baseline", is_baseline)
        words = f"Variant {place}: {card.line}" + (", baseline" if is_baseline else "")
        self.setAccessibleName(words)
        opened = self._board.open == self.number
        mark(self, "opened", opened)
        self.more.setToolTip("Duplicate, move, colour, remove…")
        if opened and self._body is None:
            self._build_body()
        if self._body is not None:
            self._body.setVisible(opened)
            if opened:
                self._show_body(card)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and event.position().y() < HEAD_HEIGHT:
            self._held = event.globalPosition()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is None:
            return
        way = (event.globalPosition() - self._held).manhattanLength()
        if self.property("dragged") or way >= QApplication.startDragDistance():
            self._show_dragged(True)
            self.dragged.emit(event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held is not None and not self.property("dragged"):
            self._toggle()
        self._held = None
        self._show_dragged(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        place = self._board.place(self.number)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._toggle()
        elif alt and event.key() == Qt.Key.Key_Up:
            self._board.move(self.number, place - 1)
        elif alt and event.key() == Qt.Key.Key_Down:
            self._board.move(self.number, place + 1)
        elif event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.key() == Qt.Key.Key_Menu:
            self.more.showMenu()
        elif event.key() == Qt.Key.Key_Delete:
            self._board.remove(self.number)
        else:
            super().keyPressEvent(event)

    def _show_dragged(self, dragged: bool) -> None:
        mark(self, "dragged", dragged)
        if dragged:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.unsetCursor()

    def _toggle(self) -> None:
        self._board.open_card(None if self._board.open == self.number else self.number)

    def _reason(self, card: Card) -> str:
        variant = card.variant
        backend = self._availability.backend_reason(variant.backend)
        return backend or self._availability.precision_reason(
            variant.backend, variant.device, variant.precision
        )

    def _head(self) -> QHBoxLayout:
        self.badge = Badge()
        self.title = QElidingLabel()
        self.title.setProperty("role", "section")
        self.baseline = QLabel("baseline")
        self.baseline.setProperty("role", "pill")
        self.dot = QLabel("edited")
        self.dot.setProperty("role", "faint")
        self.dot.setToolTip("Changed since the last run: the grid shows what was run")
        self.line = QElidingLabel()
        self.line.setProperty("role", "faint")
        self.line.setObjectName("variantLine")
        self.problem = text_label("", "error", wrap=True)
        self.problem.setObjectName("variantError")
        self.more = QToolButton()
        self.more.setObjectName("cardMenuButton")
        self.more.setAccessibleName("What can be done with this variant")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._theme.icon_on(self.more, "dots-three-vertical")
        menu = QMenu(self.more)
        menu.aboutToShow.connect(partial(self._fill_menu, menu))
        self.more.setMenu(menu)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.title, 1)
        first.addWidget(self.dot)
        first.addWidget(self.baseline)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addLayout(first)
        words.addWidget(self.line)
        words.addWidget(self.problem)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addLayout(words, 1)
        head.addWidget(self.more, 0, Qt.AlignmentFlag.AlignVCenter)
        return head

    def _fill_menu(self, menu: QMenu) -> None:
        board, number, place = self._board, self.number, self._board.place(self.number)
        menu.clear()
        menu.addAction("Make it the baseline", partial(board.set_baseline, number)).setEnabled(
            board.baseline != number
        )
        menu.addAction("Duplicate", partial(board.duplicate, number))
        menu.addAction("Move up", partial(board.move, number, place - 1)).setEnabled(place > 0)
        menu.addAction("Move down", partial(board.move, number, place + 1)).setEnabled(place < len(board) - 1)
        menu.addAction("Copy as one line", self._copy)
        colours = menu.addMenu("Colour")
        for colour in range(len(VARIANT_COLOURS)):
            action = colours.addAction(COLOUR_NAMES[colour], partial(board.set_colour, number, colour))
            action.setIcon(badge_icon(place + 1, colour))
        menu.addSeparator()
        menu.addAction("Remove", partial(board.remove, number)).setEnabled(len(board) > 1)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._board.card(self.number).line)

    def _build_body(self) -> None:
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 2, 2, 2)
        body.setSpacing(8)
        self.backend, self.device, self.precision = Choice(), Choice(), Choice()
        names = ("backendCombo", "deviceCombo", "precisionCombo")
        for control, name in zip((self.backend, self.device, self.precision), names, strict=True):
            control.setObjectName(name)
        for backend in BACKENDS.values():
            self.backend.addItem(backend.title, backend.name)
        body.addWidget(
            FieldRow(
                [Field("backend", "&Backend", self.backend), Field("precision", "Prec&ision", self.precision)]
            )
        )
        body.addWidget(FieldRow([Field("device", "De&vice", self.device)]))
        self._switches = QVBoxLayout()
        self._switches.setSpacing(1)
        body.addLayout(self._switches)
        copy = QToolButton()
        copy.setObjectName("copyVariantButton")
        copy.setProperty("role", "quiet")
        copy.setToolTip("Copy the variant as one line, for the command line")
        copy.setAccessibleName("Copy the variant as one line")
        copy.clicked.connect(self._copy)
        self._theme.icon_on(copy, "copy", "faint")
        self.full_line = QElidingLabel()
        self.full_line.setProperty("role", "code")
        line = QHBoxLayout()
        line.addWidget(self.full_line, 1)
        line.addWidget(copy)
        body.addLayout(line)
        self._layout.addWidget(self._body)
        board, number = self._board, self.number
        self.backend.activated.connect(lambda _: board.set_backend(number, self.backend.currentData()))
        self.device.activated.connect(lambda _: board.set_device(number, self.device.currentData()))
        self.precision.activated.connect(lambda _: board.set_precision(number, self.precision.currentData()))

    def _show_body(self, card: Card) -> None:
        variant = card.variant
        backend = BACKENDS[variant.backend]
        if self._backend_name != backend.name:
            self._show_options(backend)
        with QSignalBlocker(self.backend):
            self.backend.setCurrentIndex(self.backend.findData(backend.name))
        for index in range(self.backend.count()):
            _enable(self.backend, index, self._availability.backend_reason(self.backend.itemData(index)))
        self._show_devices(card)
        with QSignalBlocker(self.precision):
            self.precision.setCurrentIndex(self.precision.findData(variant.precision))
        for index in range(self.precision.count()):
            precision = self.precision.itemData(index)
            _enable(
                self.precision,
                index,
                self._availability.precision_reason(backend.name, variant.device, precision),
            )
        for name, value in variant.optimizations:
            reason = self._availability.option_reason(backend.name, variant.precision, name)
            self._options[name].show_value(value, reason)
        self.full_line.setText(card.line)

    def _show_devices(self, card: Card) -> None:
        found = self._availability.devices(card.variant.backend)
        usual = f"Default: {found[0].name}" if found else "Default"
        wanted = [(usual, None), *((f"{item.id} — {item.name}", item.id) for item in found)]
        if card.variant.device and all(item.id != card.variant.device for item in found):
            wanted.append((card.variant.device, card.variant.device))
        with QSignalBlocker(self.device):
            if [self.device.itemText(index) for index in range(self.device.count())] != [
                text for text, _ in wanted
            ]:
                self.device.clear()
                for text, identity in wanted:
                    self.device.addItem(text, identity)
            self.device.setCurrentIndex(
                next(index for index, (_, identity) in enumerate(wanted) if identity == card.variant.device)
            )
            self.device.setToolTip(self.device.currentText())

    def _show_options(self, backend: Backend) -> None:
        self._backend_name = backend.name
        with QSignalBlocker(self.precision):
            self.precision.clear()
            for precision in backend.precisions:
                self.precision.addItem(
                    precision.upper() if precision.startswith("int") else precision, precision
                )
        for row in self._options.values():
            self._switches.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._options = {item.name: OptionRow(item, self._theme) for item in backend.optimizations}
        for row in self._options.values():
            row.moved.connect(partial(self._board.set_option, self.number))
            self._switches.addWidget(row)
            row.show()  # else Qt does so after the next paint, and only then the card is as high as it wants to be


def _enable(combo: Choice, index: int, reason: str) -> None:
    """Grey an entry out that cannot be had here, with the reason as its tool tip."""
    model = combo.model()
    if isinstance(model, QStandardItemModel) and (item := model.item(index)) is not None:
        item.setEnabled(not reason)
        item.setToolTip(reason)
