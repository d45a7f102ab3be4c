"""A/B: two cells against each other, with pixel values under the cursor and the figures of the pair beside them."""

from __future__ import annotations

import math
import threading
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QLinearGradient, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from backends.contract import Picture
from ui.ab_canvas import HEAT_MAP, AbCanvas
from ui.badge import badge_icon
from ui.canvas import Canvas
from ui.fields import Choice, text_label
from ui.segments import Segments
from ui.theme import Theme
from workbench.charts.difference import DifferentShapes, PairFigures, pair_figures, pixel_at
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell
from workbench.desk.naming import short_title

NARROW = 800
MODES = (
    ("wipe", "square-half", "Wipe", "Drag the line between A and B  (1)"),
    ("side", "columns", "Side by side", "Both, zoomed together  (2)"),
    ("blink", "swap", "Blink", "One after the other at the press of the space bar  (3)"),
    ("difference", "circle-half", "Difference", "Where and how much they differ  (4)"),
)


class AbView(QWidget):
    """Mirrors ``desk.selection``'s pair."""

    _measured = Signal(object, object)

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("abView")
        self._desk = desk
        self._theme = theme
        self.mode = "wipe"
        self._pair: tuple[Cell, Cell] | None = None
        self._known: dict[tuple[int, int], PairFigures | str] = {}
        self._build()
        self._measured.connect(self._take_figures)
        desk.selection.changed.connect(self.refresh)
        desk.experiment.finished.connect(lambda _: self.refresh())
        desk.experiment.began.connect(self.refresh)
        desk.experiment.restated.connect(self.refresh)
        self.refresh()

    def set_mode(self, mode: str) -> None:
        """``wipe``, ``side``, ``blink`` or ``difference``."""
        self.mode = mode
        self._modes.show_chosen(mode)
        self.canvas.set_mode(mode)
        self._stack.setCurrentIndex(1 if mode == "side" else 0)
        self._show_scale()

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
        self._measure()
        self._show_scale()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._modes.show_titles(self.width() >= NARROW)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = event.key() - Qt.Key.Key_1
        if 0 <= number < len(MODES):
            self.set_mode(MODES[number][0])
        elif event.key() == Qt.Key.Key_X:
            self._desk.selection.swap()
        elif event.key() == Qt.Key.Key_Space:
            self.canvas.flip()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        self._modes = Segments(self._theme, MODES, "ModeButton")
        self._modes.chosen.connect(self.set_mode)
        self.choice_a, self.choice_b = Choice(), Choice()
        for choice, name in ((self.choice_a, "A"), (self.choice_b, "B")):
            choice.setObjectName(f"choice{name}")
            choice.setAccessibleName(f"Picture {name}")
            choice.setMinimumWidth(150)
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
        bar.addStretch(1)
        for widget in (
            text_label("A", "label"),
            self.choice_a,
            swap,
            text_label("B", "label"),
            self.choice_b,
        ):
            bar.addWidget(widget)
        self.canvas = AbCanvas(self._theme, self._desk.viewport)
        self.sides = (Canvas(self._theme, self._desk.viewport), Canvas(self._theme, self._desk.viewport))
        both = QWidget()
        pair = QHBoxLayout(both)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(10)
        for view, name in zip(self.sides, "AB", strict=True):
            view.tag = name
            view.hasZoom = lambda: True  # type: ignore[method-assign]
            view.hovered.connect(self._hovered)
            pair.addWidget(view)
        self.canvas.hovered.connect(self._hovered)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.canvas)
        self._stack.addWidget(both)
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
        layout.addWidget(self._stack, 1)
        layout.addLayout(foot)

    def _fill_choices(self) -> None:
        experiment, selection = self._desk.experiment, self._desk.selection
        several = len(experiment.requests) > 1
        for choice, place in ((self.choice_a, selection.a), (self.choice_b, selection.b)):
            with QSignalBlocker(choice):
                choice.clear()
                for cell in experiment.cells.values():
                    column = experiment.columns[cell.column]
                    row = f", seed {experiment.requests[cell.row].seed}" if several else ""
                    choice.addItem(
                        badge_icon(column.badge, column.colour),
                        f"{short_title(column.variant)}{row}",
                        cell.place,
                    )
                    if cell.place == place:
                        choice.setCurrentIndex(choice.count() - 1)

    def _measure(self) -> None:
        pair = self._pair
        first, second = (pair[0].picture, pair[1].picture) if pair else (None, None)
        if first is None or second is None:
            self.figures.setText("Both pictures are needed" if pair else "Run two variants to compare them")
            return
        if self._desk.experiment.synthetic:
            self.figures.setText("Synthetic weights: no quality is shown")
            return
        key = (id(first), id(second))
        known = self._known.get(key)
        if known is None:
            self._known.clear()
            self._known[key] = ""
            self.figures.setText("…")
            threading.Thread(
                target=self._measuring, args=(first, second), name="pair figures", daemon=True
            ).start()
        else:
            self._show_figures(known)

    def _measuring(self, first: Picture, second: Picture) -> None:
        try:
            found: PairFigures | str = pair_figures(first, second)
        except DifferentShapes as error:
            found = str(error)
        self._measured.emit((first, second), found)

    def _take_figures(self, pair: tuple[Picture, Picture], found: PairFigures | str) -> None:
        key = (id(pair[0]), id(pair[1]))
        if key in self._known:
            self._known[key] = found
            self._show_figures(found)

    def _show_figures(self, found: PairFigures | str) -> None:
        if isinstance(found, str):
            self.figures.setText(found or "…")
            return
        pair, parts = self._pair, []
        parts.append(
            "Identical, pixel for pixel" if math.isinf(found.psnr_db) else f"PSNR {found.psnr_db:.1f} dB"
        )
        if not math.isinf(found.psnr_db):
            parts += [f"SSIM {found.ssim:.3f}", f"largest difference {found.largest}"]
            parts.append(f"{found.equal_share:.0%} of the pixels equal")
        for name, cell in zip("AB", pair or (), strict=False):
            quality = cell.result.quality if cell.result else None
            if quality is not None and quality.prompt_fidelity is not None:
                parts.append(f"fidelity {name} {quality.prompt_fidelity:.0%}")
        self.figures.setText("   ".join(parts))
        self.figures.setToolTip("\n".join(parts))

    def _hovered(self, place: tuple[float, float] | None) -> None:
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
        self.readout.setText("&nbsp;&nbsp;&nbsp;".join(texts))

    def _show_scale(self) -> None:
        self.scale.setVisible(self.mode == "difference")
        if self.mode == "difference":
            self.canvas.heat_map()
            self.scale.show_largest(self.canvas.largest)


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


def _swatch(value: tuple[int, int, int]) -> str:
    colour = "#{:02X}{:02X}{:02X}".format(*value)
    return (
        f'<span style="background:{colour}">&nbsp;&nbsp;&nbsp;&nbsp;</span> {value[0]} {value[1]} {value[2]}'
    )
