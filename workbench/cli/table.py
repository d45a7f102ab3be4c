"""Results as tables on a terminal: never a number without its unit, and under it what it was measured on."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from backends.contract import Request
from backends.variants import format_variant
from workbench.cli.progress import format_seconds
from workbench.document import Document
from workbench.environment import MEBIBYTE
from workbench.ladder_table import ClimbedLadder, climbed
from workbench.rounds import SYNTHETIC_NOTICE
from workbench.summary import Summary
from workbench.tables import ladder_table
from workbench.versions import PACKAGES

WIDTH_WHERE_NO_TERMINAL = 200
NONE = "–"
INTERQUARTILE = "± is half the interquartile range"
RANGE = "± is half the range between the quartiles, or between the extremes of fewer than four values"

Cell = Callable[[Summary], str]
Column = tuple[str, list[str]]


def print_comparison(document: Document) -> None:
    """The table of ``./run compare`` on stdout; on a narrow terminal its columns come in several tables, none cut."""
    console, summaries = _console(), document.summaries()
    columns = [(heading, [cell(summary) for summary in summaries]) for heading, cell in _columns(document)]
    tables = []
    for part in _parts(columns, console.width):
        table = Table()
        for heading, _ in part:
            table.add_column(heading, justify="left" if heading == "variant" else "right", no_wrap=True)
        for row, summary in enumerate(summaries):
            table.add_row(*(cells[row] for _, cells in part), style=None if summary.status == "ok" else "red")
        tables.append(table)
    _print(document, console, *tables)


def print_ladder(document: Document, found: ClimbedLadder) -> None:
    """The table of ``./run ladder`` on stdout, with its source."""
    console, ladder = _console(), found.ladder
    rows = ladder_table(document, found)
    table = Table()
    for place, heading in enumerate(rows.headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=not place)
    for place, row in enumerate(rows.rows):
        table.add_row(*row, style="red" if place in rows.marked else None)
    _print(document, console, table, spread=RANGE)
    console.print(
        f"published: {ladder.source_title}, {ladder.source}: {ladder.conditions}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def print_document(document: Document) -> None:
    """The table that the command printed which made this document."""
    found = climbed(document)
    if found is not None:
        print_ladder(document, found)
    elif len(document.summaries()) == 1 and not document.unet_only:
        print_run(document)
    else:
        print_comparison(document)


def _parts(columns: list[Column], width: int) -> list[list[Column]]:
    """The columns in parts that fit a width, each after the first column, the variant's name."""
    name, *others = columns
    parts = [[name]]
    for column in others:
        if len(parts[-1]) > 1 and sum(map(_width, [*parts[-1], column])) + 1 > width:
            parts.append([name])
        parts[-1].append(column)
    return parts


def _width(column: Column) -> int:
    heading, cells = column
    return max(cell_len(text) for text in (heading, *cells)) + 3


def print_run(document: Document) -> None:
    """The stages of ``./run generate`` on stdout."""
    summary = document.summaries()[0]
    table = Table()
    for heading in ("stage", "calls", "median ms", "min ms", "max ms", "total ms"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for name, stage in summary.stages.items():
        figures = (stage.median_ms, stage.min_ms, stage.max_ms, stage.total_ms)
        table.add_row(name, str(stage.count), *(f"{figure:.1f}" for figure in figures))
    console = _console()
    _print(document, console, table)
    memory, quality = summary.memory, summary.quality
    console.print(
        f"load {_load(summary)}, total {_total(summary)}; peak memory {_mebibytes(memory.peak_rss_bytes)} MiB, weights "
        f"{_mebibytes(memory.weights_bytes)} MiB, tensors {_mebibytes(memory.tensors_bytes)} MiB"
        + (
            f"; prompt fidelity {quality.prompt_fidelity:.2f}"
            if quality and quality.prompt_fidelity is not None
            else ""
        ),
        highlight=False,
        markup=False,
    )


def _print(document: Document, console: Console, *tables: Table, spread: str = INTERQUARTILE) -> None:
    console.print(_title(document), highlight=False, markup=False, soft_wrap=True)
    for table in tables:
        console.print(table, highlight=False, markup=False)
    console.print(_caption(document, spread), highlight=False, markup=False, soft_wrap=True)


def _columns(document: Document) -> list[tuple[str, Cell]]:
    columns: list[tuple[str, Cell]] = [("variant", lambda item: _name(document, item))]
    if not document.unet_only:
        columns.append(("picture", lambda item: f"{_request(item).width}×{_request(item).height}"))
    columns.append(("load", _load))
    if not document.unet_only:
        columns.append(("text enc. ms", lambda item: _stage_total(item, "text_encoder")))
    columns.append(("UNet ms ± spread", _unet))
    if not document.unet_only:
        columns.append(("VAE ms", lambda item: _stage_total(item, "vae_decoder")))
    columns += [
        ("total", _total),
        ("speed-up", lambda item: NONE if item.speedup is None else f"{item.speedup:.2f}×"),
        ("peak MiB", lambda item: _mebibytes(item.memory.peak_rss_bytes)),
        ("weights MiB", lambda item: _mebibytes(item.memory.weights_bytes)),
        ("tensors MiB", lambda item: _mebibytes(item.memory.tensors_bytes)),
    ]
    if not document.unet_only and not document.model.synthetic:
        columns += [
            ("PSNR dB", lambda item: _psnr(document, item)),
            ("SSIM", lambda item: _figure(item.quality.ssim if item.quality else None, 4)),
            ("fidelity", lambda item: _figure(item.quality.prompt_fidelity if item.quality else None, 2)),
        ]
    return columns


def _title(document: Document) -> str:
    request = document.requests[0]
    size = f"{request.width}×{request.height}"
    if document.unet_only:
        return f"{document.model.name}, {request.steps} UNet iterations, batch 2, {size}, seed {request.seed}"
    return (
        f"{document.model.name}, “{_short(request.prompt)}”, {request.steps} steps, {size}, "
        f"guidance {request.guidance_scale:g}, {request.scheduler}, seed {request.seed}"
    )


def _caption(document: Document, spread: str) -> str:
    environment = document.environment
    backends = dict.fromkeys(run.result.variant.backend for run in document.runs)
    packages = environment.get("packages", {})
    names = dict.fromkeys(
        name for backend in backends for name in PACKAGES.get(backend, ()) if name in packages
    )
    versions = [f"{name} {packages[name]}" for name in names]
    devices = dict.fromkeys(device["name"] for device in environment.get("devices", ()))
    runs = max((len(item.totals_ms) for item in document.summaries()), default=0)
    machine = (
        f"{environment['cores']} cores, {environment['threads']} threads, {environment['memory_mb']} MiB"
    )
    device = "; ".join(devices) or environment["cpu"]
    lines = [f"{device} · {machine} · {', '.join(versions)} · Python {environment['python']}"]
    if runs:
        lines.append(f"median of {runs} {'run' if runs == 1 else 'runs'}, without load and warm-up; {spread}")
    if document.model.synthetic:
        lines.append(SYNTHETIC_NOTICE)
    return "\n".join(lines)


def _name(document: Document, summary: Summary) -> str:
    name = format_variant(summary.variant)
    if summary.variant == document.baseline:
        name += " (baseline)"
    return (
        name
        if summary.status == "ok"
        else f"{name} ({'failed' if summary.status == 'error' else summary.status})"
    )


def _request(summary: Summary) -> Request:
    return summary.runs[0].request


def _load(summary: Summary) -> str:
    return NONE if summary.load_seconds is None else format_seconds(summary.load_seconds)


def _total(summary: Summary) -> str:
    return NONE if summary.total_ms is None else format_seconds(summary.total_ms / 1e3)


def _stage_total(summary: Summary, stage: str) -> str:
    return f"{summary.stages[stage].total_ms:.1f}" if stage in summary.stages else NONE


def _unet(summary: Summary) -> str:
    stage = summary.stages.get("unet")
    if stage is None:
        return NONE
    first, third = stage.quartiles_ms
    return f"{stage.median_ms:.1f} ± {(third - first) / 2:.1f}"


def _psnr(document: Document, summary: Summary) -> str:
    if summary.quality is None or summary.quality.psnr_db is None:
        return NONE
    return "identical" if summary.quality.psnr_db == math.inf else f"{summary.quality.psnr_db:.1f}"


def _figure(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _mebibytes(count: int | None) -> str:
    return NONE if count is None else f"{count / MEBIBYTE:,.0f}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_WHERE_NO_TERMINAL)
