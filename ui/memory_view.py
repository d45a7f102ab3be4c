"""Memory: what the processes take over time, what weights and tensors take of it, and where OpenCL's tensors lie."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from ui.arena_view import ArenaView
from ui.chart import Chart
from ui.fields import text_label
from ui.plots import MARKERS, Labels, Plot, bars, brush, bytes_tick, show_bars, small_font, time_tick
from ui.row_choice import current_row
from ui.segments import Segments
from ui.theme import STAGE_COLOURS, VARIANT_COLOURS, Theme
from workbench.charts.figures import figures
from workbench.charts.marks import spaced
from workbench.charts.memory import Series, merged, series
from workbench.desk.desk import Desk
from workbench.results import Memory
from workbench.timeline import format_bytes

PAGES = (
    ("use", "chart-line", "Over time", "Resident set over time, and what weights and tensors take"),
    ("arena", "squares-four", "Arena", "Where OpenCL's intermediate tensors lie, and when"),
)


MARKS_IN_ALL, FEWEST_MARKS = 24, 2
"""Of the variants' shapes along their curves."""
PEAKS_READ = 6
"""As many peaks are read out one by one; of more, the least and the greatest."""


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
        self._outlook = desk.outlook
        desk.outlook.changed.connect(self._show)
        self._show("memory_page")

    def show_page(self, name: str) -> None:
        """``use`` or ``arena``."""
        self._outlook.choose("memory_page", name)

    def _show(self, changed: str) -> None:
        if changed != "memory_page":
            return
        name = self._outlook["memory_page"]
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
        self.bars.tick_with("bottom", bytes_tick)
        self.bars.item.vb.invertY(True)
        self._shades, self._weights, self._tensors = (
            pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[]) for _ in range(3)
        )
        self._curves: list[pg.PlotCurveItem] = []
        self._peaks = pg.ScatterPlotItem(size=12)
        self._marks = pg.ScatterPlotItem(size=8)
        self._shades.setZValue(-10)
        self._peaks.setZValue(10)
        self._marks.setZValue(5)
        self.plot.item.addItem(self._marks)
        self.plot.item.addItem(self._shades, ignoreBounds=True)
        self.plot.item.addItem(self._peaks)
        self.bars.item.addItem(self._weights)
        self.bars.item.addItem(self._tensors)
        self._font = small_font(self.font())
        self._labels = Labels(self.bars, self._font)
        self._names = Labels(self.plot, small_font(self.font(), 12))
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
        columns = self._desk.experiment.columns
        current = self._desk.selection.current
        chosen = next(
            (one for one in found if current and one.column == current[1]), found[0] if found else None
        )
        top = max((one.peak[1] for one in found if one.peak), default=1) * 1.18
        shades = merged(chosen.shades) if chosen else ()
        show_bars(
            self._shades,
            bars(
                [shade.start_ms for shade in shades],
                [shade.end_ms for shade in shades],
                [0] * len(shades),
                [top] * len(shades),
            ),
            [brush(STAGE_COLOURS.get(shade.stage, STAGE_COLOURS["other"]), 60) for shade in shades],
            [pg.mkPen(None)] * len(shades),
        )
        while len(self._curves) < len(found):
            self._curves.append(pg.PlotCurveItem())
            self.plot.item.addItem(self._curves[-1])
        for curve in self._curves[len(found) :]:
            curve.clear()
        for curve, one in zip(self._curves, found, strict=False):
            pen = pg.mkPen(VARIANT_COLOURS[columns[one.column].colour], width=3 if chosen is one else 2)
            curve.setData(np.array(one.times_ms), np.array(one.rss_bytes), pen=pen)
        self._draw_marks(found)
        peaks = [(columns[one.column], *one.peak) for one in found if one.peak]
        self._peaks.setData(
            [time for _, time, _ in peaks],
            [size for _, _, size in peaks],
            brush=[brush(VARIANT_COLOURS[column.colour]) for column, *_ in peaks],
            symbol=[MARKERS[column.colour] for column, *_ in peaks],
            pen=pg.mkPen(self._theme.colours.surface, width=1),
        )
        self.plot.item.setYRange(0, top, padding=0)
        if chosen is None:
            self._names.show([])
            self.readout.setText("Run something: memory over time appears here")
            return
        first, last = min(one.times_ms[0] for one in found), max(one.times_ms[-1] for one in found)
        self.plot.item.setXRange(first, last, padding=0.02)
        self._names.show_apart(
            [(time, size, f"  {column.badge}  ") for column, time, size in peaks], self._theme.colours.text
        )
        told = [f"{column.badge}: {format_bytes(size)}" for column, _, size in peaks]
        by_size = sorted(peaks, key=lambda peak: peak[2])
        few = "   ".join(told)
        if len(peaks) > PEAKS_READ:
            few = " to ".join(
                f"{format_bytes(size)} ({column.badge})" for column, _, size in (by_size[0], by_size[-1])
            )
        badge = columns[chosen.column].badge
        self.readout.setText(f"Peaks   {few}   ·   shaded: the stages of variant {badge}")
        self.readout.setToolTip("Peaks\n" + "\n".join(told))

    def _draw_marks(self, found: tuple[Series, ...]) -> None:
        """Each variant's shape along its curve, so that curves are told apart without their colours."""
        columns = self._desk.experiment.columns
        marks = [
            (one.times_ms[place], one.rss_bytes[place], columns[one.column].colour)
            for one in found
            for place in spaced(len(one.times_ms), max(FEWEST_MARKS, MARKS_IN_ALL // len(found)))
        ]
        self._marks.setData(
            [time for time, _, _ in marks],
            [size for _, size, _ in marks],
            brush=[brush(VARIANT_COLOURS[colour]) for *_, colour in marks],
            symbol=[MARKERS[colour] for *_, colour in marks],
            pen=pg.mkPen(self._theme.colours.surface, width=1),
        )

    def _draw_bars(self) -> None:
        experiment = self._desk.experiment
        columns, found = experiment.columns, figures(experiment)
        weights = [one.memory.weights_bytes or 0 for one in found]
        both = [size + (one.memory.tensors_bytes or 0) for size, one in zip(weights, found, strict=True)]
        colours = [VARIANT_COLOURS[column.colour] for column in columns]
        tops, bottoms = [[place + side for place in range(len(found))] for side in (-0.3, 0.3)]
        pens = [pg.mkPen(colour, width=1) for colour in colours]
        hatched = [brush(colour) for colour in colours]
        for fill in hatched:
            fill.setStyle(Qt.BrushStyle.BDiagPattern)
        show_bars(
            self._weights,
            bars([0] * len(found), weights, tops, bottoms),
            [brush(one) for one in colours],
            pens,
        )
        show_bars(self._tensors, bars(weights, both, tops, bottoms), hatched, pens)
        ink = self._theme.colours.text
        texts = [_parts(one.memory) for one in found]
        self._labels.show(
            [
                (size, place, text, (0.0, 0.5), ink)
                for place, (size, text) in enumerate(zip(both, texts, strict=True))
            ]
        )
        self.bars.name_rows([str(column.badge) for column in columns])
        self.bars.item.setXRange(0, max(1.0, self.bars.end_with_room(both, texts, self._font)), padding=0)
        self.bars.item.setYRange(-0.5, max(1, len(found)) - 0.5, padding=0)


def _parts(memory: Memory) -> str:
    """What weights and tensors take, beyond the bar."""
    known = [format_bytes(size) for size in (memory.weights_bytes, memory.tensors_bytes) if size is not None]
    return f"  {' + '.join(known) or '–'}"
