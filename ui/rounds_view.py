"""Live: what every round took, rolling; a line per variant."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg

from ui.chart import Chart
from ui.plots import MARKERS, Plot, brush, time_tick
from ui.theme import VARIANT_COLOURS, Theme
from workbench.desk.desk import Desk
from workbench.timeline import format_ms

SYMBOLS_UP_TO = 60


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
        self.body.addWidget(self.plot, 1)

    def draw(self) -> None:
        """Draw the rounds as they are now."""
        item: Any = self.plot.item
        experiment = self._desk.experiment
        while len(self._lines) < len(experiment.columns):
            self._lines.append(item.plot())
        for line in self._lines:
            line.clear()
        highest, longest, last = 1.0, 1, []
        for column, line in zip(experiment.columns, self._lines, strict=False):
            times = list(experiment.rounds.get(column.variant, ()))
            if not times:
                continue
            colour = VARIANT_COLOURS[column.colour]
            symbol = MARKERS[column.colour] if len(times) <= SYMBOLS_UP_TO else None
            line.setData(
                list(range(1, len(times) + 1)),
                times,
                pen=pg.mkPen(colour, width=2),
                symbol=symbol,
                symbolSize=8,
                symbolBrush=brush(colour),
                symbolPen=pg.mkPen(self._theme.colours.surface),
            )
            highest, longest = max(highest, *times), max(longest, len(times))
            last.append(f"{column.badge}: {format_ms(times[-1])}")
        item.setYRange(0, highest * 1.12, padding=0)
        item.setXRange(0.5, max(longest, 8) + 0.5, padding=0)
        self.readout.setText(
            "Newest:  " + "    ".join(last)
            if last
            else "Switch Live on: the time of every round appears here"
        )
