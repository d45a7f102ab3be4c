"""How long the rest will take, from what was measured so far and from nothing else."""

from __future__ import annotations

import statistics
import time

from backends.contract import Generated, Iteration, Request, Variant

RECENT = 7
DECODER_IN_ITERATIONS = 1.5
"""What a VAE decoder costs until one was measured, in UNet iterations: about that of SD 1.x, at guidance."""


class RunPace:
    """Times the iterations of one run as they arrive; every figure is in seconds."""

    def __init__(self, tail_seconds: float | None):
        """``tail_seconds`` is what followed the last iteration in an earlier run like this one; None if there was none."""
        self._tail_seconds = tail_seconds
        self._intervals: list[float] = []
        self._previous: float | None = None

    def iterated(self, message: Iteration) -> float:
        """Take one iteration; returns the seconds left until the picture."""
        now = time.perf_counter()
        if self._previous is not None:
            self._intervals.append(now - self._previous)
        elif (
            message.spans
        ):  # the text encoder and the warm-up came before it: only its own stages tell the pace
            own = [
                span.milliseconds
                for span in message.spans
                if span.iteration == message.index and span.kind == "stage"
            ]
            self._intervals.append(sum(own) / 1e3)
        self._previous = now
        seconds = statistics.median(self._intervals[-RECENT:]) if self._intervals else 0.0
        tail = DECODER_IN_ITERATIONS * seconds if self._tail_seconds is None else self._tail_seconds
        return (message.count - message.index - 1) * seconds + tail

    def generated(self) -> float:
        """The run is over; returns the seconds since its last iteration."""
        return time.perf_counter() - self._previous if self._previous is not None else 0.0


class ComparisonPace:
    """What whole runs took, by variant and by how much they were asked to do."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[Variant, int], float] = {}
        self._tails: dict[tuple[Variant, int, int], float] = {}

    def run(self, variant: Variant, request: Request, unet_only: bool) -> RunPace:
        """The pace of a run that begins; nothing follows the last iteration of a UNet-only run."""
        return RunPace(0.0 if unet_only else self._tails.get((variant, request.width, request.height)))

    def measured(self, variant: Variant, request: Request, run: RunPace, generated: Generated) -> None:
        """A run of ``request`` as ``variant`` went through."""
        self._tails[variant, request.width, request.height] = run.generated()
        self._seconds[variant, _work(request)] = (generated.end_ns - generated.start_ns) / 1e9

    def seconds(self, variant: Variant, request: Request) -> float | None:
        """What such a run took, or would take in proportion to its iterations and pixels; None for an unmeasured variant."""
        exact = self._seconds.get((variant, _work(request)))
        if exact is not None:
            return exact
        known = [
            (work, seconds) for (measured, work), seconds in self._seconds.items() if measured == variant
        ]
        if not known:
            return None
        work, seconds = min(known, key=lambda item: abs(item[0] - _work(request)))
        return seconds * _work(request) / work


def _work(request: Request) -> int:
    return request.steps * request.width * request.height
