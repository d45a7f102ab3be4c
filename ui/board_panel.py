"""The variants as a list of cards, with presets, a button for one more, and a place to paste them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from backends.variants import parse_variant
from ui.fields import sentence, text_label
from ui.theme import Theme
from ui.variant_card import VariantCard
from workbench.desk.desk import Desk
from workbench.desk.presets import Preset, presets


class BoardPanel(QWidget):
    """Mirrors ``desk.board``."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("boardPanel")
        self._desk = desk
        self._board = desk.board
        self._theme = theme
        self.cards: dict[int, VariantCard] = {}
        self._build()
        self._board.cards_changed.connect(self._show_cards)
        self._board.card_changed.connect(lambda _: self._refresh())
        self._board.baseline_changed.connect(lambda _: self._refresh())
        self._board.opened.connect(lambda _: self._refresh())
        self._board.problem_changed.connect(self.show_problem)
        desk.experiment.began.connect(self._refresh)
        self._show_cards(self._board.cards)

    def show_problem(self, problem: str) -> None:
        """What is wrong with the board as a whole."""
        self.problem.setText(sentence(problem))
        self.problem.setVisible(bool(problem))

    def devices_found(self) -> None:
        """What this machine can do is known now."""
        self._refresh()

    def _build(self) -> None:
        self.presets = QToolButton()
        self.presets.setObjectName("presetsButton")
        self.presets.setText("Presets")
        self.presets.setToolTip("Comparisons worth making  (Ctrl+P)")
        self.presets.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._theme.icon_on(self.presets, "stack")
        menu = QMenu(self.presets)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(partial(self._fill_presets, menu))
        self.presets.setMenu(menu)
        self.paste = QToolButton()
        self.paste.setObjectName("pasteVariantButton")
        self.paste.setToolTip("Paste variants in their one-line form  (Ctrl+Shift+V)")
        self.paste.setAccessibleName("Paste variants")
        self.paste.clicked.connect(self.paste_variants)
        self._theme.icon_on(self.paste, "clipboard-text")
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(text_label("Variants", "section"))
        head.addStretch(1)
        head.addWidget(self.presets)
        head.addWidget(self.paste)
        self._column = QVBoxLayout()
        self._column.setSpacing(6)
        self.problem = text_label("", "error", wrap=True)
        self.problem.setObjectName("boardProblem")
        self.problem.hide()
        self.add = QPushButton("Add a variant")
        self.add.setObjectName("addVariantButton")
        self.add.setProperty("role", "dashed")
        self.add.setToolTip("One more column to compare  (Ctrl+T)")
        self.add.clicked.connect(lambda: self._board.add())
        self._theme.icon_on(self.add, "plus")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addLayout(self._column)
        layout.addWidget(self.problem)
        layout.addWidget(self.add)

    def paste_variants(self) -> None:
        """Add the variants on the clipboard."""
        self._board.paste(QGuiApplication.clipboard().text())

    def take_preset(self, preset: Preset) -> None:
        """Put a preset's variants on the board."""
        self._board.take([parse_variant(line) for line in preset.lines])

    def _fill_presets(self, menu: QMenu) -> None:
        menu.clear()
        for preset in presets(self._desk.availability):
            action = menu.addAction(
                f"{preset.title}  ({len(preset.lines)})", partial(self.take_preset, preset)
            )
            action.setToolTip("\n".join([preset.explanation, *preset.lines, preset.source]).strip())

    def _show_cards(self, cards: object) -> None:
        numbers = [card.number for card in self._board.cards]
        for number in [number for number in self.cards if number not in numbers]:
            gone = self.cards.pop(number)
            self._column.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for place, number in enumerate(numbers):
            if number not in self.cards:
                card = VariantCard(self._board, self._desk.availability, self._theme, number)
                card.dragged.connect(partial(self._drag, card))
                self.cards[number] = card
            if self._column.indexOf(self.cards[number]) != place:
                self._column.insertWidget(place, self.cards[number])
                self.cards[number].show()
        self.add.setVisible(len(numbers) < 12)
        self._refresh()

    def _drag(self, card: VariantCard, pointer: QPoint) -> None:
        """Move the card past those whose middle the pointer has passed."""
        at = self.mapFromGlobal(pointer).y()
        others = [other for other in self.cards.values() if other is not card]
        self._board.move(card.number, sum(other.geometry().center().y() < at for other in others))

    def _refresh(self) -> None:
        twins, edited = self._board.twins(), self._desk.edited_since()
        for card in self._board.cards:
            if card.number in self.cards:
                self.cards[card.number].show_card(card, card.number in twins, card.number in edited)
