"""What there is to find out about two pictures, found out on a thread of its own: figures, and where they differ."""

from __future__ import annotations

import threading
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from backends.contract import Picture
from workbench.charts.difference import DifferentShapes, PairFigures, difference, pair_figures

HEAT_MAP = "inferno"


class PairStudy(QObject):
    """Of the two pictures asked for last; ``changed`` tells, on the thread that asked, that there is more to show."""

    changed = Signal()
    _mapped = Signal(object, object, int)
    _measured = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[Picture, Picture] | None = None
        self._forget()
        self._mapped.connect(self._take_map)
        self._measured.connect(self._take_figures)

    def ask(self, first: Picture | None, second: Picture | None) -> None:
        """Study two pictures; the same two are not studied again, and of one alone there is nothing to say."""
        if first is None or second is None:
            self._pair = None
            self._forget()
        elif self._pair is None or first is not self._pair[0] or second is not self._pair[1]:
            self._pair = (first, second)
            self._forget()
            threading.Thread(
                target=self._study, args=(self._pair,), name="study of a pair", daemon=True
            ).start()

    def _forget(self) -> None:
        self.heat = QImage()
        """Where they differ, in the colours of :data:`HEAT_MAP`; null until it is known."""
        self.largest = 0
        """The largest difference of a channel, which has the brightest colour."""
        self.figures: PairFigures | None = None
        self.problem = ""
        """Why they cannot be compared."""

    def _study(self, pair: tuple[Picture, Picture]) -> None:
        try:
            apart = difference(*pair)
            largest = int(apart.max())
            self._mapped.emit(pair, heat_image(apart, largest), largest)
            self._measured.emit(pair, pair_figures(*pair))
        except DifferentShapes as error:
            self._measured.emit(pair, str(error))

    def _take_map(self, pair: tuple[Picture, Picture], heat: QImage, largest: int) -> None:
        if pair is self._pair:
            self.heat, self.largest = heat, largest
            self.changed.emit()

    def _take_figures(self, pair: tuple[Picture, Picture], found: PairFigures | str) -> None:
        if pair is self._pair:
            if isinstance(found, str):
                self.problem = found
            else:
                self.figures = found
            self.changed.emit()


def heat_image(apart: Any, largest: int) -> QImage:
    """Differences (uint8, height × width) as colours, 0 to ``largest`` over the whole map, whose lightness alone tells."""
    colour_map: Any = pg.colormap.get(HEAT_MAP)
    table: Any = colour_map.getLookupTable(nPts=256, alpha=False)
    scaled = (apart.astype("uint16") * 255 // max(1, largest)).astype("uint8")
    colours = table.astype("uint8")[scaled]
    height, width = apart.shape
    return QImage(colours.tobytes(), width, height, width * 3, QImage.Format.Format_RGB888).copy()
