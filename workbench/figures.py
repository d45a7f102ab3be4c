"""Measured figures with their spread, and whether two of them differ by more than that.

A figure is the median of its values between ``low`` and ``high``: their quartiles, or the smallest and the largest where
there are fewer than four. Two figures differ where these ranges do not touch. One value has no spread: nothing is said of it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from backends.contract import STAGES
from backends.variants import format_variant
from workbench.environment import MEBIBYTE
from workbench.results import Result
from workbench.summary import Summary
from workbench.timeline import STAGE_TITLES

Verdict = Literal["lower", "higher", "same", "unclear"]
"""``same``: within the spread. ``unclear``: a single value each, whose spread nobody knows."""

NOISY_SPREAD = 0.1
"""Half the range over the median, above which the machine is called too busy to measure on."""
QUARTILES_FROM = 4
PACE, UNET_PACE = "total_ms", "unet_ms"


@dataclass(frozen=True)
class Figure:
    """One figure over ``count`` values. ``exact``: the same every time (a size, a quality), so that any change is one."""

    name: str
    title: str
    unit: str
    value: float
    low: float
    high: float
    count: int
    exact: bool = False
    digits: int = 1

    @property
    def spread(self) -> float | None:
        """Half of ``low`` to ``high``, None where it is not known."""
        return (self.high - self.low) / 2 if self.count > 1 and not self.exact else None

    @property
    def noise(self) -> float:
        """The spread as a part of the figure, 0 where it is not known."""
        return (self.spread or 0.0) / self.value if self.value else 0.0


def figure(
    name: str,
    title: str,
    unit: str,
    values: Sequence[float],
    *,
    exact: bool = False,
    digits: int = 1,
) -> Figure:
    """The figure of one or more values."""
    low, high = min(values), max(values)
    if len(values) >= QUARTILES_FROM:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Figure(name, title, unit, statistics.median(values), low, high, len(values), exact, digits)


def figures_of(summary: Summary) -> dict[str, Figure]:
    """Every figure of a variant that was measured, by name, in the order in which tables show them."""
    good = [run for run in summary.runs if run.status == "ok"]
    return {found.name: found for found in _figures(summary, good)}


def pace(summary: Summary) -> Figure | None:
    """What a speed-up compares: the total of a picture, or one UNet iteration of a UNet-only run. None where none ran."""
    only_unet = any(run.unet_only for run in summary.runs)
    return figures_of(summary).get(UNET_PACE if only_unet else PACE)


def compare(before: Figure, after: Figure) -> Verdict:
    """How ``after`` lies to ``before``."""
    if before.exact and after.exact:
        if before.value == after.value or abs(before.value - after.value) < 0.5 * 10**-before.digits:
            return "same"
        return "lower" if after.value < before.value else "higher"
    if before.count < 2 or after.count < 2:
        return "unclear"
    if after.high < before.low:
        return "lower"
    return "higher" if after.low > before.high else "same"


def noise_warnings(
    summaries: Sequence[Summary], names: Sequence[str] | None = None, paces: Sequence[Figure | None] = ()
) -> list[str]:
    """What the machine was too noisy for: a variant whose times scatter, neighbours that cannot be told apart.

    ``names`` and ``paces`` are a ladder's, where they are others than the variants' own.
    """
    titles = names or [format_variant(summary.variant) for summary in summaries]
    measured = paces or [pace(summary) for summary in summaries]
    known = [(title, found) for title, found in zip(titles, measured, strict=True) if found is not None]
    if any(found.count < 2 for _, found in known):
        return [
            "each variant ran once: how far its times scatter is not known; repeat it three times or more"
        ]
    found = [
        f"{title}: its times scatter by ±{100 * item.noise:.0f} % of their median; the machine was busy with something else"
        for title, item in known
        if item.noise > NOISY_SPREAD
    ]
    return found + [
        f"{first} and {second} cannot be told apart: {_range(one)} and {_range(other)} overlap; "
        "repeat more often, or on a quieter machine"
        for (first, one), (second, other) in pairwise(known)
        if compare(one, other) == "same"
    ]


def _figures(summary: Summary, good: list[Result]) -> Iterator[Figure]:
    if summary.load_seconds is not None:
        yield figure("load_seconds", "Load", "s", [summary.load_seconds], digits=2)
    for stage in STAGES:
        times = [
            span.milliseconds
            for run in good
            for span in run.spans
            if span.kind == "stage" and span.stage == stage
        ]
        if times:
            yield figure(f"{stage}_ms", f"{STAGE_TITLES[stage]}, one call", "ms", times, digits=2)
    if good and not any(run.unet_only for run in good):
        yield figure(PACE, "Total", "ms", [run.total_ms for run in good])
    peaks = list(_known(run.memory.peak_rss_bytes for run in good))
    if peaks:
        yield figure("peak_rss_mb", "Peak memory of the process", "MiB", peaks)
    for name, title, count in (
        ("weights_mb", "Weights", summary.memory.weights_bytes),
        ("tensors_mb", "Tensors", summary.memory.tensors_bytes),
    ):
        if count is not None:
            yield figure(name, title, "MiB", [count / MEBIBYTE], exact=True)
    if summary.quality is not None:
        for name, title, unit, value, digits in (
            ("psnr_db", "PSNR", "dB", summary.quality.psnr_db, 1),
            ("ssim", "SSIM", "", summary.quality.ssim, 4),
            ("prompt_fidelity", "Prompt fidelity", "", summary.quality.prompt_fidelity, 2),
        ):
            if value is not None and not math.isnan(value):
                yield figure(name, title, unit, [value], exact=True, digits=digits)


def _known(values: Iterable[int | None]) -> Iterator[float]:
    return (value / MEBIBYTE for value in values if value is not None)


def _range(item: Figure) -> str:
    return f"{item.low:.{item.digits}f} to {item.high:.{item.digits}f} {item.unit}"
