"""Results as tables of text, for a page, a terminal and a document: no number without its unit in the heading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from backends.variants import format_variant
from workbench.document import Document
from workbench.environment import MEBIBYTE
from workbench.figures import Figure, figures_of
from workbench.ladder_table import (
    ClimbedLadder,
    memory_figures,
    shown_all_published,
    shown_pace,
    shown_relative,
)
from workbench.summary import Summary
from workbench.timeline import STAGE_TITLES

NONE = "–"
QUALITIES = {"psnr_db": "PSNR, dB", "ssim": "SSIM", "prompt_fidelity": "Fidelity"}


@dataclass(frozen=True)
class Table:
    """A table of text; the first column names the row. ``marked`` are the rows that failed, by index;
    ``notes`` say in small what a row is."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


def figures_table(document: Document, names: Sequence[str], summaries: Sequence[Summary]) -> Table:
    """All figures of every variant."""
    has_picture = not document.unet_only
    headings = ["Variant", "Load", "UNet iteration, ms"]
    headings += ["Total, ms"] if has_picture else []
    headings += ["Speed-up", "Process peak, MiB", "Weights, MiB", "Tensors, MiB"]
    qualities = _qualities(document, summaries)
    headings += [QUALITIES[key] for key in qualities]
    rows = []
    for name, summary in zip(names, summaries, strict=True):
        figures = figures_of(summary)
        row = [
            _marked(name, summary.variant == document.baseline),
            _with_unit(figures.get("load_seconds")),
            shown_pace(figures.get("unet_ms")),
        ]
        row += [shown_pace(figures.get("total_ms"))] if has_picture else []
        row += [
            NONE if summary.speedup is None else f"{summary.speedup:.2f}×",
            _mebibytes(summary.memory.peak_rss_bytes),
            _mebibytes(summary.memory.weights_bytes),
            _mebibytes(summary.memory.tensors_bytes),
        ]
        row += [_shown(figures.get(key)) for key in qualities]
        rows.append(tuple(row))
    failed = frozenset(place for place, item in enumerate(summaries) if item.status != "ok")
    return Table(tuple(headings), tuple(rows), failed)


def _qualities(document: Document, summaries: Sequence[Summary]) -> list[str]:
    """The qualities that were measured of any variant; never of synthetic weights."""
    if document.model.synthetic:
        return []
    measured = {key for summary in summaries for key in figures_of(summary)}
    return [key for key in QUALITIES if key in measured]


def _marked(name: str, is_baseline: bool) -> str:
    return f"{name} (baseline)" if is_baseline and name.lower() != "baseline" else name


def stages_table(names: Sequence[str], summaries: Sequence[Summary]) -> Table:
    """What each stage took of a run."""
    stages = list(dict.fromkeys(stage for summary in summaries for stage in summary.stages))
    headings = ("Variant", *(f"{STAGE_TITLES[stage]}, ms" for stage in stages))
    rows = tuple(
        (name, *(_stage(summary, stage) for stage in stages))
        for name, summary in zip(names, summaries, strict=True)
        if summary.stages
    )
    return Table(headings, rows)


def _stage(summary: Summary, stage: str) -> str:
    found = summary.stages.get(stage)
    if found is None:
        return NONE
    calls = f" ({found.count} calls)" if found.count > 1 else ""
    return f"{found.total_ms:,.1f}{calls}"


def ladder_table(document: Document, found: ClimbedLadder) -> Table:
    """Every row of a ladder, measured and published. Its last columns are those of the quality, where there is one."""
    ladder = found.ladder
    speedup = ladder.measure == "speedup"
    qualities = _qualities(document, [rung.summary for rung in found.rungs])
    headings = ["Row"] + ([] if speedup else ["Tensors, MiB"]) + ["Weights, MiB"]
    headings += ["Model memory", "Published", "Load, s"] if speedup else []
    headings += ["UNet iteration, ms" if ladder.unet or document.unet_only else "Total, ms"]
    headings += ["Speed-up" if speedup else "Change", "Published"]
    headings += [QUALITIES[key] for key in qualities]
    rows = []
    for rung in found.rungs:
        weights, tensors = memory_figures(rung.summary)
        figures = figures_of(rung.summary)
        row = [rung.name] + ([] if speedup else [_number(tensors)]) + [_number(weights)]
        if speedup:
            published = rung.published_weights
            row += [
                NONE if rung.weights is None else f"{rung.weights:.2f}×",
                NONE if published is None else f"{published:g}×",
                _shown(figures.get("load_seconds")),
            ]
        row += [
            shown_pace(rung.pace),
            shown_relative(ladder, rung.relative),
            shown_all_published(found, rung),
        ]
        row += [_shown(figures.get(key)) for key in qualities]
        rows.append(tuple(row))
    failed = frozenset(place for place, rung in enumerate(found.rungs) if rung.summary.status != "ok")
    notes = tuple(f"{rung.adds} · {format_variant(rung.summary.variant)}" for rung in found.rungs)
    return Table(tuple(headings), tuple(rows), failed, notes)


def markdown(table: Table) -> str:
    """The table as Markdown: the first column to the left, the figures to the right."""
    lines = [
        table.headings,
        ("---", *["---:"] * (len(table.headings) - 1)),
        *(tuple(cell.replace("|", "\\|") for cell in row) for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(item: Figure | None) -> str:
    if item is None:
        return NONE
    return "identical" if item.value == math.inf else f"{item.value:,.{item.digits}f}"


def _with_unit(item: Figure | None) -> str:
    return NONE if item is None else f"{_shown(item)} {item.unit}"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def _mebibytes(count: int | None) -> str:
    return _number(None if count is None else count / MEBIBYTE)
