"""What is on the screen, kept for the next start: the experiment as a document, its pictures as PNG files beside it."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from backends.contract import InvalidRequest
from backends.paths import data_dir
from backends.variants import InvalidVariant, format_variant, parse_variant
from workbench.comparison import Comparison
from workbench.desk.experiment import Cell, Column, Experiment
from workbench.document import Document, Model, Recorded, UnreadableDocument, from_json, to_json
from workbench.files import write_whole
from workbench.model_choices import ModelChoice
from workbench.pictures import Settings, UnreadableSettings, read_picture, write_png
from workbench.results import Result

FOLDER = "screen"
KERNELS_KEPT = 20_000
SCHEMA = 1


@dataclass(frozen=True)
class Kept:
    """What :meth:`workbench.desk.experiment.Experiment.restore` takes."""

    comparison: Comparison
    columns: tuple[Column, ...]
    model: ModelChoice
    cells: tuple[Cell, ...]


class Loader:
    """Reads what was kept in a thread, for that may be many pictures; ``loaded`` is emitted there."""

    loaded = Signal(object)

    def __init__(self) -> None:
        self.done = False
        """Whether who listens has taken what was loaded; set by them."""

    def load(self, where: Path) -> None:
        """Begin; ``loaded`` carries a :class:`Kept`, or None."""
        threading.Thread(
            target=lambda: self.loaded.emit(load(where)), name="load screen", daemon=True
        ).start()


def folder() -> Path:
    """Where it is kept, in the person's data directory."""
    return data_dir() / FOLDER


def save(experiment: Experiment, where: Path) -> None:
    """Replace what was kept before. Writes nothing while nothing was measured. Raises OSError."""
    comparison, model = experiment.comparison, experiment.model
    if comparison is None or model is None or not experiment.has_results:
        return
    where.mkdir(parents=True, exist_ok=True)
    for old in where.glob("*.png"):
        old.unlink()
    runs = []
    for cell in experiment.cells.values():
        for result in cell.results:
            newest = result is cell.result
            image = f"{cell.row}-{cell.column}.png" if newest and cell.picture else None
            if image and cell.picture:
                settings = Settings(result.request, result.variant, model.name)
                write_png(where / image, cell.picture, settings)
            runs.append(Recorded(cell.row, _within_bounds(result), image))
    document = Document(
        Model(model.name, model.synthetic, None), comparison.requests, comparison.baseline, {}, tuple(runs)
    )
    screen = {
        "schema": SCHEMA,
        "model": asdict(model),
        "repeats": comparison.repeats,
        "kernels": comparison.kernels,
        "columns": [[format_variant(item.variant), item.colour] for item in experiment.columns],
        "document": to_json(document),
        "pictures": [run.image for run in runs],
    }
    text = json.dumps(screen, allow_nan=False, ensure_ascii=False)
    write_whole(where / "screen.json", text.encode("utf-8", "replace"))


def load(where: Path) -> Kept | None:
    """Read it back; None where nothing is kept, or where it can no longer be read."""
    try:
        screen = json.loads((where / "screen.json").read_text(encoding="utf-8"))
        return _kept(screen, where) if screen["schema"] == SCHEMA else None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        InvalidVariant,
        InvalidRequest,
        UnreadableDocument,
        UnreadableSettings,
    ):
        return None


def forget(where: Path) -> None:
    """Remove what is kept."""
    shutil.rmtree(where, ignore_errors=True)


def _kept(screen: dict[str, Any], where: Path) -> Kept:
    document = from_json(screen["document"])
    columns = tuple(
        Column(parse_variant(line), int(colour), place + 1)
        for place, (line, colour) in enumerate(screen["columns"])
    )
    comparison = Comparison(
        document.model.name,
        document.requests,
        tuple(column.variant for column in columns),
        document.baseline,
        repeats=int(screen["repeats"]),
        kernels=bool(screen["kernels"]),
        arenas=True,
    ).check()
    cells = [
        _cell(document, row, place, column, where)
        for row in range(len(document.requests))
        for place, column in enumerate(columns)
    ]
    return Kept(comparison, columns, ModelChoice(**screen["model"]), tuple(cells))


def _cell(document: Document, row: int, place: int, column: Column, where: Path) -> Cell:
    results = tuple(
        run.result for run in document.runs if run.request == row and run.result.variant == column.variant
    )
    file = where / f"{row}-{place}.png"
    if not results or not file.exists():
        return Cell(row, place, "empty")
    return Cell(row, place, "done", picture=read_picture(file), results=results)


def _within_bounds(result: Result) -> Result:
    kernels = sum(1 for span in result.spans if span.kind == "kernel")
    if kernels <= KERNELS_KEPT:
        return result
    return replace(result, spans=tuple(span for span in result.spans if span.kind == "stage"))
