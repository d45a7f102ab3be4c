"""Speed-up against quality: a point per variant, and the front of those that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.charts.figures import Figures

Measure = Literal["ssim", "psnr", "fidelity"]
MEASURES: dict[Measure, str] = {
    "ssim": "SSIM against the baseline",
    "psnr": "PSNR against the baseline, dB",
    "fidelity": "Prompt fidelity",
}
IDENTICAL_DB = 60.0
"""Where a picture equal to the baseline's is drawn; its PSNR is infinite."""

GREATEST: dict[Measure, float] = {"ssim": 1.0, "psnr": IDENTICAL_DB, "fidelity": 1.0}
"""The best there can be."""


@dataclass(frozen=True)
class Point:
    """One variant; ``label`` is the quality as text."""

    column: int
    speedup: float
    quality: float
    label: str


def points(found: Iterable[Figures], baseline: int, measure: Measure) -> tuple[Point, ...]:
    """The variants that have both a speed-up and this quality. The baseline equals itself."""
    result = []
    for item in found:
        quality = _quality(item, measure, item.column == baseline)
        if item.speedup is not None and quality is not None:
            value, label = quality
            result.append(Point(item.column, item.speedup, value, label))
    return tuple(result)


def pareto_front(among: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other one beats in speed-up without losing quality, or the other way round; by speed-up."""
    front: list[Point] = []
    for point in sorted(among, key=lambda item: (-item.speedup, -item.quality)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return tuple(reversed(front))


def _quality(item: Figures, measure: Measure, is_baseline: bool) -> tuple[float, str] | None:
    if measure == "fidelity":
        return None if item.fidelity is None else (item.fidelity, f"{item.fidelity:.0%}")
    if is_baseline:
        return (1.0, "the baseline") if measure == "ssim" else (IDENTICAL_DB, "the baseline")
    if measure == "ssim":
        return None if item.ssim is None else (item.ssim, f"{item.ssim:.3f}")
    if item.psnr_db is None:
        return None
    if math.isinf(item.psnr_db):
        return IDENTICAL_DB, "identical"
    return min(item.psnr_db, IDENTICAL_DB), f"{item.psnr_db:.1f} dB"
