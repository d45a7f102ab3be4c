"""What a session says while it runs, in order. Every event names the variant it is about."""

from __future__ import annotations

from dataclasses import dataclass

from backends.contract import MemorySample, Picture, Span, Variant
from workbench.results import Result


@dataclass(frozen=True)
class Event:
    """``request`` is the index in ``comparison.requests``, ``repeat`` counts from 0."""

    variant: Variant
    request: int
    repeat: int


@dataclass(frozen=True)
class Queued(Event):
    """The run waits for those before it."""


@dataclass(frozen=True)
class Preparing(Event):
    """The worker loads: reading, converting, quantizing, compiling, warming up; ``fraction`` 0..1 where known."""

    what: str
    fraction: float | None


@dataclass(frozen=True)
class Iterated(Event):
    """Denoising iteration ``index`` (from 0) of ``count`` is done. ``preview`` is a small RGB picture or None."""

    index: int
    count: int
    preview: Picture | None
    spans: tuple[Span, ...]
    seconds_left: float


@dataclass(frozen=True)
class MemorySampled(Event):
    """New samples of the worker's resident set."""

    samples: tuple[MemorySample, ...]


@dataclass(frozen=True)
class Finished(Event):
    """The run is done; ``result.status`` is ``ok``, ``error`` or ``cancelled``. ``picture`` is set when ok."""

    result: Result
    picture: Picture | None
