"""Where the time went: every stage of a run as a block on one bar, as long as it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from backends.contract import Span
from ui.fields import text_label
from ui.theme import STAGE_COLOURS, STAGE_TEXT, Colours, Theme
from workbench.generation import Generation, Outcome
from workbench.timeline import STAGE_TITLES, Block, StageTotal, blocks, format_ms, stage_totals

BAR_HEIGHT = 1.0
LEGEND_COLUMNS = 3
LEGEND_WIDTH = 230
NARROWEST_ENTRY = 195


class StageBar(QWidget):
    """Mirrors the spans of what ``generation`` shows; grows with the run in progress.

    Hovering, or the arrow keys, tell of one block; the legend has each stage's total and share.
    """

    def __init__(self, generation: Generation, theme: Theme):
        super().__init__()
        self.setObjectName("stageBar")
        self._generation = generation
        self._theme = theme
        self._blocks: tuple[Block, ...] = ()
        self._chosen: int | None = None
        self._labels: dict[str, pg.TextItem] = {}
        self._label_font = QFont(self.font())
        self._label_font.setWeight(QFont.Weight.DemiBold)
        self._width_ms = 1.0
        self._legend_columns = 0
        self._build()
        self._show_colours(theme.colours)
        theme.changed.connect(self._show_colours)
        generation.spans_changed.connect(self._show_spans)
        generation.shown_changed.connect(self._show_outcome)
        self._show_outcome(generation.shown)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is drawn."""
        return self._blocks

    def _build(self) -> None:
        self.readout = text_label("", "muted")
        self.readout.setObjectName("stageReadout")
        self.readout.setTextFormat(Qt.TextFormat.PlainText)
        head = QHBoxLayout()
        head.addWidget(text_label("Where the time goes", "section"))
        head.addStretch(1)
        head.addWidget(self.readout)
        self.plot = StagePlot()
        self.plot.stepped.connect(self._step)
        item: Any = self.plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.hideAxis("left")
        item.setMouseEnabled(x=False, y=False)
        item.setContentsMargins(0, 0, 0, 0)
        item.layout.setContentsMargins(0, 0, 0, 0)
        item.vb.setDefaultPadding(0)
        item.setYRange(0, BAR_HEIGHT, padding=0)
        self._item: Any = item
        self._bars = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self._highlight = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        item.addItem(self._bars)
        item.addItem(self._highlight)
        for stage in STAGE_COLOURS:
            label = pg.TextItem("", color=STAGE_TEXT, anchor=(0.5, 0.5))
            label.setFont(self._label_font)
            label.hide()
            item.addItem(label, ignoreBounds=True)
            self._labels[stage] = label
        item.scene().sigMouseMoved.connect(self._hovered)
        legend = QWidget()
        legend.setObjectName("stageLegend")
        self._legend = {stage: LegendEntry(stage) for stage in STAGE_COLOURS}
        grid = QGridLayout(legend)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(3)
        self._legend_grid = grid
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.plot)
        layout.addWidget(legend)

    def _show_outcome(self, outcome: Outcome | None) -> None:
        if outcome is None:
            self._show_spans(self._generation.spans)
            return
        result = outcome.result
        self._draw(blocks(result.spans, result.start_ns), result.total_ms, result.total_ms)

    def _show_spans(self, spans: Sequence[Span]) -> None:
        if self._generation.shown is not None:
            return
        parts = blocks(spans)
        so_far = parts[-1].end_ms if parts else 0.0
        left = self._generation.progress.seconds_left or 0.0
        self._draw(parts, so_far, so_far + left * 1000)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_legend(LEGEND_COLUMNS if self.width() >= LEGEND_COLUMNS * NARROWEST_ENTRY else 2)
        self._paint()

    def _arrange_legend(self, columns: int) -> None:
        if columns == self._legend_columns:
            return
        self._legend_columns = columns
        for index, entry in enumerate(self._legend.values()):
            self._legend_grid.addWidget(entry, index // columns, index % columns)
        for column in range(LEGEND_COLUMNS + 1):
            stretch = LEGEND_WIDTH if column < columns else int(column == columns)
            self._legend_grid.setColumnStretch(column, stretch)

    def _draw(self, parts: tuple[Block, ...], whole_ms: float, width_ms: float) -> None:
        self._blocks, self._chosen, self._width_ms = parts, None, width_ms or 1.0
        self._item.setXRange(0, self._width_ms, padding=0)
        self._item.getAxis("bottom").setStyle(showValues=bool(parts))
        self._highlight.hide()
        self._paint()
        totals = {total.stage: total for total in stage_totals(parts, whole_ms)}
        for stage, entry in self._legend.items():
            entry.show_total(totals.get(stage))
        self._tell(None)

    def _paint(self) -> None:
        """Draw the blocks that are at least a pixel wide; the legend and the arrow keys know the others too."""
        shortest = self._width_ms / max(1, self.plot.width())
        wide = [part for part in self._blocks if part.milliseconds >= shortest]
        self._bars.setVisible(bool(wide))
        if wide:
            shades = [_shade(part) for part in wide]
            self._bars.setOpts(
                **_bars(wide), brushes=shades, pens=[pg.mkPen(shade, width=0) for shade in shades]
            )
        self._label()

    def _label(self) -> None:
        """Name the stages on the bar, where the name fits; the scheduler's calls are slivers between the UNet's."""
        pixels_per_ms = self.plot.width() / self._width_ms
        for stage, label in self._labels.items():
            own = [part for part in self._blocks if part.stage == stage]
            text = STAGE_TITLES[stage] + (f" × {len(own)}" if len(own) > 1 else "")
            room = (own[-1].end_ms - own[0].start_ms) * pixels_per_ms if own and stage != "scheduler" else 0.0
            fits = room >= QFontMetrics(self._label_font).horizontalAdvance(text) + 16
            label.setVisible(fits)
            if fits:
                label.setText(text)
                label.setPos((own[0].start_ms + own[-1].end_ms) / 2, BAR_HEIGHT / 2)

    def _hovered(self, position: QPointF) -> None:
        inside = self._item.vb.sceneBoundingRect().contains(position)
        time_ms = self._item.vb.mapSceneToView(position).x()
        self._choose(_block_at(self._blocks, time_ms) if inside else None)

    def _step(self, step: int) -> None:
        if self._blocks:
            start = -1 if self._chosen is None else self._chosen
            self._choose(min(max(start + step, 0), len(self._blocks) - 1))

    def _choose(self, index: int | None) -> None:
        if index == self._chosen:
            return
        self._chosen = index
        chosen = None if index is None else self._blocks[index]
        self._highlight.setVisible(chosen is not None)
        if chosen is not None:
            pen = pg.mkPen(self._theme.colours.text, width=2)
            self._highlight.setOpts(**_bars([chosen]), brush=pg.mkBrush(255, 255, 255, 70), pen=pen)
        self._tell(chosen)

    def _tell(self, part: Block | None) -> None:
        if part is None:
            self.readout.setText(
                "point at a block to read it" if self._blocks else "each stage of a run appears here"
            )
            return
        count = sum(1 for other in self._blocks if other.stage == part.stage)
        which = f" {part.iteration + 1} of {count}" if part.iteration is not None and count > 1 else ""
        name = STAGE_TITLES.get(part.stage, part.stage)
        text = f"{name}{which}: {format_ms(part.milliseconds)}, from {format_ms(part.start_ms)}"
        self.readout.setText(text)
        self.plot.setAccessibleDescription(text)

    def _show_colours(self, colours: Colours) -> None:
        self.plot.setBackground(colours.surface)
        self._item.vb.setBackgroundColor(colours.track)
        axis = self._item.getAxis("bottom")
        axis.setPen(pg.mkPen(colours.border_strong))
        axis.setTextPen(pg.mkPen(colours.muted))
        axis.setStyle(tickLength=4, tickTextOffset=4)
        axis.setTickFont(_small(self.font()))
        axis.setHeight(24)
        axis.setLabel(None)
        axis.enableAutoSIPrefix(False)
        axis.tickStrings = lambda values, scale, spacing: [
            format_ms(value) if value else "0" for value in values
        ]


def _bars(parts: Sequence[Block]) -> dict[str, list[float]]:
    return {
        "x0": [part.start_ms for part in parts],
        "x1": [part.end_ms for part in parts],
        "y0": [0.0] * len(parts),
        "y1": [BAR_HEIGHT] * len(parts),
    }


def _shade(part: Block) -> QColor:
    """The stage's colour; every other iteration a little darker, so that one can count them."""
    colour = QColor(STAGE_COLOURS.get(part.stage, STAGE_COLOURS["other"]))
    return colour.darker(116) if part.iteration is not None and part.iteration % 2 else colour


def _block_at(parts: Sequence[Block], time_ms: float) -> int | None:
    hits = [index for index, part in enumerate(parts) if part.start_ms <= time_ms <= part.end_ms]
    return hits[-1] if hits else None


class StagePlot(pg.PlotWidget):
    """A plot that the arrow keys step through."""

    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("stagePlot")
        self.setAccessibleName("Stages of the run as a bar")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(68)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(ev.key()))
        if step is None:
            ev.ignore()
        else:
            self.stepped.emit(step)


class LegendEntry(QWidget):
    """A stage's colour, name, total and share; a dash before it has run."""

    def __init__(self, stage: str):
        super().__init__()
        self._stage = stage
        self.setMaximumWidth(LEGEND_WIDTH)
        self.setObjectName(f"{stage}Legend")
        swatch = QLabel()
        pixmap = QPixmap(10, 10)
        pixmap.fill(QColor(STAGE_COLOURS[stage]))
        swatch.setPixmap(pixmap)
        self._time = text_label("", "value")
        self._share = text_label("", "faint")
        self._share.setMinimumWidth(46)
        for label in (self._time, self._share):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(swatch)
        line.addWidget(text_label(STAGE_TITLES[stage], "muted"))
        line.addStretch(1)
        line.addWidget(self._time)
        line.addWidget(self._share)

    def show_total(self, total: StageTotal | None) -> None:
        """Show what the stage took."""
        share = "" if total is None else "<0.1 %" if 0 < total.share < 0.001 else f"{total.share * 100:.1f} %"
        self._time.setText(format_ms(total.total_ms) if total else "–")
        self._share.setText(share)
        self.setAccessibleName(f"{STAGE_TITLES[self._stage]}: {self._time.text()}, {share}")
        if self._stage == "other":
            self.setToolTip("What no stage accounts for: drawing the noise, previews, moving data")
        elif total is not None and total.count > 1:
            self.setToolTip(f"{total.count} calls, median {format_ms(total.median_ms)} each")


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPixelSize(11)
    return small
