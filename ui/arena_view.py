"""Where OpenCL's intermediate tensors lie: a map of offset × time, a box a tensor, those at the peak solid."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSignalBlocker, Qt

from backends.contract import Arena, Tensor
from ui.chart import Chart
from ui.fields import Choice
from ui.plots import Plot, bars, brush, bytes_tick, show_bars, small_font
from ui.row_choice import current_row
from ui.theme import VARIANT_COLOURS, Theme
from workbench.charts.arena import arenas, describe, peak, stages, summary, tensor_at
from workbench.desk.desk import Desk
from workbench.timeline import STAGE_TITLES, format_bytes

EMPTY = "Run an OpenCL variant: where its intermediate tensors lie, and when, appears here"
PALE, SOLID = 80, 235
HEADROOM = 1.16
"""Above the arena, for the peak's label."""


class ArenaView(Chart):
    """Mirrors the arenas of the cell that is looked at, or of the row's first that has any.

    Pointing at a box, or the arrow keys, tell of a tensor; the wheel zooms, a double click shows all.
    """

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__(desk, theme, "arenaReadout", desk.selection.changed)
        self.setObjectName("arenaView")
        self.arena: Arena | None = None
        self.pointed: Tensor | None = None
        self._title = ""
        self.network = Choice()
        self.network.setObjectName("networkCombo")
        self.network.setAccessibleName("Network")
        self.network.setMinimumWidth(130)
        self.network.activated.connect(lambda _: self.refresh())
        self.head.addWidget(self.network)
        self.plot = Plot(theme, "arenaPlot", "Arena: a box for every tensor, offset over time")
        self.plot.tick_with("left", bytes_tick)
        self.plot.item.getAxis("left").setWidth(64)
        self.plot.item.getAxis("bottom").setHeight(44)
        self.plot.stepped.connect(self._step)
        self._pale, self._solid, self._mark = (pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[]) for _ in range(3))
        self._at_peak = pg.InfiniteLine(angle=90, label="", labelOpts={"position": 0.94})
        self._size = pg.InfiniteLine(angle=0)
        for item in (self._pale, self._solid, self._size, self._at_peak, self._mark):
            self.plot.item.addItem(item, ignoreBounds=True)
        self.body.addWidget(self.plot, 1)
        scene: Any = self.plot.scene()
        scene.sigMouseMoved.connect(self._moved)
        scene.sigMouseClicked.connect(lambda event: self.fit() if event.double() else None)

    def draw(self) -> None:
        """Draw the arena as it is now; what is zoomed into stays in view while it is the same one."""
        experiment = self._desk.experiment
        found = arenas(experiment, current_row(self._desk)) if experiment.cells else {}
        current = self._desk.selection.current
        column = current[1] if current and current[1] in found else next(iter(found), None)
        self._offer(stages(found[column]) if column is not None else [])
        before, self.arena = self.arena, None
        if column is not None:
            stage = self.network.currentData()
            self.arena = next(arena for arena in found[column] if arena.stage == stage)
            self._title = f"{experiment.columns[column].badge}  "
            self._draw(self.arena, VARIANT_COLOURS[experiment.columns[column].colour])
        else:
            self._pale.hide()
            self._solid.hide()
        for item in (self._size, self._at_peak):
            item.setVisible(self.arena is not None)
        if self.arena != before:
            self.pointed = None
            self.fit()
        self._tell()

    def fit(self) -> None:
        """All of the arena."""
        if self.arena is not None:
            self.plot.item.setXRange(0, self.arena.operations + 1, padding=0.01)
            self.plot.item.setYRange(0, self.arena.size * HEADROOM, padding=0)

    def _offer(self, names: list[str]) -> None:
        if [self.network.itemData(index) for index in range(self.network.count())] == names:
            return
        chosen = self.network.currentData()
        with QSignalBlocker(self.network):
            self.network.clear()
            for name in names:
                self.network.addItem(STAGE_TITLES[name], name)
            self.network.setCurrentIndex(max(0, self.network.findData(chosen)))
        self.network.setVisible(bool(names))

    def _draw(self, arena: Arena, colour: str) -> None:
        colours = self._theme.colours
        operation, most = peak(arena)
        needed = [tensor for tensor in arena.tensors if tensor.first <= operation <= tensor.last]
        others = [tensor for tensor in arena.tensors if tensor not in needed]
        for item, tensors, alpha in ((self._pale, others, PALE), (self._solid, needed, SOLID)):
            edge = pg.mkPen(colours.surface, width=1)
            show_bars(item, _boxes(tensors), [brush(colour, alpha)] * len(tensors), [edge] * len(tensors))
        dashes = pg.mkPen(colours.muted, width=1, style=Qt.PenStyle.DashLine)
        self._size.setPen(dashes)
        self._size.setValue(arena.size)
        self._at_peak.setPen(dashes)
        self._at_peak.setValue(operation + 0.5)
        self._at_peak.label.setFont(small_font(self.font()))
        self._at_peak.label.setColor(colours.text)
        self._at_peak.label.fill = brush(colours.surface, 220)
        self._at_peak.label.setFormat(f"peak {format_bytes(most)} of {format_bytes(arena.size)}")
        self.plot.title_axis("bottom", "Operations, in the order they run")
        self.plot.item.vb.setLimits(
            xMin=0, xMax=arena.operations + 1, yMin=0, yMax=arena.size * HEADROOM, minXRange=4
        )

    def _moved(self, position: QPointF) -> None:
        view = self.plot.item.vb
        point = view.mapSceneToView(position)
        inside = self.arena is not None and view.sceneBoundingRect().contains(position)
        self._point(tensor_at(self.arena, point.x(), point.y()) if inside and self.arena else None)

    def _step(self, step: int) -> None:
        """The next or previous tensor in the order in which they are written."""
        tensors = self.arena.tensors if self.arena else ()
        if tensors:
            at = tensors.index(self.pointed) + step if self.pointed in tensors else 0
            self._point(tensors[min(max(at, 0), len(tensors) - 1)])

    def _point(self, tensor: Tensor | None) -> None:
        if tensor is not self.pointed:
            self.pointed = tensor
            self._tell()

    def _tell(self) -> None:
        self._mark.setVisible(self.pointed is not None)
        self.say_nothing("" if self.arena else EMPTY, self.plot)
        if self.arena is None:
            text = ""
        elif self.pointed is None:
            text = self._title + summary(self.arena)
        else:
            text = self._title + describe(self.pointed, self.arena)
            pen = pg.mkPen(self._theme.colours.text, width=2)
            self._mark.setOpts(**_boxes([self.pointed]), brush=pg.mkBrush(255, 255, 255, 60), pen=pen)
        self.readout.setText(text)
        self.readout.setToolTip(text)
        self.plot.setAccessibleDescription(text)


def _boxes(tensors: list[Tensor]) -> dict[str, list[float]]:
    return bars(
        [tensor.first for tensor in tensors],
        [tensor.last + 1 for tensor in tensors],
        [tensor.offset for tensor in tensors],
        [tensor.offset + tensor.size for tensor in tensors],
    )
