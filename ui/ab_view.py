"""A/B: two cells against each other, with pixel values under the cursor and the figures of the pair beside them."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QColor, QKeyEvent, QLinearGradient, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from ui.ab_canvas import AbCanvas
from ui.badge import badge_icon
from ui.canvas import ARROWS, Canvas, zoom_by_key
from ui.fields import Choice, sentence, text_label
from ui.pair_study import HEAT_MAP, PairStudy
from ui.segments import Segments
from ui.theme import Theme
from workbench.charts.difference import PairFigures, pixel_at
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell
from workbench.desk.naming import lane_title, row_titles

NARROW = 800
WIDEST_CHOICE = 340
NAME_CHARACTERS = 60
CONTROL = Qt.KeyboardModifier.ControlModifier
FAST = 10
"""Pixels that the cursor goes at once with Shift."""
MODES = (
    ("wipe", "square-half", "Wipe", "Drag the line between A and B  (1)"),
    ("side", "columns", "Side by side", "Both, zoomed together  (2)"),
    ("blink", "swap", "Blink", "One after the other at the press of the space bar  (3)"),
    ("difference", "circle-half", "Difference", "Where and how much they differ  (4)"),
)


class AbView(QWidget):
    """Mirrors ``desk.selection``'s pair, ``desk.cursor``, and the way that ``desk.outlook`` says."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("abView")
        self._desk = desk
        self._theme = theme
        self._pair: tuple[Cell, Cell] | None = None
        self._study = PairStudy()
        self._study.changed.connect(self._show_study)
        self._build()
        desk.outlook.changed.connect(self._outlook_changed)
        desk.cursor.changed.connect(self._show_cursor)
        self.canvas.split_moved.connect(desk.outlook.move_split)
        self.canvas.move_split(desk.outlook.split)
        self._outlook_changed("ab_mode")
        desk.selection.changed.connect(self.refresh)
        desk.experiment.finished.connect(lambda _: self.refresh())
        desk.experiment.began.connect(self.refresh)
        desk.experiment.restated.connect(self.refresh)
        self.refresh()

    @property
    def mode(self) -> str:
        """``wipe``, ``side``, ``blink`` or ``difference``."""
        return self._desk.outlook["ab_mode"]

    def set_mode(self, mode: str) -> None:
        """Choose one of the four."""
        self._desk.outlook.choose("ab_mode", mode)

    def focus_pictures(self) -> None:
        """Give the keyboard to what is shown."""
        shown = self._both if self.mode == "side" else self.canvas
        shown.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh(self) -> None:
        """Show the pair as it is now."""
        if not self.isVisible():
            return
        self._fill_choices()
        pair = self._desk.selection.pair()
        self._pair = pair
        synthetic = self._desk.experiment.synthetic
        self.canvas.show_pair(pair)
        for view, cell in zip(self.sides, pair or (None, None), strict=True):
            shape = None
            if cell is not None:
                request = self._desk.experiment.requests[cell.row]
                shape = (request.width, request.height)
            view.show_picture(cell.picture if cell else None, shape)
        for view in (self.canvas, *self.sides):
            view.set_synthetic(synthetic and pair is not None)
        first, second = (cell.picture for cell in pair) if pair else (None, None)
        self._study.ask(first, second)
        self._show_study()
        self._show_cursor()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._modes.show_titles(self.width() >= NARROW)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = ARROWS.get(Qt.Key(event.key()))
        picture = self._pair[0].picture if self._pair else None
        if way is not None and picture is not None and event.modifiers() & CONTROL:
            pace = FAST if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self._desk.cursor.step(way[0] * pace, way[1] * pace, picture.width, picture.height)
            return
        if zoom_by_key(self._desk.viewport, event):
            return
        number = event.key() - Qt.Key.Key_1
        if 0 <= number < len(MODES):
            self.set_mode(MODES[number][0])
        elif event.key() == Qt.Key.Key_X:
            self._desk.selection.swap()
        elif event.key() == Qt.Key.Key_Space:
            if self.mode != "blink":
                self.set_mode("blink")
            self.canvas.flip()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        bar, pictures = self._bar(), self._pictures()
        self.scale = HeatScale(self._theme)
        self.figures = QElidingLabel()
        self.figures.setProperty("role", "value")
        self.figures.setObjectName("pairFigures")
        self.readout = QLabel()
        self.readout.setObjectName("pixelReadout")
        self.readout.setProperty("role", "muted")
        self.readout.setTextFormat(Qt.TextFormat.RichText)
        foot = QHBoxLayout()
        foot.setSpacing(14)
        foot.addWidget(self.figures, 1)
        foot.addWidget(self.scale)
        foot.addWidget(self.readout)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addWidget(pictures, 1)
        layout.addLayout(foot)

    def _bar(self) -> QHBoxLayout:
        self._modes = Segments(self._theme, MODES, "ModeButton")
        self._modes.chosen.connect(self.set_mode)
        self.choice_a, self.choice_b = Choice(), Choice()
        for choice, name in ((self.choice_a, "A"), (self.choice_b, "B")):
            choice.setObjectName(f"choice{name}")
            choice.setAccessibleName(f"Picture {name}")
            choice.setMinimumWidth(130)
            choice.setMaximumWidth(WIDEST_CHOICE)
        self.choice_a.activated.connect(lambda _: self._desk.selection.set_a(self.choice_a.currentData()))
        self.choice_b.activated.connect(lambda _: self._desk.selection.set_b(self.choice_b.currentData()))
        swap = QToolButton()
        swap.setObjectName("swapButton")
        swap.setAccessibleName("Exchange A and B")
        swap.setToolTip("Exchange A and B  (X)")
        swap.clicked.connect(self._desk.selection.swap)
        self._theme.icon_on(swap, "arrows-left-right")
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self._modes)
        bar.addSpacing(8)
        bar.addWidget(text_label("A", "label"))
        bar.addWidget(self.choice_a, 1)
        bar.addWidget(swap)
        bar.addWidget(text_label("B", "label"))
        bar.addWidget(self.choice_b, 1)
        bar.addStretch(0)
        return bar

    def _pictures(self) -> QStackedWidget:
        self.canvas = AbCanvas(self._theme, self._desk.viewport)
        self.sides = (Canvas(self._theme, self._desk.viewport), Canvas(self._theme, self._desk.viewport))
        self._both = QFrame()
        self._both.setObjectName("abSides")
        self._both.setAccessibleName("Two pictures side by side")
        self._both.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        pair = QHBoxLayout(self._both)
        pair.setContentsMargins(2, 2, 2, 2)
        pair.setSpacing(10)
        for view, name in zip(self.sides, "AB", strict=True):
            view.tag = name
            view.hasZoom = lambda: True  # type: ignore[method-assign]
            view.hovered.connect(self._hovered)
            pair.addWidget(view)
        self.canvas.hovered.connect(self._hovered)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.canvas)
        self._stack.addWidget(self._both)
        return self._stack

    def _outlook_changed(self, name: str) -> None:
        if name == "split" and self.canvas.split != self._desk.outlook.split:
            self.canvas.move_split(self._desk.outlook.split)
        if name != "ab_mode":
            return
        had_focus = self.canvas.hasFocus() or self._both.hasFocus()
        self._modes.show_chosen(self.mode)
        self.canvas.set_mode(self.mode)
        self._stack.setCurrentWidget(self._both if self.mode == "side" else self.canvas)
        if had_focus:
            self.focus_pictures()
        self._show_scale()

    def _fill_choices(self) -> None:
        experiment, selection = self._desk.experiment, self._desk.selection
        rows = row_titles(experiment.requests)
        for choice, place in ((self.choice_a, selection.a), (self.choice_b, selection.b)):
            with QSignalBlocker(choice):
                choice.clear()
                for cell in experiment.cells.values():
                    column = experiment.columns[cell.column]
                    row = f", {rows[cell.row]}" if rows[cell.row] else ""
                    choice.addItem(
                        badge_icon(column.badge, column.colour),
                        f"{lane_title(column.variant, NAME_CHARACTERS)}{row}",
                        cell.place,
                    )
                    if cell.place == place:
                        choice.setCurrentIndex(choice.count() - 1)
            choice.setToolTip(choice.currentText())

    def _show_study(self) -> None:
        pair, study = self._pair, self._study
        self.canvas.show_heat(study.heat)
        self._show_scale()
        if pair is None or any(cell.picture is None for cell in pair):
            self.figures.setText(_missing(pair) if pair else "Run two variants to compare them")
        elif self._desk.experiment.synthetic:
            self.figures.setText("Synthetic weights: no quality is shown")
        elif study.figures is None:
            self.figures.setText(sentence(study.problem) or "…")
        else:
            parts = _figures_in_words(study.figures)
            for name, cell in zip("AB", pair, strict=True):
                quality = cell.result.quality if cell.result else None
                if quality is not None and quality.prompt_fidelity is not None:
                    parts.append(f"fidelity {name} {quality.prompt_fidelity:.0%}")
            self.figures.setText("   ".join(parts))
            self.figures.setToolTip("\n".join(parts))

    def _hovered(self, place: tuple[float, float] | None) -> None:
        if place is not None:
            self._desk.cursor.lift()
            self._read(place)
        elif self._desk.cursor.pixel is None:
            self._read(None)

    def _show_cursor(self) -> None:
        picture = self._pair[0].picture if self._pair else None
        place = self._desk.cursor.place(picture.width, picture.height) if picture else None
        for view in (self.canvas, *self.sides):
            view.cross = place
            view.update()
        if place is not None:
            self._read(place)

    def _read(self, place: tuple[float, float] | None) -> None:
        """Say the values of the pixel at a place in shares of the picture."""
        pair = self._pair
        if place is None or pair is None:
            self.readout.setText("")
            return
        values = [pixel_at(cell.picture, *place) if cell.picture else None for cell in pair]
        first, second = values
        texts = [f"{name} {_swatch(value)}" for name, value in zip("AB", values, strict=True) if value]
        if first and second:
            texts.append(f"Δ {max(abs(one - other) for one, other in zip(first, second, strict=True))}")
        picture = pair[0].picture or pair[1].picture
        if picture:
            x, y = int(place[0] * picture.width), int(place[1] * picture.height)
            texts.insert(0, f"x {x}, y {y}")
            spoken = [f"{name} {value}" for name, value in zip("AB", values, strict=True)]
            self.canvas.setAccessibleDescription(f"x {x}, y {y}: {', '.join(spoken)}")
        self.readout.setText("&nbsp;&nbsp;&nbsp;".join(texts))

    def _show_scale(self) -> None:
        self.scale.setVisible(self.mode == "difference")
        self.scale.show_largest(self._study.largest)


class HeatScale(QWidget):
    """What the colours of the difference mean: from equal to the largest difference."""

    def __init__(self, theme: Theme):
        super().__init__()
        self.setObjectName("heatScale")
        self._theme = theme
        self._largest = 0
        self.setFixedSize(220, 18)
        self.hide()

    def show_largest(self, largest: int) -> None:
        """The difference at the bright end, of 255."""
        self._largest = largest
        self.setAccessibleName(f"Scale of the difference, 0 to {largest} of 255")
        self.setToolTip("The largest difference among red, green and blue of a pixel, of 255")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        import pyqtgraph as pg

        painter = QPainter(self)
        gradient = QLinearGradient(24, 0, 170, 0)
        colour_map: Any = pg.colormap.get(HEAT_MAP)
        for stop in range(11):
            colour = colour_map.map(stop / 10, mode="qcolor")
            gradient.setColorAt(stop / 10, colour)
        painter.fillRect(24, 3, 146, 12, gradient)
        painter.setPen(QColor(self._theme.colours.muted))
        painter.drawText(0, 0, 20, 18, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "0")
        painter.drawText(176, 0, 44, 18, Qt.AlignmentFlag.AlignVCenter, str(self._largest))
        painter.end()


def _missing(pair: tuple[Cell, Cell]) -> str:
    """Which of the two has no picture yet."""
    names = [name for name, cell in zip("AB", pair, strict=True) if cell.picture is None]
    return f"{' and '.join(names)} {'have' if len(names) > 1 else 'has'} no picture yet"


def _figures_in_words(found: PairFigures) -> list[str]:
    if math.isinf(found.psnr_db):
        return ["Identical, pixel for pixel"]
    equal = f"{found.equal_share:.0%}" if found.equal_share < 0.995 else "more than 99%"
    return [
        f"PSNR {found.psnr_db:.1f} dB",
        f"SSIM {found.ssim:.3f}",
        f"largest Δ {found.largest}",
        f"{equal} of pixels equal",
    ]


def _swatch(value: tuple[int, int, int]) -> str:
    colour = "#{:02X}{:02X}{:02X}".format(*value)
    return (
        f'<span style="background:{colour}">&nbsp;&nbsp;&nbsp;&nbsp;</span> {value[0]} {value[1]} {value[2]}'
    )
