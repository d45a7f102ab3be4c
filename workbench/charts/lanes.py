"""The timeline: a lane per variant on one common clock, of stages, and of operations where they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backends.contract import Span
from workbench.desk.experiment import Experiment
from workbench.timeline import STAGE_TITLES, format_ms

Align = Literal["start", "unet"]


@dataclass(frozen=True)
class Piece:
    """A stage's call or one operation in it, in milliseconds of the lanes' clock. ``iteration`` counts from 0."""

    lane: int
    stage: str
    name: str
    start_ms: float
    end_ms: float
    iteration: int | None = None
    kernel: bool = False
    flops: int | None = None
    bytes: int | None = None
    module: str = ""

    @property
    def milliseconds(self) -> float:
        return self.end_ms - self.start_ms

    @property
    def gflops(self) -> float | None:
        """GFLOP/s, where the operation tells its arithmetic."""
        return self.flops / self.milliseconds / 1e6 if self.flops and self.milliseconds else None

    @property
    def gigabytes_per_second(self) -> float | None:
        return self.bytes / self.milliseconds / 1e6 if self.bytes and self.milliseconds else None


@dataclass(frozen=True)
class Lane:
    """One variant's run. ``end_ms`` is where it ends, or will as far as one can tell; ``running`` while it is on."""

    column: int
    stages: tuple[Piece, ...] = ()
    kernels: tuple[Piece, ...] = ()
    end_ms: float = 0.0
    running: bool = False
    note: str = ""


def lanes(experiment: Experiment, row: int, align: Align = "start") -> tuple[Lane, ...]:
    """The lanes of one row: each variant's newest run, or the one in progress."""
    return tuple(_lane(experiment, row, place, align) for place in range(len(experiment.columns)))


def describe(piece: Piece, lane: Lane) -> str:
    """A piece in one line: what it is, how long it took, from when, its share, and for an operation its rate."""
    title = STAGE_TITLES.get(piece.stage, piece.stage)
    if piece.kernel:
        whole = _around(piece, lane)
        parts = [f"{piece.name}: {format_ms(piece.milliseconds)}"]
        if whole:
            parts.append(f"{piece.milliseconds / whole.milliseconds:.1%} of this {title} call")
        if piece.gflops:
            parts.append(f"{piece.gflops:,.0f} GFLOP/s")
        if piece.gigabytes_per_second:
            parts.append(f"{piece.gigabytes_per_second:.1f} GB/s")
        if piece.module:
            parts.append(piece.module)
        return ", ".join(parts)
    calls = [other for other in lane.stages if other.stage == piece.stage]
    which = (
        f" {piece.iteration + 1} of {len(calls)}" if piece.iteration is not None and len(calls) > 1 else ""
    )
    share = f", {piece.milliseconds / lane.end_ms:.1%} of the run" if lane.end_ms and not lane.running else ""
    return f"{title}{which}: {format_ms(piece.milliseconds)}, from {format_ms(piece.start_ms)}{share}"


def compare(first: Piece, second: Piece) -> str:
    """Two pieces: how much longer the longer one took."""
    slow, fast = max(first.milliseconds, second.milliseconds), min(first.milliseconds, second.milliseconds)
    ratio = f"{slow / fast:.2f}×" if fast else "–"
    return f"{format_ms(first.milliseconds)} and {format_ms(second.milliseconds)}: {ratio} ({format_ms(slow - fast)} apart)"


def piece_at(found: Sequence[Lane], lane: int, time_ms: float, kernels: bool = False) -> Piece | None:
    """The piece at a moment of a lane; the shortest where several cover it."""
    if not 0 <= lane < len(found):
        return None
    pieces = found[lane].kernels if kernels else found[lane].stages
    hits = [piece for piece in pieces if piece.start_ms <= time_ms <= piece.end_ms]
    return min(hits, key=lambda piece: piece.milliseconds, default=None)


def along(found: Sequence[Lane], piece: Piece | None, step: int, kernels: bool = False) -> Piece | None:
    """The piece ``step`` further in the order of lanes and time, among the stages or the operations; it stops at the ends.

    From a stage the way into the operations is the first one in it, and from an operation out of them the stage around it.
    None where there are none.
    """
    pieces = [one for lane in found for one in (lane.kernels if kernels else lane.stages)]
    if not pieces:
        return None
    if piece is None:
        return pieces[0]
    if piece.kernel == kernels and piece in pieces:
        return pieces[min(max(pieces.index(piece) + step, 0), len(pieces) - 1)]
    return _nearest([one for one in pieces if one.lane == piece.lane], piece) or pieces[0]


def across(found: Sequence[Lane], piece: Piece | None, step: int) -> Piece | None:
    """The piece of another lane at about the same time; lanes without any are passed over, and it stops at the last."""
    if piece is None:
        return along(found, None, 0)
    columns = [lane.column for lane in found]
    at = columns.index(piece.lane) + step if piece.lane in columns else 0
    while 0 <= at < len(found):
        hit = _nearest(found[at].kernels if piece.kernel else found[at].stages, piece)
        if hit is not None:
            return hit
        at += step
    return piece


def _nearest(pieces: Sequence[Piece], piece: Piece) -> Piece | None:
    """The piece that begins in another one, covers its beginning, or is next to it."""

    def distance(one: Piece) -> tuple[float, float]:
        outside = max(one.start_ms - piece.start_ms, piece.start_ms - one.end_ms, 0.0)
        return outside, abs(one.start_ms - piece.start_ms)

    return min(pieces, key=distance, default=None)


def _lane(experiment: Experiment, row: int, place: int, align: Align) -> Lane:
    cell = experiment.cell(row, place)
    live = experiment.live
    if live is not None and live.place == (row, place) and live.spans:
        stages = _pieces(place, live.spans, live.spans[0].start_ns, align)
        so_far = stages[-1].end_ms if stages else 0.0
        return Lane(place, stages, (), so_far + (cell.seconds_left or 0.0) * 1000, True)
    result = cell.result
    if result is None:
        return Lane(place, note={"failed": "failed", "cancelled": "cancelled"}.get(cell.phase, ""))
    stages = _pieces(place, result.spans, result.start_ns, align)
    shift = _shift(result.spans, result.start_ns, align)
    kernels = tuple(
        _piece(place, span, result.start_ns, shift) for span in result.spans if span.kind == "kernel"
    )
    return Lane(place, stages, kernels, result.total_ms - shift)


def _pieces(place: int, spans: Sequence[Span], start_ns: int, align: Align) -> tuple[Piece, ...]:
    shift = _shift(spans, start_ns, align)
    stages = sorted((span for span in spans if span.kind == "stage"), key=lambda span: span.start_ns)
    return tuple(_piece(place, span, start_ns, shift) for span in stages)


def _piece(place: int, span: Span, start_ns: int, shift: float) -> Piece:
    flops, size = span.detail.get("flops"), span.detail.get("bytes")
    return Piece(
        place,
        span.stage,
        span.name,
        (span.start_ns - start_ns) / 1e6 - shift,
        (span.end_ns - start_ns) / 1e6 - shift,
        span.iteration,
        span.kind == "kernel",
        int(flops) if flops else None,
        int(size) if size else None,
        str(span.detail.get("module", "")),
    )


def _shift(spans: Sequence[Span], start_ns: int, align: Align) -> float:
    """What is taken from every time so that the clock begins where the lanes are aligned."""
    if align == "start":
        return 0.0
    unet = [span.start_ns for span in spans if span.kind == "stage" and span.stage == "unet"]
    return (min(unet) - start_ns) / 1e6 if unet else 0.0


def _around(piece: Piece, lane: Lane) -> Piece | None:
    middle = (piece.start_ms + piece.end_ms) / 2
    return next((stage for stage in lane.stages if stage.start_ms <= middle <= stage.end_ms), None)
