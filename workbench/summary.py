"""From runs to the figures of a variant: its stages, its total, what it takes, and what it wins over the baseline."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from backends.contract import STAGES, Span, Variant
from workbench.results import Memory, Quality, Result, Status


@dataclass(frozen=True)
class StageStatistics:
    """One stage over all runs of a variant, in milliseconds.

    ``count`` is its calls in one run; ``median_ms``, ``min_ms`` and ``max_ms`` are of the single calls of all runs;
    ``total_ms`` is what the stage took of a whole run, the median over the runs.
    """

    count: int
    median_ms: float
    min_ms: float
    max_ms: float
    total_ms: float
    quartiles_ms: tuple[float, float]


@dataclass(frozen=True)
class Summary:
    """All runs of one request as one variant. Figures are of the runs that went through; None where there was none.

    ``load_seconds`` is the first load's; ``total_ms`` the median of ``totals_ms``. ``speedup`` compares medians of totals,
    or of single UNet iterations in a UNet-only comparison; the baseline's own is 1.
    """

    variant: Variant
    request: int
    runs: tuple[Result, ...]
    status: Status
    error: str | None
    load_seconds: float | None
    totals_ms: tuple[float, ...]
    stages: dict[str, StageStatistics]
    memory: Memory
    quality: Quality | None
    notices: tuple[str, ...]
    device_name: str
    speedup: float | None = None

    @property
    def total_ms(self) -> float | None:
        return statistics.median(self.totals_ms) if self.totals_ms else None


def stage_statistics(runs: Iterable[Sequence[Span]]) -> dict[str, StageStatistics]:
    """The statistics of every stage that ran, in the order of :data:`backends.contract.STAGES`; kernels are no stages."""
    by_run = [[span for span in spans if span.kind == "stage"] for spans in runs]
    found: dict[str, StageStatistics] = {}
    for stage in STAGES:
        calls = [[span.milliseconds for span in spans if span.stage == stage] for spans in by_run]
        calls = [times for times in calls if times]
        if calls:
            times = sorted(time for run in calls for time in run)
            found[stage] = StageStatistics(
                count=round(statistics.median(len(run) for run in calls)),
                median_ms=statistics.median(times),
                min_ms=times[0],
                max_ms=times[-1],
                total_ms=statistics.median(sum(run) for run in calls),
                quartiles_ms=_quartiles(times),
            )
    return found


def summarize(results: Iterable[tuple[int, Result]], baseline: Variant) -> list[Summary]:
    """One summary for every request and variant, in the order in which they come first; pairs of request index and run."""
    groups: dict[tuple[int, Variant], list[Result]] = {}
    for request, result in results:
        groups.setdefault((request, result.variant), []).append(result)
    summaries = [_summary(variant, request, tuple(runs)) for (request, variant), runs in groups.items()]
    baselines = {item.request: item for item in summaries if item.variant == baseline}
    return [replace(item, speedup=_speedup(item, baselines.get(item.request))) for item in summaries]


def _summary(variant: Variant, request: int, runs: tuple[Result, ...]) -> Summary:
    good = [run for run in runs if run.status == "ok"]
    failed = next((run for run in runs if run.status == "error"), None)
    status: Status = "error" if failed else "ok" if len(good) == len(runs) else "cancelled"
    return Summary(
        variant=variant,
        request=request,
        runs=runs,
        status=status,
        error=failed.error if failed else None,
        load_seconds=next((run.load_seconds for run in runs if run.load_seconds is not None), None),
        totals_ms=tuple(run.total_ms for run in good),
        stages=stage_statistics(run.spans for run in good),
        memory=Memory(
            _highest(run.memory.peak_rss_bytes for run in good),
            _highest(run.memory.weights_bytes for run in good),
            _highest(run.memory.tensors_bytes for run in good),
        ),
        quality=next((run.quality for run in good if run.quality), None),
        notices=tuple(dict.fromkeys([*(notice for run in runs for notice in run.notices), *_unequal(good)])),
        device_name=next((run.device_name for run in good), ""),
    )


def _unequal(runs: Sequence[Result]) -> list[str]:
    pictures = {run.picture_sha256 for run in runs}
    return ["its repeats made different pictures; the first is kept"] if len(pictures) > 1 else []


def _speedup(summary: Summary, baseline: Summary | None) -> float | None:
    if baseline is None:
        return None
    own, other = _pace_ms(summary), _pace_ms(baseline)
    return other / own if own and other else None


def _pace_ms(summary: Summary) -> float | None:
    if any(run.unet_only for run in summary.runs):
        return summary.stages["unet"].median_ms if "unet" in summary.stages else None
    return summary.total_ms


def _highest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _quartiles(times: Sequence[float]) -> tuple[float, float]:
    if len(times) == 1:
        return times[0], times[0]
    first, _, third = statistics.quantiles(times, n=4, method="inclusive")
    return first, third
