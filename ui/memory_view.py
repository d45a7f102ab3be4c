"""Memory: what the processes take over time, what weights and tensors take of it, and where OpenCL's tensors lie."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from ui.arena_view import ArenaView
from ui.chart import Chart
from ui.fields import text_label
from ui.plots import MARKERS, Plot, brush, bytes_tick, small_font, time_tick
from ui.row_choice import current_row
from ui.segments import Segments
from ui.theme import STAGE_COLOURS, VARIANT_COLOURS, Theme
from workbench.charts.figures import figures
from workbench.charts.memory import Series, merged, series
from workbench.desk.desk import Desk
from workbench.timeline import format_bytes

PAGES = (
    ("use", "chart-line", "Over time", "Resident set over time, and what weights and tensors take"),
    ("arena", "squares-four", "Arena", "Where OpenCL's intermediate tensors lie, and when"),
)


class MemoryView(QStackedWidget):
    """Two pages, of which the switch in the head of each shows one."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("memoryView")
        self.use, self.arena = MemoryUse(desk, theme), ArenaView(desk, theme)
        self._switch = Segments(theme, PAGES, "MemoryButton")
        self._switch.chosen.connect(self.show_page)
        for page in (self.use, self.arena):
            self.addWidget(page)
        self.show_page("use")

    def show_page(self, name: str) -> None:
        """``use`` or ``arena``."""
        page = self.use if name == "use" else self.arena
        page.head.addWidget(self._switch)  # it moves from the other page's head
        self._switch.show_chosen(name)
        self.setCurrentWidget(page)


class MemoryUse(Chart):
    """Mirrors the row that is looked at; the stages behind are those of the current cell's variant."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__(desk, theme, "memoryReadout", desk.experiment.live_changed, desk.selection.changed)
        self._build()

    def draw(self) -> None:
        """Draw what is known now."""
        experiment = self._desk.experiment
        found = series(experiment, current_row(self._desk)) if experiment.cells else ()
        self._draw_lines(found)
        self._draw_bars()

    def _build(self) -> None:
        self.plot = Plot(self._theme, "memoryPlot", "Resident set of every worker over time")
        self.plot.item.setMouseEnabled(x=True, y=False)
        self.plot.tick_with("bottom", time_tick)
        self.plot.tick_with("left", bytes_tick)
        self.plot.item.getAxis("left").setWidth(64)
        self.bars = Plot(self._theme, "weightsPlot", "What weights and tensors take")
        self.bars.item.setMouseEnabled(x=False, y=False)
        self.bars.tick_with("left", bytes_tick)
        self.bars.item.getAxis("left").setWidth(60)
        plots = QHBoxLayout()
        plots.setSpacing(16)
        for stretch, title, plot in (
            (3, "Resident set of the worker over time", self.plot),
            (2, "Weights (solid) and tensors (hatched)", self.bars),
        ):
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(text_label(title, "label"))
            column.addWidget(plot, 1)
            plots.addLayout(column, stretch)
        self.body.addLayout(plots, 1)

    def _draw_lines(self, found: tuple[Series, ...]) -> None:
        item: Any = self.plot.item
        item.clear()
        columns = self._desk.experiment.columns
        current = self._desk.selection.current
        chosen = next(
            (one for one in found if current and one.column == current[1]), found[0] if found else None
        )
        if chosen is not None:
            for shade in merged(chosen.shades):
                region = pg.LinearRegionItem(
                    (shade.start_ms, shade.end_ms),
                    movable=False,
                    brush=brush(STAGE_COLOURS.get(shade.stage, STAGE_COLOURS["other"]), 60),
                    pen=pg.mkPen(None),
                )
                region.setZValue(-10)
                item.addItem(region, ignoreBounds=True)
        peaks = []
        for one in found:
            column = columns[one.column]
            colour = VARIANT_COLOURS[column.colour]
            width = 3 if chosen is one else 2
            item.plot(one.times_ms, one.rss_bytes, pen=pg.mkPen(colour, width=width))
            if one.peak is not None:
                peaks.append((one, column.badge, colour, one.peak))
        for one, _, colour, (time, size) in peaks:
            item.addItem(
                pg.ScatterPlotItem(
                    [time],
                    [size],
                    size=11,
                    brush=brush(colour),
                    pen=pg.mkPen(self._theme.colours.surface, width=1),
                    symbol=MARKERS[columns[one.column].colour],
                )
            )
        highest = max((one.peak[1] for one in found if one.peak), default=1)
        item.setYRange(0, highest * 1.18, padding=0)
        if found:
            item.setXRange(
                min(one.times_ms[0] for one in found), max(one.times_ms[-1] for one in found), padding=0.02
            )
        if chosen is None:
            self.readout.setText("Run something: memory over time appears here")
        else:
            badge = columns[chosen.column].badge
            told = "   ".join(f"{number}: {format_bytes(size)}" for _, number, _, (_, size) in peaks)
            self.readout.setText(f"Peaks   {told}   ·   shaded: the stages of variant {badge}")

    def _draw_bars(self) -> None:
        item: Any = self.bars.item
        item.clear()
        found = figures(self._desk.experiment)
        columns = self._desk.experiment.columns
        highest = 1.0
        for place, one in enumerate(found):
            weights, tensors = one.memory.weights_bytes, one.memory.tensors_bytes
            colour = VARIANT_COLOURS[columns[place].colour]
            at = 0.0
            for value, hatched in ((weights, False), (tensors, True)):
                if value is None:
                    continue
                fill = brush(colour, 255)
                if hatched:
                    fill.setStyle(Qt.BrushStyle.BDiagPattern)
                bar = pg.BarGraphItem(
                    x0=[place - 0.3],
                    x1=[place + 0.3],
                    y0=[at],
                    y1=[at + value],
                    brush=fill,
                    pen=pg.mkPen(colour, width=1),
                )
                item.addItem(bar)
                at += value
            label = pg.TextItem(
                format_bytes(int(at)) if at else "–", color=self._theme.colours.text, anchor=(0.5, 1.1)
            )
            label.setFont(small_font(self.font()))
            label.setPos(place, at)
            item.addItem(label, ignoreBounds=True)
            highest = max(highest, at)
        item.setXRange(-0.5, max(1, len(found)) - 0.5, padding=0.02)
        item.setYRange(0, highest * 1.32, padding=0)
        item.getAxis("bottom").setTicks(
            [[(place, str(column.badge)) for place, column in enumerate(columns)]]
        )
