"""What can be exported, by kind: each a title, the ending of its file, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backends.contract import Variant
from backends.models import resolve, weights_sha256
from workbench.charts.table import table, to_csv, to_markdown
from workbench.desk.experiment import Cell, Experiment
from workbench.document import Document, write_document
from workbench.events import Finished
from workbench.exports.contact_sheet import contact_sheet
from workbench.exports.marking import marked
from workbench.files import write_whole
from workbench.pictures import Settings, png_bytes
from workbench.recording import record


@dataclass(frozen=True)
class Export:
    """``write`` takes a snapshot of an experiment; it may take seconds: not for a window's thread. Raises OSError."""

    name: str
    title: str
    explanation: str
    ending: str
    write: Callable[[Experiment, Path], None]


def write_json(experiment: Experiment, path: Path) -> None:
    """The comparison as JSON, schema 1. May hash the model's weights."""
    write_document(path, document_of(experiment))


def document_of(experiment: Experiment) -> Document:
    """The experiment as a document of schema 1, with every run that is kept."""
    comparison = experiment.comparison
    assert comparison is not None
    finished = [
        Finished(result.variant, cell.row, repeat, result, None)
        for cell in experiment.cells.values()
        for repeat, result in enumerate(cell.results)
    ]
    return record(comparison, resolve(comparison.model), finished)


def save_picture(experiment: Experiment, cell: Cell, path: Path) -> None:
    """One picture as a PNG that carries its settings. May hash the model's weights."""
    assert experiment.model is not None
    weights = weights_sha256(resolve(experiment.model.name))
    write_whole(path, png_of(experiment, cell, weights))


def png_of(experiment: Experiment, cell: Cell, weights: str | None = None) -> bytes:
    """One picture as it leaves the window: a PNG with its settings, marked where its weights are synthetic.

    Encoding takes a tenth of a second at 512 × 512: not for a window's thread.
    """
    assert cell.picture is not None
    model = experiment.model.name if experiment.model else None
    settings = Settings(
        experiment.requests[cell.row], experiment.columns[cell.column].variant, model, weights
    )
    return png_bytes(marked(cell.picture) if experiment.synthetic else cell.picture, settings)


def _write_sheet(experiment: Experiment, path: Path) -> None:
    write_whole(path, contact_sheet(experiment))


def _write_csv(experiment: Experiment, path: Path) -> None:
    write_whole(path, to_csv(table(experiment)).encode())


def _write_markdown(experiment: Experiment, path: Path) -> None:
    write_whole(path, to_markdown(table(experiment)).encode())


def pictures_of(experiment: Experiment) -> dict[tuple[int, Variant], bytes]:
    """The pictures as PNG files with their settings, by request and variant; unmarked, for whoever shows the mark."""
    model = experiment.model.name if experiment.model else None
    return {
        (cell.row, experiment.columns[cell.column].variant): png_bytes(
            cell.picture,
            Settings(experiment.requests[cell.row], experiment.columns[cell.column].variant, model),
        )
        for cell in experiment.cells.values()
        if cell.picture is not None
    }


def _write_report(experiment: Experiment, path: Path) -> None:
    from workbench.report.page import write_report

    pictures = {
        (cell.row, experiment.columns[cell.column].variant): png_of(experiment, cell)
        for cell in experiment.cells.values()
        if cell.picture is not None
    }
    write_report(path, document_of(experiment), pictures)


def _write_trace(experiment: Experiment, path: Path) -> None:
    from workbench.trace import write_trace

    write_trace(path, document_of(experiment))


EXPORTS: tuple[Export, ...] = (
    Export(
        "report",
        "Report",
        "One HTML file: pictures, figures, and charts that answer the mouse",
        "html",
        _write_report,
    ),
    Export("png", "Picture grid", "Every picture with its figures, on one sheet", "png", _write_sheet),
    Export("json", "Results as JSON", "Every run with its spans and samples, schema 1", "json", write_json),
    Export("trace", "Trace", "For ui.perfetto.dev and chrome://tracing", "trace.json", _write_trace),
    Export("csv", "Table as CSV", "The figures of every variant, for a spreadsheet", "csv", _write_csv),
    Export(
        "markdown", "Table as Markdown", "The figures of every variant, for a document", "md", _write_markdown
    ),
)
