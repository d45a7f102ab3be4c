"""The figures of every variant over all its runs in an experiment: what charts, table and exports show."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backends.contract import STAGES, Variant
from workbench.desk.experiment import Experiment
from workbench.results import Memory, Quality, Result


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles over ``count`` values; with one value all three are that."""

    median: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half the interquartile range."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Figures:
    """One variant. Times in milliseconds, of whole runs; ``stages`` what each stage took of a whole run.

    ``iteration`` is over single UNet iterations. ``psnr_db`` is infinite where every picture equals the baseline's.
    """

    column: int
    variant: Variant
    runs: int
    failed: int
    total: Spread | None
    iteration: Spread | None
    stages: dict[str, Spread]
    load_seconds: float | None
    speedup: float | None
    memory: Memory
    psnr_db: float | None
    ssim: float | None
    fidelity: float | None
    error: str
    device_name: str
    notices: tuple[str, ...]


def spread(values: Sequence[float]) -> Spread | None:
    """Median and quartiles (inclusive method); None for no values."""
    if not values:
        return None
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(statistics.median(values), first, third, len(values))


def figures(experiment: Experiment, row: int | None = None) -> tuple[Figures, ...]:
    """One for every column, over all rows or over one."""
    cells = [cell for cell in experiment.cells.values() if row is None or cell.row == row]
    found = []
    base: Spread | None = None
    runs = {
        place: [result for cell in cells if cell.column == place for result in cell.results]
        for place in range(len(experiment.columns))
    }
    if experiment.columns:
        base = spread([result.total_ms for result in runs[experiment.baseline]])
    for place, column in enumerate(experiment.columns):
        failed = [cell for cell in cells if cell.column == place and cell.phase == "failed"]
        found.append(_figures(place, column.variant, runs[place], base, [cell.error for cell in failed]))
    return tuple(found)


def stage_times(result: Result) -> dict[str, float]:
    """What each stage took of one run, in milliseconds, in the order of the stages."""
    times: dict[str, float] = {}
    for span in result.spans:
        if span.kind == "stage":
            times[span.stage] = times.get(span.stage, 0.0) + span.milliseconds
    return {stage: times[stage] for stage in (*STAGES, *times) if stage in times}


def _figures(
    place: int, variant: Variant, runs: Sequence[Result], base: Spread | None, errors: Sequence[str]
) -> Figures:
    total = spread([result.total_ms for result in runs])
    by_stage: dict[str, list[float]] = {}
    for result in runs:
        for stage, time in stage_times(result).items():
            by_stage.setdefault(stage, []).append(time)
    iterations = [
        span.milliseconds
        for result in runs
        for span in result.spans
        if span.kind == "stage" and span.stage == "unet"
    ]
    qualities = [result.quality for result in runs if result.quality is not None]
    return Figures(
        column=place,
        variant=variant,
        runs=len(runs),
        failed=len(errors),
        total=total,
        iteration=spread(iterations),
        stages={stage: found for stage, times in by_stage.items() if (found := spread(times))},
        load_seconds=next((result.load_seconds for result in runs if result.load_seconds is not None), None),
        speedup=base.median / total.median if base and total and total.median else None,
        memory=Memory(
            _highest(result.memory.peak_rss_bytes for result in runs),
            _highest(result.memory.weights_bytes for result in runs),
            _highest(result.memory.tensors_bytes for result in runs),
        ),
        psnr_db=_psnr(qualities),
        ssim=_mean([quality.ssim for quality in qualities]),
        fidelity=_mean([quality.prompt_fidelity for quality in qualities]),
        error=errors[0] if errors else "",
        device_name=next((result.device_name for result in runs if result.device_name), ""),
        notices=tuple(dict.fromkeys(notice for result in runs for notice in result.notices)),
    )


def _psnr(qualities: Iterable[Quality]) -> float | None:
    known = [quality.psnr_db for quality in qualities if quality.psnr_db is not None]
    finite = [value for value in known if math.isfinite(value)]
    return statistics.mean(finite) if finite else math.inf if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def _highest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
