"""A runner that a test plays by hand, and what it needs to make events."""

from __future__ import annotations

from psygnal import Signal

from backends.contract import MemorySample, Picture, Span, Variant
from backends.variants import parse_variant
from workbench.comparison import Comparison
from workbench.desk.desk import Desk
from workbench.events import Event, Finished, Iterated, MemorySampled, Preparing, Queued
from workbench.model_choices import ModelChoice
from workbench.results import Memory, Quality, Result, Status

CRITTERS = ModelChoice("critters", "Critters", steps=30, guidance_scale=4.0)
SYNTHETIC = ModelChoice("sd14-synthetic", "Synthetic", synthetic=True, width=512, height=512, steps=50)
MILLISECOND = 1_000_000


class Script:
    """Starts nothing; remembers what it was asked."""

    event = Signal(object)

    def __init__(self) -> None:
        self.started: list[Comparison] = []
        self.cancels = self.pauses = self.resumes = 0
        self.running = False

    def start(self, comparison: Comparison) -> None:
        self.started.append(comparison)
        self.running = True

    def cancel(self) -> None:
        self.cancels += 1

    def pause(self) -> None:
        self.pauses += 1

    def resume(self) -> None:
        self.resumes += 1


class Play:
    """Plays the events of the comparison started last, as a session would send them."""

    def __init__(self, desk: Desk, script: Script, side: int = 8):
        self.desk = desk
        self.script = script
        self.side = side

    @property
    def comparison(self) -> Comparison:
        return self.script.started[-1]

    def events(self, fail: str | None = None, status: Status = "ok") -> list[Event]:
        """Every event; the variant ``fail`` (in its one-line form) ends with an error."""
        comparison, events, clock = self.comparison, [], MILLISECOND
        order = [
            comparison.baseline,
            *(item for item in comparison.variants if item != comparison.baseline),
        ]
        places = [
            (variant, index, repeat)
            for index in range(len(comparison.requests))
            for repeat in range(comparison.repeats)
            for variant in order
        ]
        events += [Queued(*place) for place in places]
        for place in places:
            variant, index, _ = place
            request = comparison.requests[index]
            slow = 2 if variant == comparison.baseline else 1
            spans = []
            for step in range(2):
                span = Span("unet", "unet", clock, clock + slow * 10 * MILLISECOND, step)
                clock = span.end_ns
                spans.append(span)
                events.append(Iterated(*place, step, 2, picture(step, self.side), (span,), 1.0 - step))
            samples = (MemorySample(spans[0].start_ns, 300), MemorySample(clock, 500))
            events.append(MemorySampled(*place, samples))
            failed = fail is not None and variant == parse_variant(fail)
            quality = None if variant == comparison.baseline else Quality(40.0, 0.98, 0.9)
            result = Result(
                request,
                variant,
                "error" if failed else status,
                error="its worker was ended by SIGKILL" if failed else None,
                start_ns=spans[0].start_ns,
                end_ns=clock,
                spans=() if failed else tuple(spans),
                samples=samples,
                memory=Memory(500, 100, 50),
                quality=quality,
                device_name="a processor",
            )
            ok = result.status == "ok"
            events.append(Finished(*place, result, picture(9, self.side) if ok else None))
        return events

    def round(self, fail: str | None = None, status: Status = "ok") -> None:
        """One comparison from its first event to the runner being free again."""
        for event in self.events(fail, status):
            self.desk.execution.handle(event)
        self.free()

    def free(self) -> None:
        self.script.running = False
        self.desk.execution.runner_changed(False)


def picture(shade: int, side: int = 8) -> Picture:
    return Picture(side, side, bytes([shade]) * (3 * side * side))


def preparing(place: tuple[Variant, int, int], what: str, fraction: float | None) -> Preparing:
    return Preparing(*place, what, fraction)
