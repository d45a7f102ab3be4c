"""Live: what every round took, rolling; a line per variant with its shape on it and its number at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from ui.chart import Chart
from ui.labelling import anchors_beside
from ui.plots import MARKERS, Labels, Plot, brush, small_font, time_tick
from ui.theme import VARIANT_COLOURS, Theme
from workbench.charts.marks import spaced
from workbench.desk.desk import Desk
from workbench.desk.experiment import Column
from workbench.timeline import format_ms

MARKS = 24
"""Of a variant's shape along its line."""
LABEL_ROOM = 0.06
"""Of the width, for the numbers behind the lines."""

EMPTY = "Switch Live on: the time of every round appears here"


class RoundsView(Chart):
    """Mirrors ``desk.experiment.rounds``."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__(desk, theme, "roundsReadout")
        self.setObjectName("roundsView")
        self.plot = Plot(theme, "roundsPlot", "Time of every run, a line for every variant")
        self.plot.item.setMouseEnabled(x=False, y=False)
        self.plot.item.showGrid(y=True, alpha=0.12)
        self.plot.item.getAxis("left").setWidth(64)
        self.plot.tick_with("left", time_tick)
        self.plot.tick_with("bottom", lambda value: f"{value:g}" if value == int(value) else "")
        self._lines: list[Any] = []
        self._marks = pg.ScatterPlotItem(size=9)
        self._marks.setZValue(5)
        self.plot.item.addItem(self._marks)
        self._names = Labels(self.plot, small_font(self.font(), 12))
        self.body.addWidget(self.plot, 1)

    def draw(self) -> None:
        """Draw the rounds as they are now."""
        item: Any = self.plot.item
        experiment = self._desk.experiment
        found = [
            (column, list(experiment.rounds[column.variant]))
            for column in experiment.columns
            if experiment.rounds.get(column.variant)
        ]
        while len(self._lines) < len(found):
            self._lines.append(pg.PlotCurveItem())
            item.addItem(self._lines[-1])
        for line in self._lines[len(found) :]:
            line.clear()
        for (column, times), line in zip(found, self._lines, strict=False):
            pen = pg.mkPen(VARIANT_COLOURS[column.colour], width=2)
            line.setData(np.arange(1.0, len(times) + 1), np.array(times), pen=pen)
        self._draw_marks(found)
        highest = max((max(times) for _, times in found), default=1.0)
        longest = max((len(times) for _, times in found), default=1)
        item.setYRange(0, highest * 1.12, padding=0)
        item.setXRange(0.5, max(longest, 8) * (1 + LABEL_ROOM) + 0.5, padding=0)
        self._names.show_apart(
            [(len(times), times[-1], f"   {column.badge}   ") for column, times in found],
            self._theme.colours.text,
            anchors_beside,
        )
        last = "    ".join(f"{column.badge}: {format_ms(times[-1])}" for column, times in found)
        self.readout.setText(f"Newest:  {last}")
        self.say_nothing("" if last else EMPTY, self.plot)
        self.plot.setAccessibleDescription(self.readout.text())

    def _draw_marks(self, found: list[tuple[Column, list[float]]]) -> None:
        marks = [
            (place + 1, times[place], column.colour)
            for column, times in found
            for place in spaced(len(times), MARKS)
        ]
        self._marks.setData(
            [number for number, _, _ in marks],
            [time for _, time, _ in marks],
            brush=[brush(VARIANT_COLOURS[colour]) for *_, colour in marks],
            symbol=[MARKERS[colour] for *_, colour in marks],
            pen=pg.mkPen(self._theme.colours.surface, width=1),
        )
