"""How every plot looks: the theme's colours, small figures, no buttons, no menu of the library's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent

from ui.canvas import ARROWS
from ui.labelling import Anchor, Size, anchors
from ui.theme import Colours, Theme
from workbench.timeline import format_bytes, format_ms

WIDEST_ROW_NAME = 262
ROW_NAME_MARGIN = 14
MARKERS = ("o", "s", "t", "d", "+", "star", "p", "h", "x", "t1", "t2", "t3")
"""A shape for every colour, so that no meaning hangs on colour alone."""


MOST_FOR_TEXT = 0.8
"""The share of a plot's width that a text beyond a bar may take of it."""
LABEL_MARGIN = 8.0
"""What a text on a plot has around it, in pixels, both sides together."""

Label = tuple[float, float, str, tuple[float, float], str]
"""A text on a plot: where, what, which point of it lies there, and its colour."""


class Plot(pg.PlotWidget):
    """A plot that follows the theme and takes the keyboard.

    ``stepped`` carries left and right as -1 and 1, ``stepped_finely`` the same with Shift, ``crossed`` up and down.
    """

    stepped = Signal(int)
    stepped_finely = Signal(int)
    crossed = Signal(int)
    chosen = Signal()

    def __init__(self, theme: Theme, object_name: str, accessible_name: str):
        super().__init__()
        self.setObjectName(object_name)
        self.setAccessibleName(accessible_name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.item: Any = self.getPlotItem()
        self.item.hideButtons()
        self.item.setMenuEnabled(False)
        self.item.vb.setMenuEnabled(False)
        self._theme = theme
        self._row_names: list[str] = []
        self.paint(theme.colours)
        theme.changed.connect(self.paint)

    def paint(self, colours: Colours) -> None:
        """The theme's colours on ground, axes and figures."""
        self.setBackground(colours.surface)
        for name in ("left", "bottom", "top", "right"):
            axis = self.item.getAxis(name)
            axis.setPen(pg.mkPen(colours.border_strong))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(small_font(self.font()))
            axis.setStyle(tickLength=4, tickTextOffset=5)
            axis.enableAutoSIPrefix(False)

    def title_axis(self, name: str, text: str) -> None:
        """The words beside an axis."""
        colour = self._theme.colours.muted
        self.item.setLabel(name, text, **{"color": colour, "font-size": "11px"})
        # pyqtgraph lets the lower title stand out by five pixels
        self.item.layout.setContentsMargins(1, 1, 1, 6)

    def name_rows(self, names: Sequence[str]) -> None:
        """Write a name beside each row, in an axis as wide as the widest."""
        if names == self._row_names:  # an axis lays the whole plot out anew, at every chart of a run
            return
        self._row_names = list(names)
        metrics = QFontMetricsF(small_font(self.font()))
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0.0)
        axis = self.item.getAxis("left")
        axis.setWidth(round(min(widest + ROW_NAME_MARGIN, WIDEST_ROW_NAME)))
        axis.setTicks([list(enumerate(names))])

    def end_with_room(self, values: Sequence[float], texts: Sequence[str], font: QFont) -> float:
        """Where the lower axis has to end, from 0, for each text to be read whole beyond its value."""
        metrics, width = QFontMetricsF(font), max(1.0, self.item.vb.width())
        return max(
            (
                value / (1 - min((metrics.horizontalAdvance(text) + LABEL_MARGIN) / width, MOST_FOR_TEXT))
                for value, text in zip(values, texts, strict=True)
            ),
            default=1.0,
        )

    def tick_with(self, name: str, write: Any) -> None:
        """Write an axis's values with ``write``."""
        self.item.getAxis(name).tickStrings = lambda values, scale, spacing: [
            write(value) for value in values
        ]

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        columns, rows = ARROWS.get(Qt.Key(ev.key()), (0, 0))
        if columns:
            fine = ev.modifiers() & Qt.KeyboardModifier.ShiftModifier
            (self.stepped_finely if fine else self.stepped).emit(columns)
        elif rows:
            self.crossed.emit(rows)
        elif ev.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            ev.ignore()


class Labels:
    """Texts on a plot. They are kept and moved: to make one anew takes a hundred times as long."""

    def __init__(self, plot: Plot, font: QFont):
        self._item, self._font = plot.item, font
        self._labels: list[Any] = []

    def show(self, texts: Sequence[Label]) -> None:
        """Have these texts on the plot, and no others."""
        while len(self._labels) < len(texts):
            label = pg.TextItem("")
            label.setFont(self._font)
            self._item.addItem(label, ignoreBounds=True)
            self._labels.append(label)
        for label, (x, y, text, anchor, colour) in zip(self._labels, texts, strict=False):
            label.setAnchor(anchor)
            label.setText(text, color=colour)
            label.setPos(x, y)
            label.show()
        for label in self._labels[len(texts) :]:
            label.hide()

    def show_apart(
        self,
        points: Sequence[tuple[float, float, str]],
        colour: str,
        lay: Callable[[list[tuple[float, float]], list[Size], Size], list[Anchor]] = anchors,
    ) -> None:
        """Have a text at each point, and none on another; after the scale is set, for they are laid out in pixels.

        ``lay`` is one of :mod:`ui.labelling`.
        """
        room, metrics = self._item.vb, QFontMetricsF(self._font)
        places = [room.mapFromView(QPointF(x, y)) for x, y, _ in points]
        sizes = [
            (metrics.horizontalAdvance(text) + LABEL_MARGIN, metrics.height() + LABEL_MARGIN)
            for *_, text in points
        ]
        where = lay([(at.x(), at.y()) for at in places], sizes, (room.width(), room.height()))
        self.show([(x, y, text, anchor, colour) for (x, y, text), anchor in zip(points, where, strict=True)])


def small_font(font: QFont, pixels: int = 11) -> QFont:
    """The window's font, smaller."""
    small = QFont(font)
    small.setPixelSize(pixels)
    return small


def time_tick(value: float) -> str:
    """A time on an axis, in milliseconds."""
    return "0" if abs(value) < 1e-9 else ("−" + format_ms(-value) if value < 0 else format_ms(value))


def bytes_tick(value: float) -> str:
    """A size on an axis, in bytes."""
    return "0" if value <= 0 else format_bytes(int(value))


def brush(colour: str, alpha: int = 255) -> Any:
    """A brush of a colour, more or less opaque."""
    shade = QColor(colour)
    shade.setAlpha(alpha)
    return pg.mkBrush(shade)


def show_bars(item: Any, boxes: dict[str, list[float]], brushes: Sequence[Any], pens: Sequence[Any]) -> None:
    """Have the boxes of :func:`bars` on a BarGraphItem, which breaks down where there are none."""
    item.setVisible(bool(boxes["x0"]))
    if boxes["x0"]:
        item.setOpts(**boxes, brushes=brushes, pens=pens)


def bars(
    starts: Sequence[float], ends: Sequence[float], bottoms: Sequence[float], tops: Sequence[float]
) -> dict[str, list[float]]:
    """What a BarGraphItem takes for boxes."""
    return {"x0": list(starts), "x1": list(ends), "y0": list(bottoms), "y1": list(tops)}
