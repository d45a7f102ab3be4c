"""Speed-up against quality: a dot per variant, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from ui.chart import Chart
from ui.fields import Choice
from ui.labelling import anchors, anchors_level
from ui.plots import MARKERS, Labels, Plot, brush, small_font
from ui.point_list import Item, PointList
from ui.theme import VARIANT_COLOURS, Theme
from workbench.charts.figures import figures
from workbench.charts.tradeoff import GREATEST, MEASURES, Point, pareto_front, points
from workbench.desk.desk import Desk
from workbench.desk.naming import lane_title

EMPTY = "Run two or more variants: their speed-up and quality appear here"
NO_QUALITY = "Synthetic weights have no quality to trade"
NAME_CHARACTERS = 60
MOST_NAMED = 6
"""As many dots bear their names; of more, their numbers, with a list beside."""
DOT_SHARE = 0.06
"""What is left free above the greatest quality there can be, for half a dot."""


class TradeoffView(Chart):
    """Mirrors the figures over all rows."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__(desk, theme, "tradeoffReadout")
        self.setObjectName("tradeoffView")
        self.measure = Choice()
        self.measure.setObjectName("measureCombo")
        self.measure.setAccessibleName("Measure of quality")
        self.measure.setMinimumWidth(220)
        for name, title in MEASURES.items():
            self.measure.addItem(title, name)
        self.measure.activated.connect(lambda _: desk.outlook.choose("measure", self.measure.currentData()))
        desk.outlook.changed.connect(self._measure_chosen)
        self.plot = Plot(theme, "tradeoffPlot", "Speed-up against quality")
        self.plot.item.setMouseEnabled(x=False, y=False)
        self.plot.item.showGrid(x=True, y=True, alpha=0.12)
        self.plot.item.getAxis("left").setWidth(64)
        self.plot.item.getAxis("bottom").setHeight(44)
        self.plot.tick_with("bottom", lambda value: f"{value:g}×")
        self._line, self._dots = pg.PlotCurveItem(), pg.ScatterPlotItem(size=16)
        self.plot.item.addItem(self._line)
        self.plot.item.addItem(self._dots)
        self._labels = Labels(self.plot, small_font(self.font()))
        self.list = PointList()
        self.list.hide()
        self.head.addWidget(self.measure)
        line = QHBoxLayout()
        line.addWidget(self.plot, 1)
        line.addWidget(self.list)
        self.body.addLayout(line, 1)
        self._measure_chosen("measure")

    def _measure_chosen(self, changed: str) -> None:
        if changed == "measure":
            self.measure.setCurrentIndex(self.measure.findData(self._desk.outlook["measure"]))
            self.refresh()

    def draw(self) -> None:
        """Draw the points as they are now."""
        experiment = self._desk.experiment
        measure = self.measure.currentData()
        found = (
            ()
            if experiment.synthetic or not experiment.columns
            else points(figures(experiment), experiment.baseline, measure)
        )
        for item in (self._line, self._dots):
            item.clear()
        self._labels.show([])
        self.list.setVisible(len(found) > MOST_NAMED)
        nothing = NO_QUALITY if experiment.synthetic else EMPTY
        self.say_nothing("" if found else nothing, self.plot, self.measure)
        if not found:
            return
        front = pareto_front(found)
        colours = self._theme.colours
        if len(front) > 1:
            self._line.setData(
                np.array([point.speedup for point in front]),
                np.array([point.quality for point in front]),
                pen=pg.mkPen(colours.border_strong, width=2, style=Qt.PenStyle.DashLine),
            )
        columns = [experiment.columns[point.column] for point in found]
        outlines = {True: pg.mkPen(colours.text, width=2), False: pg.mkPen(colours.surface, width=1)}
        self._dots.setData(
            [point.speedup for point in found],
            [point.quality for point in found],
            symbol=[MARKERS[column.colour] for column in columns],
            brush=[brush(VARIANT_COLOURS[column.colour]) for column in columns],
            pen=[outlines[point in front] for point in found],
        )
        title = MEASURES[measure].split(" against")[0]
        self._scale([point.speedup for point in found], [point.quality for point in found], GREATEST[measure])
        self._label(found)
        self._list(found, front, title)
        write = "{:.0%}" if measure == "fidelity" else "{:g}"
        self.plot.tick_with("left", lambda value: write.format(value) if value <= GREATEST[measure] else "")
        self.plot.title_axis("left", title)
        self.plot.title_axis("bottom", "Speed-up over the baseline")
        names = ", ".join(str(experiment.columns[point.column].badge) for point in front)
        self.readout.setText(
            f"On the Pareto front (no other variant is better at both): {names}" if len(found) > 1 else EMPTY
        )
        self.plot.setAccessibleDescription(
            "; ".join(
                f"variant {experiment.columns[point.column].badge}: {point.speedup:.2f} times, {point.label}"
                for point in found
            )
        )

    def _label(self, found: Sequence[Point]) -> None:
        """Name every dot, or number it where they are many."""
        columns = [self._desk.experiment.columns[point.column] for point in found]
        named = len(found) <= MOST_NAMED
        texts = [
            f"   {column.badge}  {lane_title(column.variant, NAME_CHARACTERS)}, {point.label}   "
            if named
            else f"   {column.badge}   "
            for point, column in zip(found, columns, strict=True)
        ]
        self._labels.show_apart(
            [(point.speedup, point.quality, text) for point, text in zip(found, texts, strict=True)],
            self._theme.colours.text,
            anchors if named else anchors_level,
        )

    def _list(self, found: Sequence[Point], front: Sequence[Point], measure: str) -> None:
        if len(found) <= MOST_NAMED:
            return
        columns = self._desk.experiment.columns
        self.list.show_items(
            [
                Item(
                    columns[point.column].badge,
                    columns[point.column].colour,
                    lane_title(columns[point.column].variant, NAME_CHARACTERS),
                    f"{point.speedup:.2f}×",
                    point.label.removeprefix("the "),
                    point in front,
                )
                for point in sorted(found, key=lambda point: -point.speedup)
            ],
            measure.split(",")[0],
        )

    def _scale(self, xs: list[float], ys: list[float], greatest: float) -> None:
        named = len(xs) <= MOST_NAMED
        x_room = max((max(xs) - min(xs)) * (0.18 if named else 0.08), 0.15)
        y_room = max((max(ys) - min(ys)) * (0.35 if named else 0.12), 0.02 * max(abs(max(ys)), 0.5))
        bottom = min(ys) - y_room
        top = (
            min(max(ys) + y_room, greatest + DOT_SHARE * (greatest - bottom))
            if not named
            else max(ys) + y_room
        )
        self.plot.item.setXRange(max(0.0, min(xs) - x_room), max(xs) + x_room, padding=0)
        self.plot.item.setYRange(bottom, top, padding=0)
