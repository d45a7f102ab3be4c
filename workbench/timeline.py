"""From spans to what a person reads: blocks on one clock, and what each stage took of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from backends.contract import STAGES, Span

STAGE_TITLES = {
    "tokenizer": "Tokenizer",
    "text_encoder": "Text encoder",
    "unet": "UNet",
    "scheduler": "Scheduler",
    "vae_decoder": "VAE decoder",
    "other": "Other",
}


@dataclass(frozen=True)
class Block:
    """One stage's span in milliseconds since the run's start. ``iteration`` counts from 0."""

    stage: str
    start_ms: float
    end_ms: float
    iteration: int | None = None

    @property
    def milliseconds(self) -> float:
        return self.end_ms - self.start_ms


@dataclass(frozen=True)
class StageTotal:
    """What one stage took of a run: ``share`` of the whole run, 0..1; ``median_ms`` of its single calls."""

    stage: str
    count: int
    total_ms: float
    median_ms: float
    share: float


def blocks(spans: Iterable[Span], start_ns: int | None = None) -> tuple[Block, ...]:
    """The stage spans on a clock that starts at ``start_ns`` (at the first span where that is None), in order."""
    stages = sorted((span for span in spans if span.kind == "stage"), key=lambda span: span.start_ns)
    if not stages:
        return ()
    origin = stages[0].start_ns if start_ns is None else start_ns
    return tuple(
        Block(span.stage, (span.start_ns - origin) / 1e6, (span.end_ns - origin) / 1e6, span.iteration)
        for span in stages
    )


def stage_totals(parts: Iterable[Block], whole_ms: float) -> tuple[StageTotal, ...]:
    """The totals in the order of the stages; ``other`` is what of ``whole_ms`` no stage accounts for."""
    times: dict[str, list[float]] = {}
    for part in parts:
        times.setdefault(part.stage, []).append(part.milliseconds)
    known = sum(sum(values) for values in times.values())
    rest = max(0.0, whole_ms - known)
    whole = max(whole_ms, known) or 1.0
    names = [*STAGES, *(name for name in times if name not in STAGES)]
    totals = [
        StageTotal(name, len(times[name]), sum(times[name]), median(times[name]), sum(times[name]) / whole)
        for name in names
        if name in times
    ]
    return (*totals, StageTotal("other", 1, rest, rest, rest / whole)) if times else ()


def format_ms(milliseconds: float) -> str:
    """A duration as a person reads it: ``0.42 ms``, ``118 ms``, ``3.42 s``, ``2 min 05 s``."""
    if milliseconds < 1:
        return f"{milliseconds:.2f} ms"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_995:
        return f"{milliseconds / 1000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds:02d} s"


def format_left(seconds: float) -> str:
    """Time left without a false precision: ``less than a second left``, ``about 4 s left``, ``about 3 min left``."""
    if seconds < 1:
        return "less than a second left"
    if seconds < 90:
        return f"about {round(seconds)} s left"
    return f"about {round(seconds / 60)} min left"


def format_bytes(count: int | None) -> str:
    """``845 MB``, ``1.24 GB``; a dash where the backend cannot tell. Powers of ten, as the design's MB."""
    if count is None:
        return "–"
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    if count < 1e7:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
