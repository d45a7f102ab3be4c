"""What stands in the grid's place before anything was run: a picture in every variant is one click away."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.fields import sentence, text_label
from ui.theme import Colours, Theme
from workbench.desk.desk import Desk
from workbench.desk.naming import short_title

WIDTH = 520


class EmptyState(QWidget):
    """Mirrors ``desk.samples``: a click takes a prompt and runs every variant on it. Earlier comparisons are a click away."""

    earlier_asked = Signal()

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("emptyState")
        self._desk = desk
        self._theme = theme
        self._icon = QLabel()
        title = text_label("What should it draw?", "hero")
        self._hint = text_label("", "muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._hint.setTextFormat(Qt.TextFormat.RichText)
        self._chips = [self._chip(index) for index in range(len(desk.samples.shown))]
        others = self._link("Other ideas", "otherSamplesButton", "arrows-clockwise")
        others.clicked.connect(desk.samples.turn)
        self.earlier = self._link("Earlier comparisons", "earlierButton", "clock-counter-clockwise")
        self.earlier.clicked.connect(self.earlier_asked)
        self.earlier.hide()
        links = QHBoxLayout()
        links.setSpacing(18)
        for link in (others, self.earlier):
            links.addWidget(link)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch(2)
        for widget in (self._icon, title, self._hint):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(14)
        for chip in self._chips:
            layout.addWidget(chip, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(links)
        layout.setAlignment(links, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        others.setVisible(desk.samples.has_more)
        desk.samples.changed.connect(self._show_prompts)
        self._show_prompts()
        self._show_variants()
        for signal in (desk.board.cards_changed, desk.board.card_changed):
            signal.connect(self._show_variants)
        self._show_colours(theme.colours)
        theme.changed.connect(self._show_colours)

    def show_earlier(self, count: int) -> None:
        """How many comparisons were kept; the way to them is there when there are any."""
        self.earlier.setVisible(count > 0)
        self.earlier.setText(f"Earlier comparisons ({count})")

    def _link(self, text: str, name: str, icon: str) -> QPushButton:
        link = QPushButton(text)
        link.setObjectName(name)
        link.setProperty("role", "link")
        self._theme.icon_on(link, icon, "link")
        return link

    def _chip(self, index: int) -> QPushButton:
        chip = QPushButton()
        chip.setObjectName(f"samplePrompt{index}")
        chip.setProperty("role", "chip")
        chip.setCursor(Qt.CursorShape.PointingHandCursor)
        chip.setFixedWidth(WIDTH)
        chip.setAutoDefault(True)
        chip.clicked.connect(lambda: self._take(self._desk.samples.shown[index]))
        self._theme.icon_on(chip, "sparkle", "accent")
        return chip

    def _take(self, prompt: str) -> None:
        self._desk.form.edit(prompt=prompt)
        self._desk.execution.run()

    def _show_variants(self, _: object = None) -> None:
        names = [short_title(card.variant) for card in self._desk.board.cards]
        several = f"{len(names)} variants" if len(names) > 1 else "one variant"
        listed = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        self._hint.setText(
            f"Pick a prompt: {several} draw it from the same noise, one after the other.<br>{escape(listed)}"
        )

    def _show_prompts(self) -> None:
        for chip, prompt in zip(self._chips, self._desk.samples.shown, strict=True):
            room = WIDTH - 64
            chip.setText(
                "  " + chip.fontMetrics().elidedText(sentence(prompt), Qt.TextElideMode.ElideRight, room)
            )
            chip.setToolTip(f"Draw “{prompt}”")
            chip.setAccessibleName(prompt)

    def _show_colours(self, _: Colours) -> None:
        self._icon.setPixmap(self._theme.icon("paint-brush", "accent").pixmap(44, 44))
