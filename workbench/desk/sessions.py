"""The comparisons that were kept: listed, opened again, compared with what is on the desk, named, deleted.

The store is :mod:`workbench.history`. Everything is done in one thread of its own, in order; the signals are emitted there.
What only that thread needs is imported there: the store with its database, and what a record is made of.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from backends.contract import BackendError, Picture, Variant
from workbench.comparison import Comparison
from workbench.desk.experiment import Cell, Column, Experiment, snapshot
from workbench.desk.screen import Kept
from workbench.document import Document
from workbench.model_choices import ModelChoice

if TYPE_CHECKING:
    from workbench.history import Entry, History

SHOWN = 500


class Sessions:
    """``entries`` are the newest records first."""

    changed = Signal(object)
    """The entries."""
    opened = Signal(object)
    """A record as :class:`workbench.desk.screen.Kept`, for the experiment to take."""
    compared = Signal(int, object)
    """The number of a record, and its :class:`workbench.changes.Changes` to what is on the desk."""
    failed = Signal(str)

    def __init__(self, history: Callable[[], History] | None = None):
        """``history`` opens the store; without it, the person's own."""
        self._history = history or _persons_history
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self.entries: tuple[Entry, ...] = ()

    def refresh(self) -> None:
        """List the records anew."""
        self._do(self._list)

    def keep(self, experiment: Experiment) -> None:
        """Keep what is on the desk as a record of its own; nothing where nothing was measured."""
        if experiment.has_results:
            self._do(partial(self._keep, snapshot(experiment)))

    def open(self, number: int) -> None:
        """Read a record for the desk."""
        self._do(lambda: self.opened.emit(self._read(number)))

    def compare(self, number: int, experiment: Experiment) -> None:
        """Compare a record, as before, with what is on the desk, as after."""
        self._do(partial(self._compare, number, snapshot(experiment)))

    def tag(self, number: int, text: str) -> None:
        """Name a record; an empty text takes the name away."""
        self._do(lambda: self._history().tag(number, text))
        self.refresh()

    def delete(self, numbers: Sequence[int]) -> None:
        """Remove records with their pictures."""
        self._do(lambda: self._history().delete(numbers))
        self.refresh()

    def close(self) -> None:
        """Finish what was begun."""
        self._worker.shutdown(wait=True)

    def _do(self, work: Callable[[], object]) -> None:
        self._worker.submit(self._guarded, work)

    def _guarded(self, work: Callable[[], object]) -> None:
        from workbench.history import HistoryError

        try:
            work()
        except (HistoryError, BackendError, OSError, ValueError) as error:
            self.failed.emit(str(error))

    def _list(self) -> None:
        self.entries = tuple(self._history().entries(limit=SHOWN))
        self.changed.emit(self.entries)

    def _keep(self, experiment: Experiment) -> None:
        from workbench.exports.kinds import document_of, pictures_of

        self._history().add(document_of(experiment), pictures_of(experiment))
        self._list()

    def _compare(self, number: int, experiment: Experiment) -> None:
        from workbench.changes import compare_documents
        from workbench.exports.kinds import document_of

        found = compare_documents(self._history().document(number), document_of(experiment))
        self.compared.emit(number, found)

    def _read(self, number: int) -> Kept:
        history = self._history()
        return kept_of(history.document(number), history.pictures(number))


def _persons_history() -> History:
    from workbench.history import History

    return History()


def kept_of(document: Document, pictures: dict[tuple[int, Variant], bytes]) -> Kept:
    """A document and its PNG files as what an experiment restores."""
    variants = tuple(dict.fromkeys(run.result.variant for run in document.runs))
    columns = tuple(Column(variant, place % 12, place + 1) for place, variant in enumerate(variants))
    comparison = Comparison(
        document.model.name,
        document.requests,
        variants,
        document.baseline if document.baseline in variants else variants[0],
        unet_only=document.unet_only,
    )
    model = ModelChoice(document.model.name, document.model.name, document.model.synthetic)
    cells = [
        _cell(document, row, place, variant, pictures.get((row, variant)))
        for row in range(len(document.requests))
        for place, variant in enumerate(variants)
    ]
    return Kept(comparison, columns, model, tuple(cells))


def _cell(document: Document, row: int, place: int, variant: Variant, png: bytes | None) -> Cell:
    runs = [run.result for run in document.runs if run.request == row and run.result.variant == variant]
    good = tuple(result for result in runs if result.status == "ok")
    if not good:
        failed = next((result for result in runs if result.status == "error"), None)
        if failed is None:
            return Cell(row, place, "cancelled" if runs else "empty")
        return Cell(row, place, "failed", error=failed.error or "", detail=failed.log_tail)
    return Cell(row, place, "done", picture=_picture(png) if png else None, results=good)


def _picture(png: bytes) -> Picture:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        rgb = image.convert("RGB")
        return Picture(rgb.width, rgb.height, rgb.tobytes())
