"""What is on the screen, kept for the next start: the experiment as a document, its pictures as PNG files beside it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from backends.contract import InvalidRequest
from backends.paths import data_dir
from backends.variants import InvalidVariant, format_variant
from workbench.comparison import Comparison
from workbench.desk.experiment import Cell, Column, Experiment
from workbench.document import (
    Document,
    Model,
    Recorded,
    UnreadableDocument,
    from_json,
    recorded_variants,
    to_json,
)
from workbench.files import write_whole
from workbench.model_choices import ModelChoice
from workbench.pictures import Settings, UnreadableSettings, read_picture, write_png
from workbench.results import Result

FOLDER = "screen"
KERNELS_KEPT = 20_000
SCHEMA = 2
ENDED = ("done", "failed", "cancelled", "empty")


@dataclass(frozen=True)
class Kept:
    """What :meth:`workbench.desk.desk.Desk.restore` takes. ``looking`` is what was looked at, and how closely."""

    comparison: Comparison
    columns: tuple[Column, ...]
    model: ModelChoice
    cells: tuple[Cell, ...]
    looking: Mapping[str, Any] = field(default_factory=dict)


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


def save(experiment: Experiment, where: Path, looking: Mapping[str, Any] | None = None) -> None:
    """Replace what was kept before. Writes nothing where nothing was run. Raises OSError."""
    comparison, model = experiment.comparison, experiment.model
    if comparison is None or model is None:
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
        Model(model.name, model.synthetic, None),
        comparison.requests,
        comparison.baseline,
        {},
        tuple(runs),
        comparison.unet_only,
    )
    screen = {
        "schema": SCHEMA,
        "model": asdict(model),
        "repeats": comparison.repeats,
        "kernels": comparison.kernels,
        "columns": [[format_variant(item.variant), item.colour, item.badge] for item in experiment.columns],
        "cells": [_state(cell) for cell in experiment.cells.values()],
        "looking": dict(looking or {}),
        "document": to_json(document),
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
    document, variant = from_json(screen["document"]), recorded_variants(screen["document"])
    columns = tuple(
        Column(variant(line), int(colour), int(badge)) for line, colour, badge in screen["columns"]
    )
    states = {(state["row"], state["column"]): state for state in screen["cells"]}
    comparison = Comparison(
        document.model.name,
        document.requests,
        tuple(column.variant for column in columns),
        document.baseline,
        repeats=int(screen["repeats"]),
        kernels=bool(screen["kernels"]),
        arenas=True,
        unet_only=document.unet_only,
    ).check()
    cells = [
        _cell(document, states[row, place], column, where)
        for row in range(len(document.requests))
        for place, column in enumerate(columns)
    ]
    return Kept(comparison, columns, ModelChoice(**screen["model"]), tuple(cells), dict(screen["looking"]))


def _state(cell: Cell) -> dict[str, Any]:
    """What the results do not say of a cell. What runs when the window closes was cancelled."""
    phase = cell.phase if cell.phase in ENDED else "cancelled"
    return {
        "row": cell.row,
        "column": cell.column,
        "phase": phase,
        "error": cell.error,
        "detail": cell.detail,
    }


def _cell(document: Document, state: dict[str, Any], column: Column, where: Path) -> Cell:
    row, place = int(state["row"]), int(state["column"])
    results = tuple(
        run.result for run in document.runs if run.request == row and run.result.variant == column.variant
    )
    file = where / f"{row}-{place}.png"
    picture = read_picture(file) if file.exists() else None
    phase = state["phase"] if state["phase"] in ENDED else "empty"
    if phase == "done" and not results:
        phase = "empty"
    return Cell(
        row,
        place,
        phase,
        picture=picture,
        results=results,
        error=str(state["error"]),
        detail=str(state["detail"]),
    )


def _within_bounds(result: Result) -> Result:
    kernels = sum(1 for span in result.spans if span.kind == "kernel")
    if kernels <= KERNELS_KEPT:
        return result
    return replace(result, spans=tuple(span for span in result.spans if span.kind == "stage"))
