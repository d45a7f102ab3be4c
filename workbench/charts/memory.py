"""Memory: the resident set over time with the stages behind it, and what weights and tensors take."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.desk.experiment import Experiment
from workbench.timeline import Block, blocks


@dataclass(frozen=True)
class Series:
    """One variant's resident set in bytes over milliseconds since its run began; loading lies before 0."""

    column: int
    times_ms: tuple[float, ...]
    rss_bytes: tuple[int, ...]
    shades: tuple[Block, ...]

    @property
    def peak(self) -> tuple[float, int] | None:
        """When it was highest, and how high."""
        if not self.rss_bytes:
            return None
        place = max(range(len(self.rss_bytes)), key=lambda index: self.rss_bytes[index])
        return self.times_ms[place], self.rss_bytes[place]


def series(experiment: Experiment, row: int) -> tuple[Series, ...]:
    """The variants of one row that have samples: of the newest run, or of the one in progress."""
    found = []
    for place in range(len(experiment.columns)):
        result = experiment.cell(row, place).result
        live = experiment.live
        if live is not None and live.place == (row, place) and live.samples:
            start = live.spans[0].start_ns if live.spans else live.samples[0].time_ns
            samples, spans = tuple(live.samples), tuple(live.spans)
        elif result is not None and result.samples:
            start, samples, spans = result.start_ns, result.samples, result.spans
        else:
            continue
        times = tuple((sample.time_ns - start) / 1e6 for sample in samples)
        found.append(
            Series(place, times, tuple(sample.rss_bytes for sample in samples), blocks(spans, start))
        )
    return tuple(found)


def merged(shades: tuple[Block, ...]) -> tuple[Block, ...]:
    """Neighbouring calls of the denoising loop as one block, so that a background has a few bands instead of a hundred."""
    joined: list[Block] = []
    for shade in shades:
        stage = "unet" if shade.stage == "scheduler" else shade.stage
        if joined and joined[-1].stage == stage:
            joined[-1] = Block(stage, joined[-1].start_ms, shade.end_ms)
        else:
            joined.append(Block(stage, shade.start_ms, shade.end_ms))
    return tuple(joined)
