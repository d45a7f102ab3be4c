"""The timeline: a lane per variant, blocks per stage on one clock, down to single operations where they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QToolButton

from backends.contract import STAGES
from ui.chart import Chart
from ui.fields import Choice, text_label
from ui.later import Later
from ui.legend import block_label, legend
from ui.plots import Label, Labels, Plot, bars, small_font, time_tick
from ui.row_choice import current_row
from ui.theme import STAGE_COLOURS, Theme
from workbench.charts.lanes import Align, Lane, Piece, across, along, compare, describe, lanes, piece_at
from workbench.desk.desk import Desk
from workbench.desk.naming import lane_title
from workbench.timeline import STAGE_TITLES, format_ms

EMPTY = "The stages of every run appear here, as they are measured"
HALF = 0.36
KERNEL_TOP = 0.10
SMALLEST_PIXELS = 0.6
NARROWEST_LABEL = 64
"""Pixels of a block that carries words."""


class TimelineView(Chart):
    """Mirrors the row that is looked at. Hovering and the arrow keys tell of a block; a click keeps it, a second compares."""

    def __init__(self, desk: Desk, theme: Theme):
        live, looked_at = desk.experiment.live_changed, desk.selection.changed
        super().__init__(desk, theme, "timelineReadout", live, looked_at, milliseconds=120)
        self.setObjectName("timelineView")
        self._lanes: tuple[Lane, ...] = ()
        self._hovered: Piece | None = None
        self.picked: list[Piece] = []
        self._build()
        self._paint_soon = Later(self, self._paint, 30)
        self.plot.item.vb.sigXRangeChanged.connect(self._paint_soon)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """What is drawn."""
        return self._lanes

    def draw(self) -> None:
        """Draw what the experiment knows now; what is zoomed into stays in view."""
        experiment = self._desk.experiment
        found = lanes(experiment, current_row(self._desk), self._align()) if experiment.cells else ()
        whole_before = self._whole()
        fitted = self._fitted(whole_before)
        same_shape = [lane.column for lane in found] == [lane.column for lane in self._lanes]
        self._lanes = found
        self.picked = [piece for piece in self.picked if same_shape and _has(found, piece)]
        if self._hovered is not None and not _has(found, self._hovered):
            self._hovered = None
        count = max(1, len(found))
        self.plot.item.setYRange(-0.5, count - 0.5, padding=0)
        self.plot.item.vb.setLimits(
            yMin=-0.5, yMax=count - 0.5, xMin=self._first() * 1.02, xMax=self._whole() * 1.2
        )
        if fitted or not same_shape:
            self.fit()
        self._name_lanes()
        self._paint()
        self._tell()

    def fit(self) -> None:
        """All of every lane."""
        self.plot.item.vb.setXRange(self._first(), self._whole() * 1.14, padding=0)

    def zoom_to_picked(self) -> None:
        """Bring what is picked into full view."""
        if self.picked:
            start = min(piece.start_ms for piece in self.picked)
            end = max(piece.end_ms for piece in self.picked)
            self.plot.item.vb.setXRange(start, end, padding=0.1)

    def _build(self) -> None:
        self.align = Choice()
        self.align.setObjectName("alignCombo")
        self.align.setAccessibleName("Align the lanes")
        self.align.addItem("Align at the start", "start")
        self.align.addItem("Align at the UNet", "unet")
        self.align.setMinimumWidth(160)
        self.align.activated.connect(lambda _: self._desk.outlook.choose("align", self.align.currentData()))
        self._desk.outlook.changed.connect(self._realign)
        self._realign("align")
        fit = QToolButton()
        fit.setObjectName("fitTimelineButton")
        fit.setAccessibleName("Show the whole timeline")
        fit.setToolTip("Show all of it  (0, or a double click)")
        fit.clicked.connect(self.fit)
        self._theme.icon_on(fit, "arrows-out-line-horizontal")
        self.readout.setProperty("role", "value")
        self.ratio = text_label("", "accent")
        self.ratio.setObjectName("timelineRatio")
        self.head.addWidget(self.ratio)
        self.head.addWidget(self.align)
        self.head.addWidget(fit)
        self.plot = TimelinePlot(self._theme, self)
        self.plot.stepped.connect(lambda step: self._go(along(self._lanes, self._hovered, step)))
        self.plot.stepped_finely.connect(
            lambda step: self._go(along(self._lanes, self._hovered, step, kernels=True))
        )
        self.plot.crossed.connect(lambda step: self._go(across(self._lanes, self._hovered, step)))
        self.plot.chosen.connect(self._pick_hovered)
        item: Any = self.plot.item
        item.vb.invertY(True)
        item.setMouseEnabled(x=True, y=False)
        self.plot.tick_with("bottom", time_tick)
        self._bars = [pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[]) for _ in range(2)]
        self._marks = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        for bar in (*self._bars, self._marks):
            item.addItem(bar, ignoreBounds=True)
        self._labels = Labels(self.plot, _bold(self.font()))
        foot = legend(STAGES)
        self.hint = text_label("Wheel zooms, dragging moves; click two blocks to compare them", "faint")
        foot.addWidget(self.hint)
        self.body.addWidget(self.plot, 1)
        self.body.addLayout(foot)
        item.scene().sigMouseMoved.connect(self._moved)
        item.scene().sigMouseClicked.connect(self._clicked)

    def _realign(self, name: str) -> None:
        if name != "align":
            return
        self.align.setCurrentIndex(self.align.findData(self._desk.outlook["align"]))
        self.picked = []
        self._lanes = ()
        self.refresh()

    def _align(self) -> Align:
        return "unet" if self._desk.outlook["align"] == "unet" else "start"

    def _whole(self) -> float:
        return max((lane.end_ms for lane in self._lanes), default=0.0) or 1.0

    def _first(self) -> float:
        return min((piece.start_ms for lane in self._lanes for piece in lane.stages[:1]), default=0.0)

    def _fitted(self, whole: float) -> bool:
        """Whether the view shows everything, so that it should go on doing so while lanes grow."""
        left, right = self.plot.item.vb.viewRange()[0]
        return right - left >= whole * 0.97

    def _name_lanes(self) -> None:
        columns = self._desk.experiment.columns
        names = []
        for lane in self._lanes:
            column = columns[lane.column]
            note = f" ({lane.note})" if lane.note else ""
            names.append(f"{column.badge}  {lane_title(column.variant)}{note}")
        self.plot.name_rows(names)

    def _paint(self) -> None:
        """Draw what is in view and at least a good part of a pixel wide."""
        left, right = self.plot.item.vb.viewRange()[0]
        shortest = (right - left) / max(1, self.plot.width()) * SMALLEST_PIXELS
        stages: list[tuple[int, Piece]] = []
        kernels: list[tuple[int, Piece]] = []
        for place, lane in enumerate(self._lanes):
            stages += [(place, piece) for piece in _seen(lane.stages, left, right, shortest)]
            kernels += [(place, piece) for piece in _seen(lane.kernels, left, right, shortest)]
        self._draw(self._bars[0], stages, kernel=False)
        self._draw(self._bars[1], kernels, kernel=True)
        self._draw_labels(stages, kernels, left, right)
        self._draw_marks()

    def _draw(self, item: Any, found: Sequence[tuple[int, Piece]], kernel: bool) -> None:
        item.setVisible(bool(found))
        if not found:
            return
        tops = [
            place + (KERNEL_TOP if kernel else HALF if not self._has_kernels(place) else KERNEL_TOP - 0.04)
            for place, _ in found
        ]
        bottoms = [place + HALF if kernel else place - HALF for place, _ in found]
        shades = [_shade(piece) for _, piece in found]
        item.setOpts(
            **bars(
                [piece.start_ms for _, piece in found], [piece.end_ms for _, piece in found], bottoms, tops
            ),
            brushes=shades,
            pens=[pg.mkPen(shade, width=0) for shade in shades],
        )

    def _has_kernels(self, place: int) -> bool:
        return bool(self._lanes[place].kernels)

    def _draw_labels(
        self,
        stages: Sequence[tuple[int, Piece]],
        kernels: Sequence[tuple[int, Piece]],
        left: float,
        right: float,
    ) -> None:
        """Totals at the end of each lane, and names on blocks that have the room."""
        per_ms = self.plot.item.vb.width() / max(1e-9, right - left)
        ink = self._theme.colours.text
        texts: list[Label] = []
        for place, piece in (*stages, *kernels):
            wide = (min(piece.end_ms, right) - max(piece.start_ms, left)) * per_ms
            if wide > NARROWEST_LABEL and len(texts) < 60:
                title = piece.name if piece.kernel else STAGE_TITLES.get(piece.stage, piece.stage)
                if piece.iteration is not None and not piece.kernel:
                    title = f"{title} {piece.iteration + 1}"
                text = block_label(title, format_ms(piece.milliseconds), wide)
                middle = (max(piece.start_ms, left) + min(piece.end_ms, right)) / 2
                y = place + 0.23 if piece.kernel else place - (0.15 if self._has_kernels(place) else 0)
                texts.append((middle, y, text, (0.5, 0.5), "#0E1116"))
        for place, lane in enumerate(self._lanes):
            if lane.stages and not lane.running and left <= lane.end_ms <= right:
                room = (right - lane.end_ms) * per_ms > 70
                texts.append(
                    (lane.end_ms, place, f" {format_ms(lane.end_ms)}", (0.0 if room else 1.0, 0.5), ink)
                )
        self._labels.show(texts)

    def _draw_marks(self) -> None:
        marked = [*self.picked, *([self._hovered] if self._hovered else [])]
        places = {lane.column: place for place, lane in enumerate(self._lanes)}
        marked = [piece for piece in marked if piece.lane in places]
        self._marks.setVisible(bool(marked))
        if not marked:
            return
        pens = [
            pg.mkPen(self._theme.colours.text, width=3 if piece in self.picked else 1.5) for piece in marked
        ]
        self._marks.setOpts(
            **bars(
                [piece.start_ms for piece in marked],
                [piece.end_ms for piece in marked],
                [places[piece.lane] + (HALF if piece.kernel else -HALF) for piece in marked],
                [places[piece.lane] + (KERNEL_TOP if piece.kernel else HALF) for piece in marked],
            ),
            brushes=[pg.mkBrush(255, 255, 255, 60)] * len(marked),
            pens=pens,
        )

    def _at(self, position: QPointF) -> Piece | None:
        view = self.plot.item.vb
        if not view.sceneBoundingRect().contains(position):
            return None
        point = view.mapSceneToView(position)
        place = round(point.y())
        if not 0 <= place < len(self._lanes) or abs(point.y() - place) > HALF:
            return None
        if self._has_kernels(place) and point.y() - place > KERNEL_TOP - 0.02:
            return piece_at(self._lanes, place, point.x(), kernels=True)
        return piece_at(self._lanes, place, point.x())

    def _moved(self, position: QPointF) -> None:
        piece = self._at(position)
        if piece is not self._hovered:
            self._hovered = piece
            self._draw_marks()
            self._tell()

    def _clicked(self, event: Any) -> None:
        if event.double():
            self.fit()
            return
        self._pick(self._at(event.scenePos()))

    def _pick_hovered(self) -> None:
        self._pick(self._hovered)

    def _pick(self, piece: Piece | None) -> None:
        if piece is None or len(self.picked) >= 2:
            self.picked = []
        if piece is not None:
            self.picked = [item for item in self.picked if item != piece] + [piece]
        self._draw_marks()
        self._tell()

    def _go(self, piece: Piece | None) -> None:
        """Tell of a piece that was reached by keyboard, and bring it into view."""
        if piece is None:
            return
        self._hovered = piece
        left, right = self.plot.item.vb.viewRange()[0]
        if not left <= piece.start_ms <= right:
            middle, half = (piece.start_ms + piece.end_ms) / 2, (right - left) / 2
            self.plot.item.vb.setXRange(middle - half, middle + half, padding=0)
        self._draw_marks()
        self._tell()

    def _tell(self) -> None:
        empty = not any(lane.stages for lane in self._lanes)
        self.say_nothing(EMPTY if empty else "", self.plot)
        shown = self._hovered or (self.picked[-1] if self.picked else None)
        lane = next((lane for lane in self._lanes if shown and lane.column == shown.lane), None)
        if shown is None or lane is None:
            self.readout.setText("" if empty else "Point at a block to read it")
        else:
            badge = self._desk.experiment.columns[shown.lane].badge
            self.readout.setText(f"{badge}  {describe(shown, lane)}")
        pair = self.picked if len(self.picked) == 2 else []
        self.ratio.setText(compare(pair[0], pair[1]) if pair else "")
        self.plot.setAccessibleDescription(f"{self.readout.text()} {self.ratio.text()}".strip())


class TimelinePlot(Plot):
    """Keys: arrows step, Enter picks, + and - zoom, 0 shows all."""

    def __init__(self, theme: Theme, view: TimelineView):
        super().__init__(theme, "timelinePlot", "Timeline, a lane for every variant")
        self._view = view

    def keyPressEvent(self, ev: Any) -> None:
        scale = {Qt.Key.Key_Plus: 0.7, Qt.Key.Key_Equal: 0.7, Qt.Key.Key_Minus: 1.4}.get(Qt.Key(ev.key()))
        if scale is not None:
            self.item.vb.scaleBy(x=scale, center=None)
        elif ev.key() == Qt.Key.Key_0:
            self._view.fit()
        elif ev.key() == Qt.Key.Key_Z:
            self._view.zoom_to_picked()
        else:
            super().keyPressEvent(ev)


def _seen(pieces: Sequence[Piece], left: float, right: float, shortest: float) -> list[Piece]:
    return [
        piece
        for piece in pieces
        if piece.end_ms >= left and piece.start_ms <= right and piece.milliseconds >= shortest
    ]


def _has(found: Sequence[Lane], piece: Piece) -> bool:
    return any(piece in (lane.kernels if piece.kernel else lane.stages) for lane in found)


def _shade(piece: Piece) -> QColor:
    """The stage's colour; every other iteration a little darker, and operations in turn, so that one can count them."""
    colour = QColor(STAGE_COLOURS.get(piece.stage, STAGE_COLOURS["other"]))
    if piece.kernel:
        return colour.lighter(112) if hash(piece.name) % 2 else colour.darker(112)
    return colour.darker(114) if piece.iteration is not None and piece.iteration % 2 else colour


def _bold(font: QFont) -> QFont:
    small = small_font(font)
    small.setWeight(QFont.Weight.DemiBold)
    return small
