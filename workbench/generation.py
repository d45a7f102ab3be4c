"""The state of the window that turns a prompt into a picture: plain Python with signals, runs without a screen.

A view shows what is here and calls :meth:`Generation.edit`, :meth:`generate`, :meth:`cancel`, :meth:`show`. The
runner's events arrive through :meth:`Generation.handle`, on whatever thread the caller chose to be the model's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from psygnal import Signal

from backends.contract import BackendError, InvalidRequest, Picture, Request, Span, Variant
from backends.variants import InvalidVariant, make_variant
from workbench.comparison import Comparison
from workbench.draft import Draft, format_size, random_seed
from workbench.events import Event, Finished, Iterated, MemorySampled, Preparing, Queued
from workbench.progress import Failure, Progress
from workbench.results import Result

HISTORY_LENGTH = 60
SYNTHETIC_NOTICE = "Synthetic weights: this picture is noise by design. Its times and memory are real, its quality means nothing."


class Runner(Protocol):
    """What runs a comparison in the background; :class:`workbench.runner.SessionRunner` is one."""

    @property
    def running(self) -> bool: ...

    def start(self, comparison: Comparison) -> None: ...

    def cancel(self) -> None: ...


@dataclass(frozen=True)
class ModelChoice:
    """A model as the window offers it, with the settings it was made for."""

    name: str
    title: str
    synthetic: bool = False
    width: int = 256
    height: int = 256
    steps: int = 25
    guidance_scale: float = 5.0
    scheduler: str = "ddim"


@dataclass(frozen=True)
class Run:
    """What was asked for last: it runs, or it has ended."""

    request: Request
    variant: Variant
    model: ModelChoice


@dataclass(frozen=True)
class Outcome:
    """A finished picture and everything measured while it was made."""

    result: Result
    picture: Picture
    model: ModelChoice
    number: int
    finished_at: float = field(default_factory=time.time)

    @property
    def notices(self) -> tuple[str, ...]:
        """What must be said beside the picture, synthetic weights first."""
        if not self.model.synthetic:
            return self.result.notices
        return (SYNTHETIC_NOTICE, *(text for text in self.result.notices if "synthetic" not in text.lower()))


class Generation:
    """One draft, at most one run, the pictures made so far, and which of them is looked at.

    ``shown`` is an earlier outcome, or None for the live preview of the run in progress (or nothing yet).
    """

    draft_changed = Signal(object)
    problems_changed = Signal(object)
    progress_changed = Signal(object)
    preview_changed = Signal(object)
    spans_changed = Signal(object)
    shown_changed = Signal(object)
    history_changed = Signal(object)
    failure_changed = Signal(object)

    def __init__(
        self,
        runner: Runner,
        models: Sequence[ModelChoice],
        find_model: Callable[[str], ModelChoice] | None = None,
        draft: Draft | None = None,
    ):
        self._runner = runner
        self._find_model = find_model
        self.models = tuple(models)
        self.draft = draft or self._with_defaults(Draft(), self.models[0])
        self.problems: dict[str, str] = {}
        self.progress = Progress()
        self.preview: Picture | None = None
        self.spans: tuple[Span, ...] = ()
        self.peak_rss_bytes: int | None = None
        self.shown: Outcome | None = None
        self.history: tuple[Outcome, ...] = ()
        self.failure: Failure | None = None
        self.run: Run | None = None
        self._waiting: Comparison | None = None

    @property
    def requested_size(self) -> tuple[int, int]:
        """Width and height of the picture being made (or made last), or of the one that would be."""
        try:
            request = self.run.request if self.run else self.draft.request()
        except InvalidRequest:
            return 1, 1
        return request.width, request.height

    # Editing

    def edit(self, **changes: Any) -> None:
        """Change fields of the draft; each changed field is checked at once, and its old error goes."""
        draft = replace(self.draft, **changes)
        if draft == self.draft:
            return
        self.draft = draft
        problems = {name: text for name, text in self.problems.items() if name not in changes}
        for name in changes:
            problem = draft.problem(name)
            if problem and name != "prompt":  # an empty prompt is told when someone asks for a picture of it
                problems[name] = problem
        if "prompt" in changes and draft.prompt.strip() and (problem := draft.problem("prompt")):
            problems["prompt"] = problem
        self._set_problems(problems)
        self.draft_changed.emit(draft)

    def choose_model(self, name: str) -> None:
        """Take a model and the settings it was made for; an unknown one is an error at the model's field."""
        if name == self.draft.model and "model" not in self.problems:
            return
        try:
            choice = self.model_choice(name)
        except (BackendError, InvalidRequest) as error:
            self.draft = replace(self.draft, model=name)
            self._set_problems(self.problems | {"model": str(error)})
            self.draft_changed.emit(self.draft)
            return
        defaults = self._with_defaults(self.draft, choice)
        names = ("model", "size", "steps", "guidance_scale", "scheduler")
        self._set_problems({name: text for name, text in self.problems.items() if name not in names})
        self.draft = defaults
        self.draft_changed.emit(defaults)

    def model_choice(self, name: str) -> ModelChoice:
        """The model of that name among those offered, or found by name. Raises BackendError where there is none."""
        for choice in self.models:
            if choice.name == name:
                return choice
        if not name.strip() or self._find_model is None:
            raise BackendError(
                f"there is no model {name!r}; known are {', '.join(choice.name for choice in self.models)}"
            )
        return self._find_model(name)

    def take_from(self, request: Request, model: str | None = None, variant: Variant | None = None) -> None:
        """Take the settings that made a picture; what it does not say stays."""
        draft = self.draft.with_request(request)
        self.draft = replace(draft, model=model or draft.model, variant=variant or draft.variant)
        self._set_problems({})
        self.draft_changed.emit(self.draft)

    def roll_seed(self) -> None:
        """A new random seed."""
        self.edit(seed=random_seed())

    def set_variant(
        self, backend: str, device: str | None, precision: str, values: dict[str, bool | float]
    ) -> None:
        """Choose a variant; one that does not exist is an error at the variant."""
        try:
            variant = make_variant(backend, device, precision, values)
        except InvalidVariant as error:
            self._set_problems(self.problems | {"variant": str(error)})
            return
        self.edit(variant=variant)

    def reuse(self, outcome: Outcome) -> None:
        """Take the settings that made an earlier picture."""
        self.take_from(outcome.result.request, outcome.model.name, outcome.result.variant)

    # Running

    def generate(self) -> bool:
        """Start a run of the draft. False, with the errors set, when something in it is wrong or a run is on."""
        if self.progress.active:
            return False
        if not self.draft.keep_seed:
            self.roll_seed()
        problems = self.draft.problems()
        try:
            choice = self.model_choice(self.draft.model)
        except (BackendError, InvalidRequest) as error:
            problems.setdefault("model", str(error))
        self._set_problems(problems)
        if problems:
            return False
        self._set_failure(None)
        self._begin(choice, self.draft.request(), self.draft.variant)
        return True

    def cancel(self) -> None:
        """Ask the run to stop; it ends with an event, the picture before it stays."""
        if self.progress.phase in ("preparing", "running"):
            self._set_progress(replace(self.progress, phase="cancelling", seconds_left=None))
            if self._waiting is None:
                self._runner.cancel()
            else:
                self._waiting = None
                self._set_progress(Progress("cancelled"))

    def show(self, outcome: Outcome | None) -> None:
        """Look at an earlier picture; None looks at the run in progress."""
        if outcome is not self.shown:
            self.shown = outcome
            self.shown_changed.emit(outcome)

    def dismiss_failure(self) -> None:
        """Forget the last failure."""
        self._set_failure(None)

    def handle(self, event: Event) -> None:
        """Take one event of the run in progress."""
        if self.run is None or not self.progress.active:
            return
        if isinstance(event, Queued | Preparing):
            what, fraction = (
                (event.what, event.fraction) if isinstance(event, Preparing) else ("waiting", None)
            )
            if self.progress.phase == "preparing":
                self._set_progress(replace(self.progress, what=what, fraction=fraction))
        elif isinstance(event, Iterated):
            self._iterated(event)
        elif isinstance(event, MemorySampled):
            self.peak_rss_bytes = max(
                self.peak_rss_bytes or 0, *(sample.rss_bytes for sample in event.samples)
            )
        elif isinstance(event, Finished):
            self._finished(event, self.run)

    def runner_changed(self, running: bool) -> None:
        """The runner is busy, or free again for the run that waits for it."""
        waiting = self._waiting
        if not running and waiting is not None:
            self._waiting = None
            self._start(waiting)

    def fail(self, message: str, detail: str = "") -> None:
        """The run broke down outside a worker; the window stays usable."""
        self._set_failure(Failure(message, detail))
        self._set_progress(Progress("failed"))

    def _begin(self, choice: ModelChoice, request: Request, variant: Variant) -> None:
        self.run = Run(request, variant, choice)
        self.preview, self.spans, self.peak_rss_bytes = None, (), None
        self._set_progress(Progress("preparing", "starting the worker", None, 0, request.steps))
        self.preview_changed.emit(None)
        self.spans_changed.emit(())
        self.show(None)
        comparison = Comparison(choice.name, (request,), (variant,), variant)
        if self._runner.running:  # the last run has said all, but its thread still clears up
            self._waiting = comparison
        else:
            self._start(comparison)

    def _start(self, comparison: Comparison) -> None:
        try:
            self._runner.start(comparison)
        except (RuntimeError, InvalidRequest, InvalidVariant, OSError) as error:
            self.fail(str(error))

    def _iterated(self, event: Iterated) -> None:
        if self.progress.phase == "cancelling":
            return
        self.spans += tuple(span for span in event.spans if span.kind == "stage")
        done = event.index + 1
        self._set_progress(Progress("running", "", done / event.count, done, event.count, event.seconds_left))
        self.spans_changed.emit(self.spans)
        if event.preview is not None:
            self.preview = event.preview
            self.preview_changed.emit(event.preview)

    def _finished(self, event: Finished, run: Run) -> None:
        result = event.result
        if result.status == "ok" and event.picture is not None:
            number = self.history[-1].number + 1 if self.history else 1
            outcome = Outcome(result, event.picture, run.model, number)
            self.history = (*self.history, outcome)[-HISTORY_LENGTH:]
            following = self.shown is None
            self._set_progress(Progress("done"))
            self.history_changed.emit(self.history)
            if following:
                self.show(outcome)
            return
        if result.status == "error":
            self._set_failure(Failure(result.error or "the run failed without saying why", result.log_tail))
        self._set_progress(Progress("failed" if result.status == "error" else "cancelled"))
        if self.shown is None and self.history:
            self.show(self.history[-1])

    # Setting, with a signal only where something changed

    def _with_defaults(self, draft: Draft, choice: ModelChoice) -> Draft:
        return replace(
            draft,
            model=choice.name,
            size=format_size(choice.width, choice.height),
            steps=choice.steps,
            guidance_scale=choice.guidance_scale,
            scheduler=choice.scheduler,
        )

    def _set_problems(self, problems: dict[str, str]) -> None:
        if problems != self.problems:
            self.problems = problems
            self.problems_changed.emit(problems)

    def _set_progress(self, progress: Progress) -> None:
        if progress != self.progress:
            self.progress = progress
            self.progress_changed.emit(progress)

    def _set_failure(self, failure: Failure | None) -> None:
        if failure != self.failure:
            self.failure = failure
            self.failure_changed.emit(failure)
