"""Where the time of every variant goes: a bar of its stages, with the spread of the whole as a whisker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from backends.contract import STAGES
from ui.chart import Chart
from ui.legend import BETWEEN, block_label, legend
from ui.plots import Label, Labels, Plot, bars, small_font, time_tick
from ui.theme import STAGE_COLOURS, STAGE_TEXT, Theme
from workbench.charts.figures import Figures, figures
from workbench.desk.desk import Desk
from workbench.desk.naming import lane_title
from workbench.timeline import STAGE_TITLES, format_ms

EMPTY = "The stages of every variant appear here, stacked"
HALF = 0.3
Box = tuple[int, float, float, str]
"""The place of a variant, start and end in milliseconds, and the stage."""


class StageBars(Chart):
    """Mirrors the figures of all rows; the numbers stand on the bars, the speed-up behind them."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__(desk, theme, "stageReadout")
        self.setObjectName("stageBars")
        self._found: tuple[Figures, ...] = ()
        self._boxes: list[Box] = []
        self.readout.setProperty("role", "value")
        self.plot = Plot(theme, "stageBarsPlot", "Stages of every variant, stacked")
        item: Any = self.plot.item
        item.vb.invertY(True)
        item.setMouseEnabled(x=False, y=False)
        self.plot.tick_with("bottom", time_tick)
        self._bars = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self._whiskers = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), beam=0.2)
        self._mark = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        for part in (self._bars, self._whiskers, self._mark):
            item.addItem(part)
        self._font = small_font(self.font(), 12)
        self._labels = Labels(self.plot, self._font)
        self.body.addWidget(self.plot, 1)
        self.body.addLayout(legend((*STAGES, "other")))
        self._pointed: Box | None = None
        self.plot.stepped.connect(self._step)
        self.plot.crossed.connect(self._cross)
        item.scene().sigMouseMoved.connect(self._moved)

    def draw(self) -> None:
        """Draw the figures as they are now."""
        experiment = self._desk.experiment
        self._found = figures(experiment)
        self._boxes = _boxes(self._found)
        count = max(1, len(self._found))
        self.plot.name_rows(
            [f"{column.badge}  {lane_title(column.variant)}" for column in experiment.columns]
        )
        totals = [
            (place, item.total.high, self._total(item))
            for place, item in enumerate(self._found)
            if item.total
        ]
        end = self.plot.end_with_room(
            [high for _, high, _ in totals], [text for *_, text in totals], self._font
        )
        self.plot.item.setYRange(-0.5, count - 0.5, padding=0)
        self.plot.item.setXRange(0, end, padding=0)
        self._bars.setVisible(bool(self._boxes))
        if self._boxes:
            shades = [QColor(STAGE_COLOURS.get(stage, STAGE_COLOURS["other"])) for *_, stage in self._boxes]
            self._bars.setOpts(
                **bars(
                    [start for _, start, _, _ in self._boxes],
                    [end for _, _, end, _ in self._boxes],
                    [place - HALF for place, *_ in self._boxes],
                    [place + HALF for place, *_ in self._boxes],
                ),
                brushes=shades,
                pens=[pg.mkPen(self._theme.colours.surface, width=1)] * len(shades),
            )
        self.say_nothing("" if self._boxes else EMPTY, self.plot)
        self._draw_whiskers()
        self._draw_labels(end, totals)
        self._tell(None)

    def _draw_whiskers(self) -> None:
        known = [
            (place, item.total)
            for place, item in enumerate(self._found)
            if item.total and item.total.count > 1
        ]
        self._whiskers.setVisible(bool(known))
        if known:
            self._whiskers.setData(
                x=np.array([total.median for _, total in known]),
                y=np.array([float(place) for place, _ in known]),
                left=np.array([total.median - total.low for _, total in known]),
                right=np.array([total.high - total.median for _, total in known]),
                pen=pg.mkPen(self._theme.colours.text, width=2),
            )

    def _total(self, item: Figures) -> str:
        """What stands behind a bar."""
        if item.total is None:
            return ""
        time = f"  {format_ms(item.total.median)}"
        if item.speedup is None or item.column == self._desk.experiment.baseline:
            return time
        return f"{time}   {item.speedup:.2f}×"

    def _draw_labels(self, width: float, totals: Sequence[tuple[int, float, str]]) -> None:
        per_ms = self.plot.item.vb.width() / max(1e-9, width)
        ink = self._theme.colours.text
        texts: list[Label] = []
        for place, start, end, stage in self._boxes:
            title = STAGE_TITLES.get(stage, BETWEEN)
            text = block_label(title, format_ms(end - start), (end - start) * per_ms)
            if text:
                texts.append(((start + end) / 2, place, text, (0.5, 0.5), STAGE_TEXT))
        texts += [(high, place, text, (0.0, 0.5), ink) for place, high, text in totals]
        self._labels.show(texts)

    def _moved(self, position: QPointF) -> None:
        view = self.plot.item.vb
        if not view.sceneBoundingRect().contains(position):
            self._tell(None)
            return
        point = view.mapSceneToView(position)
        hit = next(
            (box for box in self._boxes if box[1] <= point.x() <= box[2] and abs(point.y() - box[0]) <= HALF),
            None,
        )
        self._tell(hit)

    def _step(self, step: int) -> None:
        """The next or previous stage in the order of variants and time."""
        if self._boxes:
            at = self._boxes.index(self._pointed) + step if self._pointed in self._boxes else 0
            self._tell(self._boxes[min(max(at, 0), len(self._boxes) - 1)])

    def _cross(self, step: int) -> None:
        """The same stage of the next or previous variant, or its first where it has none such."""
        place, stage = (self._pointed[0] + step, self._pointed[3]) if self._pointed else (0, "")
        there = [box for box in self._boxes if box[0] == place]
        if there:
            self._tell(next((box for box in there if box[3] == stage), there[0]))

    def _tell(self, box: Box | None) -> None:
        self._pointed = box
        self._mark.setVisible(box is not None)
        if box is not None:
            place, start, end, _ = box
            pen = pg.mkPen(self._theme.colours.text, width=2)
            sides = bars([start], [end], [place - HALF], [place + HALF])
            self._mark.setOpts(**sides, brush=pg.mkBrush(255, 255, 255, 60), pen=pen)
        self.readout.setText(self._words(box))
        self.plot.setAccessibleDescription(self.readout.text())

    def _words(self, box: Box | None) -> str:
        if box is None:
            runs = max((item.runs for item in self._found), default=0)
            if not runs:
                return ""
            if runs == 1:
                return "One run each: no spread yet. More repeats, or Live with a locked seed, draw whiskers"
            return f"Medians of up to {runs} runs; the whisker is the middle half of their totals"
        place, start, end, stage = box
        item = self._found[place]
        spread = item.stages.get(stage)
        share = f", {(end - start) / item.total.median:.1%} of the run" if item.total else ""
        between = (
            f", middle half {format_ms(spread.low)} to {format_ms(spread.high)}"
            if spread and spread.count > 1
            else ""
        )
        badge = self._desk.experiment.columns[place].badge
        return f"{badge}  {STAGE_TITLES.get(stage, BETWEEN)}: {format_ms(end - start)}{share}{between}"


def _boxes(found: tuple[Figures, ...]) -> list[Box]:
    """Place, start, end, stage; ``other`` is what no stage accounts for."""
    boxes = []
    for place, item in enumerate(found):
        if item.total is None:
            continue
        at = 0.0
        for stage, spread in item.stages.items():
            boxes.append((place, at, at + spread.median, stage))
            at += spread.median
        if item.total.median > at:
            boxes.append((place, at, item.total.median, "other"))
    return boxes
