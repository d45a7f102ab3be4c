"""What a session says while it runs, in order. Every event names the run it is about.

The order: ``Queued`` for every run at once; then for each run, one after the other, ``Paused`` (when it is), any number of
``Preparing``, ``MemorySampled`` and ``Iterated``, and exactly one ``Finished``. A cancelled comparison
still sends ``Finished`` (``cancelled``) for every run that was left.
"""

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
class Paused(Event):
    """The run waits until the session is resumed or cancelled. A pause takes effect between runs, never inside one."""


@dataclass(frozen=True)
class Preparing(Event):
    """The worker loads: reading, converting, quantizing, compiling, warming up; ``fraction`` 0..1 where known."""

    what: str
    fraction: float | None


@dataclass(frozen=True)
class Iterated(Event):
    """Denoising iteration ``index`` (from 0) of ``count`` is done. ``preview`` is a small RGB picture or None.

    ``seconds_left`` is until this run's picture, from the iterations measured so far. ``seconds_left_in_all`` is until
    the last run's, None as long as a variant is ahead that this comparison has not measured yet.
    """

    index: int
    count: int
    preview: Picture | None
    spans: tuple[Span, ...]
    seconds_left: float
    seconds_left_in_all: float | None = None


@dataclass(frozen=True)
class MemorySampled(Event):
    """New samples of the worker's resident set, its children's included."""

    samples: tuple[MemorySample, ...]


@dataclass(frozen=True)
class Finished(Event):
    """The run is done; ``result.status`` is ``ok``, ``error`` or ``cancelled``. ``picture`` is set when ok.

    ``picture`` is None for a UNet-only run too.
    """

    result: Result
    picture: Picture | None
