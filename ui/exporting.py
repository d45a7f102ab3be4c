"""Export from the window: a menu of kinds, written in the background; what came of it is said."""

from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu

from ui.fields import PNG
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell, Experiment, snapshot
from workbench.exports.kinds import EXPORTS, Export, png_of, save_picture


class Exporter(QObject):
    """Writes what is on the desk to files; ``done`` carries the path or what went wrong."""

    _finished = Signal(str, str)
    _encoded = Signal(bytes, QImage)

    def __init__(self, desk: Desk, window: Any):
        super().__init__(window)
        self._desk = desk
        self._window = window
        self._finished.connect(desk.said.emit)
        self._encoded.connect(self._copy)

    def fill(self, menu: QMenu) -> None:
        """The kinds as entries of a menu."""
        menu.setToolTipsVisible(True)
        for kind in EXPORTS:
            action = menu.addAction(f"{kind.title}…", partial(self._ask, kind))
            action.setToolTip(kind.explanation)
            action.setObjectName(f"export_{kind.name}")
        menu.setEnabled(True)

    def export_to(self, kind: Export, path: Path) -> None:
        """Write one kind, in the background."""
        if not self._desk.experiment.has_results:
            self._desk.said.emit("There is nothing to export yet; run something first", "notice")
            return
        self._desk.said.emit(f"Writing {path.name}…", "notice")
        self._start(partial(kind.write, snapshot(self._desk.experiment), path), path)

    def save_cell(self, cell: Cell) -> None:
        """Ask where to, and write one picture with its settings."""
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Save picture", picture_name(self._desk.experiment, cell), "PNG picture (*.png)"
        )
        if chosen:
            self.save_cell_to(cell, Path(chosen).with_suffix(".png"))

    def save_cell_to(self, cell: Cell, path: Path) -> None:
        """Write one picture with its settings, in the background."""
        if cell.picture is not None:
            self._start(partial(save_picture, snapshot(self._desk.experiment), cell, path), path)

    def copy_cell(self, cell: Cell) -> None:
        """Put a picture on the clipboard, and its settings with it for whoever takes it as a PNG, as this window does."""
        if cell.picture is not None:
            now = snapshot(self._desk.experiment)
            threading.Thread(target=self._encode, args=(now, cell), name="copy", daemon=True).start()

    def _encode(self, experiment: Experiment, cell: Cell) -> None:
        png = png_of(experiment, cell)
        self._encoded.emit(png, QImage.fromData(png))

    def _copy(self, png: bytes, image: QImage) -> None:
        data = QMimeData()
        data.setImageData(image)
        data.setData(PNG, png)
        QGuiApplication.clipboard().setMimeData(data)
        self._desk.said.emit("The picture is on the clipboard", "notice")

    def _ask(self, kind: Export) -> None:
        if not self._desk.experiment.has_results:
            self._desk.said.emit("There is nothing to export yet; run something first", "notice")
            return
        name = f"comparison.{kind.ending}"
        chosen, _ = QFileDialog.getSaveFileName(self._window, kind.title, name, f"*.{kind.ending}")
        if chosen:
            path = Path(chosen)
            self.export_to(kind, path if path.suffix else path.with_suffix(f".{kind.ending}"))

    def _start(self, write: Any, path: Path) -> None:
        threading.Thread(target=self._write, args=(write, path), name="export", daemon=True).start()

    def _write(self, write: Any, path: Path) -> None:
        try:
            write()
        except Exception as error:  # the thread's border: whatever it is, the person must hear of it
            self._finished.emit(f"Not written: {error}", "error")
        else:
            self._finished.emit(f"Written to {path}", "notice")


def picture_name(experiment: Experiment, cell: Cell) -> str:
    """A name that says what is on the picture, ``a-green-creature-42-openvino-int8.png``."""
    request, variant = experiment.requests[cell.row], experiment.columns[cell.column].variant
    words = "-".join(re.findall(r"\w+", request.prompt.lower())[:8])
    return f"{words[:60] or 'picture'}-{request.seed}-{variant.backend}-{variant.precision}.png"
