"""Pictures given to the window: their settings are read on a thread, for a PNG has to be unpacked for them."""

from __future__ import annotations

import tempfile
import threading
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal

from ui.fields import PNG, file_in
from workbench.desk.desk import Desk
from workbench.pictures import UnreadableSettings, read_settings

PASTED = "the pasted picture"


class Importer(QObject):
    """Hands the settings of what was dropped or pasted to the desk, or says why there are none."""

    _read = Signal(str, object)
    _refused = Signal(str)

    def __init__(self, desk: Desk, parent: QObject):
        super().__init__(parent)
        self._desk = desk
        self._read.connect(desk.take_settings)
        self._refused.connect(lambda reason: desk.said.emit(reason, "error"))

    def take(self, data: QMimeData) -> None:
        """A file, or the PNG itself with its text chunks."""
        path = file_in(data)
        if path is not None:
            self._start(partial(self._read_file, Path(path)))
        elif data.hasFormat(PNG):
            self._start(partial(self._read_bytes, bytes(data.data(PNG).data())))
        else:
            self._desk.said.emit("There is no picture on the clipboard", "notice")

    def _start(self, work: partial[None]) -> None:
        threading.Thread(target=work, name="read settings", daemon=True).start()

    def _read_bytes(self, png: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="workbench-paste-") as folder:
            file = Path(folder) / PASTED
            file.write_bytes(png)
            self._read_file(file)

    def _read_file(self, path: Path) -> None:
        try:
            self._read.emit(path.name, read_settings(path))
        except UnreadableSettings as error:
            self._refused.emit(str(error))
