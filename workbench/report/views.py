"""What the page shows, as values: every number already written as a person reads it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.contract import Request, Variant
from backends.variants import format_variant
from workbench.command import commands
from workbench.document import Document
from workbench.figures import noise_warnings, pace
from workbench.ladder_table import ClimbedLadder, climbed, memory_figures
from workbench.report import charts as draw
from workbench.report.ladder_chart import ladder_bars
from workbench.results import Result
from workbench.rounds import SYNTHETIC_NOTICE
from workbench.summary import Summary
from workbench.tables import Table, figures_table, ladder_table, stages_table
from workbench.timeline import format_ms


@dataclass(frozen=True)
class Tile:
    """One of the figures at the top: what, how much, of which variant, and what it cost."""

    title: str
    value: str
    variant: str
    note: str


@dataclass(frozen=True)
class Shot:
    """One picture, as it stands in the page."""

    name: str
    source: str
    width: int
    height: int
    alt: str
    facts: str
    is_baseline: bool


@dataclass(frozen=True)
class Failure:
    """A variant that did not run, and why."""

    name: str
    error: str
    log_tail: str


@dataclass(frozen=True)
class LadderView:
    """The ladder's table beside its source."""

    title: str
    source: str
    source_title: str
    conditions: str
    table: Table
    chart: str


@dataclass(frozen=True)
class RequestView:
    """Everything about one request: its pictures, its tables, and the names of its charts."""

    title: str
    request: Request
    tiles: tuple[Tile, ...]
    shots: tuple[Shot, ...]
    left: int
    right: int
    table: Table
    stages: Table
    charts: Mapping[str, str]
    quality_note: str
    failures: tuple[Failure, ...]
    ladder: LadderView | None
    command: str


@dataclass(frozen=True)
class Report:
    """The whole page."""

    title: str
    kicker: str
    facts: tuple[str, ...]
    synthetic: bool
    warnings: tuple[str, ...]
    notices: tuple[str, ...]
    requests: tuple[RequestView, ...]
    environment: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    repeats: int
    application: str


def report_of(
    document: Document, pictures: Mapping[tuple[int, Variant], bytes], charts: dict[str, Any]
) -> Report:
    """The page of a document; its charts are put into ``charts`` by the names that the page asks for them by."""
    environment = document.environment
    summaries = document.summaries()
    ladder = climbed(document)
    lines = commands(document)
    views = []
    for index, request in enumerate(document.requests):
        own = [summary for summary in summaries if summary.request == index]
        views.append(_request_view(document, request, own, pictures, charts, ladder, lines[index]))
    names = _names(document, [item for item in summaries if item.request == 0])
    noise = (
        ladder.warnings
        if ladder
        else noise_warnings([item for item in summaries if item.request == 0], names)
    )
    variants = dict.fromkeys(summary.variant for summary in summaries)
    request = document.requests[0]
    what = "single UNet iterations, no picture" if document.unet_only else f"{request.steps} steps"
    return Report(
        title=_title(document, ladder),
        kicker="Ladder" if ladder else "Comparison",
        facts=(
            document.model.name,
            what,
            f"{request.width}×{request.height}",
            f"{len(variants)} {'variant' if len(variants) == 1 else 'variants'}",
            str(environment.get("cpu", "")),
            str(environment.get("time", ""))[:16].replace("T", " "),
        ),
        synthetic=document.model.synthetic,
        warnings=tuple(noise),
        notices=tuple(
            dict.fromkeys(
                f"{format_variant(summary.variant)}: {notice}"
                for summary in summaries
                for notice in summary.notices
                if notice != SYNTHETIC_NOTICE
            )
        ),
        requests=tuple(views),
        environment=_environment(document),
        packages=tuple((name, str(found)) for name, found in environment.get("packages", {}).items()),
        repeats=max((len(item.totals_ms) for item in summaries), default=0),
        application=str(environment.get("application") or ""),
    )


def _title(document: Document, ladder: ClimbedLadder | None) -> str:
    if ladder:
        return ladder.ladder.title
    if document.unet_only:
        return "One UNet iteration, variant by variant"
    return f"“{document.requests[0].prompt}”"


def _names(document: Document, summaries: Sequence[Summary]) -> list[str]:
    """A ladder's rows have names of their own; any other variant is its line."""
    return [document.rows.get(item.variant) or format_variant(item.variant) for item in summaries]


def _request_view(
    document: Document,
    request: Request,
    summaries: list[Summary],
    pictures: Mapping[tuple[int, Variant], bytes],
    charts: dict[str, Any],
    ladder: ClimbedLadder | None,
    command: str,
) -> RequestView:
    names = _names(document, summaries)
    baseline = next(
        (name for name, item in zip(names, summaries, strict=True) if item.variant == document.baseline), ""
    )
    shots = _shots(document, names, summaries, pictures)
    left = next((place for place, shot in enumerate(shots) if shot.is_baseline), 0)
    drawn = _draw(document, names, baseline, summaries, charts)
    ladder_view = None
    if ladder:
        charts["ladder"] = ladder_bars(ladder, document.model.synthetic)
        found = ladder.ladder
        ladder_view = LadderView(
            found.title,
            found.source,
            found.source_title,
            found.conditions,
            ladder_table(document, ladder),
            "ladder",
        )
    return RequestView(
        title=request.prompt,
        request=request,
        tiles=_tiles(document, names, summaries),
        shots=shots,
        left=left,
        right=_other(shots, left),
        table=figures_table(document, names, summaries),
        stages=stages_table(names, summaries),
        charts=drawn,
        quality_note=_quality_note(document, summaries),
        failures=tuple(
            Failure(name, item.error or "it gave no reason", _log_tail(item))
            for name, item in zip(names, summaries, strict=True)
            if item.status == "error"
        ),
        ladder=ladder_view,
        command=command,
    )


def _other(shots: Sequence[Shot], left: int) -> int:
    """The last picture that is not the left one: the ladder's top, or what was named last."""
    return next((place for place in range(len(shots) - 1, -1, -1) if place != left), left)


def _log_tail(summary: Summary) -> str:
    return next((run.log_tail for run in summary.runs if run.status == "error" and not run.detail), "")


def _draw(
    document: Document, names: list[str], baseline: str, summaries: list[Summary], charts: dict[str, Any]
) -> dict[str, str]:
    """Draw what can be drawn; returns the charts' names in the page by what they show."""
    if not summaries:
        return {}
    request, synthetic = summaries[0].request, document.model.synthetic
    runs = [typical_run(summary) for summary in summaries]
    found: dict[str, str] = {}

    def keep(what: str, chart: dict[str, Any]) -> None:
        found[what] = f"{what}-{request}"
        charts[found[what]] = chart

    if any(run and run.spans for run in runs):
        keep("timeline", draw.timeline(names, runs, synthetic))
    if any(run and run.samples for run in runs):
        keep("memory", draw.memory(names, runs, synthetic))
    if any(item.memory.weights_bytes is not None for item in summaries):
        keep("model_memory", draw.model_memory(names, summaries, synthetic))
    points = [_trade_off_point(document, item) for item in summaries]
    if sum(point is not None for point in points) > 1:
        keep("trade_off", draw.trade_off(names, points, "SSIM", baseline))
    return found


def typical_run(summary: Summary) -> Result | None:
    """The run whose total lies nearest to the median, None where none went through."""
    good = [run for run in summary.runs if run.status == "ok"]
    if not good or summary.total_ms is None:
        return None
    median = summary.total_ms
    return min(good, key=lambda run: abs(run.total_ms - median))


def _trade_off_point(document: Document, summary: Summary) -> tuple[float, float] | None:
    if summary.speedup is None:
        return None
    if summary.variant == document.baseline:
        return summary.speedup, 1.0
    if summary.quality is None or summary.quality.ssim is None:
        return None
    return summary.speedup, summary.quality.ssim


def _quality_note(document: Document, summaries: Sequence[Summary]) -> str:
    if document.model.synthetic:
        return "Its weights are random, so that a picture means nothing and no quality is shown."
    if document.unet_only:
        return "Single UNet iterations make no picture, so that there is no quality to show."
    if len(summaries) < 2:
        return "There is one variant only, and nothing to compare its picture with."
    return "No second variant made a picture that could be compared with the baseline's."


def _shots(
    document: Document,
    names: Sequence[str],
    summaries: Sequence[Summary],
    pictures: Mapping[tuple[int, Variant], bytes],
) -> tuple[Shot, ...]:
    found = []
    for name, summary in zip(names, summaries, strict=True):
        picture = pictures.get((summary.request, summary.variant))
        if picture is None:
            continue
        request = document.requests[summary.request]
        is_baseline = summary.variant == document.baseline
        found.append(
            Shot(
                name,
                f"data:image/png;base64,{base64.b64encode(picture).decode()}",
                request.width,
                request.height,
                f"“{request.prompt}” made by {name}",
                _facts(document, summary, is_baseline),
                is_baseline,
            )
        )
    return tuple(found)


def _facts(document: Document, summary: Summary, is_baseline: bool) -> str:
    facts = [] if summary.total_ms is None else [format_ms(summary.total_ms)]
    if is_baseline:
        return " · ".join([*facts, "baseline"])
    if summary.speedup is not None:
        facts.append(f"{summary.speedup:.2f}×")
    return " · ".join([*facts, _quality_in_short(document, summary)])


def _quality_in_short(document: Document, summary: Summary) -> str:
    if document.model.synthetic:
        return "no quality: synthetic weights"
    quality = summary.quality
    if quality is None or quality.psnr_db is None:
        return "quality not measured"
    if quality.psnr_db == math.inf:
        return "identical to the baseline"
    words = [f"PSNR {quality.psnr_db:.1f} dB"]
    if quality.ssim is not None:
        words.append(f"SSIM {quality.ssim:.3f}")
    return ", ".join(words)


def _tiles(document: Document, names: Sequence[str], summaries: Sequence[Summary]) -> tuple[Tile, ...]:
    """The baseline, the fastest, and the smallest model; a speed-up never without its quality."""
    named = list(zip(names, summaries, strict=True))
    tiles = []
    base = next(((name, item) for name, item in named if item.variant == document.baseline), None)
    if base and (found := pace(base[1])):
        what = "One UNet iteration" if document.unet_only else "Baseline"
        tiles.append(Tile(what, format_ms(found.value), base[0], "median of the baseline"))
    faster = [
        (item.speedup, name, item)
        for name, item in named
        if item.speedup is not None and item.variant != document.baseline
    ]
    if faster:
        speedup, name, item = max(faster, key=lambda entry: entry[0])
        note = "no picture in this run" if document.unet_only else _quality_in_short(document, item)
        tiles.append(Tile("Fastest", f"{speedup:.2f}×", name, note))
    sizes = [(memory_figures(item)[0], name) for name, item in named]
    known = [(size, name) for size, name in sizes if size]
    if base and known and (whole := memory_figures(base[1])[0]):
        size, name = min(known)
        tiles.append(
            Tile("Smallest model", f"{size:,.0f} MiB", name, f"{size / whole:.2f} of the baseline's weights")
        )
    return tuple(tiles)


def _environment(document: Document) -> tuple[tuple[str, str], ...]:
    said = document.environment
    devices = "; ".join(
        f"{device.get('backend')}: {device.get('name')}" for device in said.get("devices", ())
    )
    pairs = {
        "Model": document.model.name + (" (synthetic weights)" if document.model.synthetic else ""),
        "Weights, SHA-256": document.model.weights_sha256,
        "Processor": said.get("cpu"),
        "Cores and threads": f"{said.get('cores')} cores, {said.get('threads')} threads",
        "Memory": f"{said['memory_mb']:,} MiB" if said.get("memory_mb") else None,
        "Devices used": devices,
        "System": said.get("os"),
        "Python": said.get("python"),
        "Measured": said.get("time"),
    }
    return tuple((name, str(value)) for name, value in pairs.items() if value)
