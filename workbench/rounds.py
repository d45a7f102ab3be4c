"""One comparison from its first run to its last: what :meth:`workbench.session.Session.run` goes through."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from backends.contract import (
    Arena,
    Cancelled,
    Failed,
    Generate,
    Generated,
    Iteration,
    Load,
    Loaded,
    Loading,
    MemorySample,
    Picture,
    Request,
    Span,
    Variant,
)
from backends.models import ModelCard
from backends.variants import format_variant
from workbench.comparison import Comparison
from workbench.control import Control
from workbench.conversation import Conversation, Patience, Stopped, WorkerFailed
from workbench.events import Event, Finished, Iterated, MemorySampled, Paused, Preparing, Queued
from workbench.footprint import needed_bytes
from workbench.monitor import MemoryMonitor, Sampled
from workbench.pace import ComparisonPace
from workbench.quality import PromptJudge, compare_pictures, import_metrics
from workbench.results import Memory, Quality, Result
from workbench.workers import MODEL_ENTRY, Worker, WorkerKey, WorkerPool

MEGABYTE = 1e6
SYNTHETIC_NOTICE = (
    "synthetic weights: for latency and memory only; the picture means nothing and its quality is not shown"
)
SELF_JUDGED = "critters"


@dataclass(frozen=True)
class Run:
    """One request on one variant, once."""

    variant: Variant
    index: int
    repeat: int
    request: Request

    @property
    def place(self) -> tuple[Variant, int, int]:
        """The first three fields of every event."""
        return self.variant, self.index, self.repeat


@dataclass(frozen=True)
class Tools:
    """What a session lends each of its comparisons; it outlives them."""

    pool: WorkerPool
    monitor: MemoryMonitor
    judge: PromptJudge
    control: Control
    patience: Patience


@dataclass(frozen=True)
class _Measured:
    """What came of a run that went through."""

    generated: Generated
    samples: tuple[MemorySample, ...]
    sent_ns: int


class Round:
    """The state of one comparison: its noise, its baselines' pictures, what failed, and how fast things go."""

    def __init__(self, tools: Tools, comparison: Comparison, card: ModelCard, cancelled: threading.Event):
        self._tools = tools
        self._pool = tools.pool
        self._comparison = comparison
        self._card = card
        self._cancelled = cancelled
        self._pace = ComparisonPace()
        self._noise: dict[int, bytes] = {}
        self._baselines: dict[int, Picture] = {}
        self._qualities: dict[tuple[int, str], Quality | None] = {}
        self._arenas: dict[tuple[Arena, ...], tuple[Arena, ...]] = {}
        """Equal ones are kept once: every repeat's are, and they are large."""
        self._unloadable: dict[Variant, WorkerFailed] = {}
        self._failed: dict[tuple[Variant, int], WorkerFailed] = {}
        self._left: list[Run] = list(plan(comparison))
        self._judged = card.kind == SELF_JUDGED and not comparison.unet_only
        self._compared = not (card.synthetic or comparison.unet_only) and len(comparison.variants) > 1

    def events(self) -> Iterator[Event]:
        """Run everything that was planned."""
        for run in self._left:
            yield Queued(*run.place)
        if self._compared:
            import_metrics()
        if self._judged and not self._cancelled.is_set():
            self._prepare_judge()
        while self._left:
            run = self._left[0]
            if self._tools.control.paused and not self._cancelled.is_set():
                yield Paused(*run.place)
                self._tools.control.wait_while_paused(self._cancelled)
            yield from self._perform(run)
            self._left.pop(0)

    def _prepare_judge(self) -> None:
        """Have the judge loaded before any model is: beside each other, both with threads for all processors, they take four
        times as long as one after the other."""
        with contextlib.suppress(Stopped):
            self._tools.judge.begin(self._cancelled)
            self._tools.judge.wait_until_ready()

    def _perform(self, run: Run) -> Iterator[Event]:
        load_seconds, worker = None, None
        try:
            if self._cancelled.is_set():
                raise Stopped
            failure = self._unloadable.get(run.variant) or self._failed.get((run.variant, run.index))
            if failure:
                raise failure
            worker = self._pool.get(self._key(run))
            if worker is None:
                worker = yield from self._load(run)
                load_seconds = worker.loaded.load_seconds if worker.loaded else None
            if self._judged:
                self._tools.judge.wait_until_ready()
            measured = yield from self._generate(run, worker)
            self._pool.make_room(0, keep=[worker, *self._tools.judge.worker()])
            yield self._finished(run, worker, load_seconds, measured)
        except Stopped:
            yield Finished(
                *run.place, Result(run.request, run.variant, "cancelled", load_seconds=load_seconds), None
            )
        except WorkerFailed as error:
            yield self._failure(run, load_seconds, error)

    def _key(self, run: Run) -> WorkerKey:
        return WorkerKey(MODEL_ENTRY, self._comparison.model, run.variant)

    # Loading

    def _load(self, run: Run) -> Generator[Event, None, Worker]:
        """Start a worker and load the variant in it; it is killed unless all goes well."""
        self._make_room(run)
        yield Preparing(*run.place, "starting the worker", None)
        try:
            worker = self._pool.start(self._key(run), self._cancelled)
        except OSError as error:
            raise self._cannot_load(
                run, WorkerFailed(f"no worker process could be started: {error}")
            ) from error
        try:
            yield from self._loading(run, worker)
        except WorkerFailed as error:
            raise self._cannot_load(run, error) from None
        finally:
            self._tools.monitor.unwatch()
            if worker.loaded is None:
                self._pool.drop(worker)
        return worker

    def _cannot_load(self, run: Run, error: WorkerFailed) -> WorkerFailed:
        """Keep in mind that this variant does not load: it is not tried again in this comparison."""
        self._unloadable[run.variant] = error
        return error

    def _loading(self, run: Run, worker: Worker) -> Iterator[Event]:
        talk = Conversation(
            worker, self._pool.inbox, self._cancelled, self._tools.patience, "loading", interruptible=False
        )
        self._tools.monitor.watch(worker)
        worker.send(Load(self._comparison.model, run.variant))
        for message in talk.messages():
            if isinstance(message, Sampled):
                yield MemorySampled(*run.place, message.samples)
            elif isinstance(message, Loading):
                yield Preparing(*run.place, message.what, message.fraction)
            elif isinstance(message, Loaded):
                worker.loaded = message
                return
            elif isinstance(message, Failed):
                raise WorkerFailed(message.message, message.detail, worker.log_tail(), message.invalid_field)

    def _make_room(self, run: Run) -> None:
        """End idle workers until this variant fits. Raises WorkerFailed, with the figures, where it never will."""
        need = needed_bytes(self._card, run.variant)
        usual = min(self._pool.usual_bytes(self._key(run)), self._pool.budget_bytes)
        if not self._pool.make_room(max(need, usual), keep=self._tools.judge.worker()):
            refusal = WorkerFailed(
                f"it would not fit: {format_variant(run.variant)} needs about {need / MEGABYTE:,.0f} MB, and this session may "
                f"take {self._pool.budget_bytes / MEGABYTE:,.0f} MB; choose a smaller precision or model, or raise the budget"
            )
            raise self._cannot_load(run, refusal)

    # Generating

    def _generate(self, run: Run, worker: Worker) -> Generator[Event, None, _Measured]:
        """One request in a loaded worker. It stays warm, unless it failed or the events are no longer wanted."""
        usable = False
        sent_ns = time.perf_counter_ns()
        try:
            generated = yield from self._generating(run, worker)
            usable = True
        except WorkerFailed as error:
            usable = error.invalid_field is not None
            self._failed[run.variant, run.index] = error
            if self._cancelled.is_set():
                raise Stopped from error
            raise
        except _Answered:
            usable = True
            raise Stopped from None
        finally:
            samples = self._tools.monitor.unwatch()
            if not usable:
                self._pool.drop(worker)
        return _Measured(generated, samples, sent_ns)

    def _generating(self, run: Run, worker: Worker) -> Generator[Event, None, Generated]:
        comparison = self._comparison
        pace = self._pace.run(run.variant, run.request, comparison.unet_only)
        talk = Conversation(worker, self._pool.inbox, self._cancelled, self._tools.patience, "generating")
        self._tools.monitor.watch(worker)
        noise = self._noise.get(run.index)
        worker.send(
            Generate(
                run.request,
                noise,
                comparison.previews,
                comparison.kernels,
                comparison.unet_only,
                comparison.arenas,
            )
        )
        for message in talk.messages():
            if isinstance(message, Sampled):
                yield MemorySampled(*run.place, message.samples)
            elif isinstance(message, Loading):
                yield Preparing(*run.place, message.what, message.fraction)
            elif isinstance(message, Iteration):
                seconds = pace.iterated(message)
                where = (message.index, message.count, message.preview, message.spans)
                yield Iterated(*run.place, *where, seconds, self._seconds_left_in_all(seconds))
            elif isinstance(message, Generated):
                self._pace.measured(run.variant, run.request, pace, message)
                return message
            elif isinstance(message, Cancelled):
                raise _Answered
            elif isinstance(message, Failed):
                raise WorkerFailed(message.message, message.detail, worker.log_tail(), message.invalid_field)
        raise AssertionError("a conversation ends by a message or an exception")

    def _seconds_left_in_all(self, seconds: float) -> float | None:
        for run in self._left[1:]:
            more = self._pace.seconds(run.variant, run.request)
            if more is None:
                return None
            seconds += more
        return seconds

    # Results

    def _finished(
        self, run: Run, worker: Worker, load_seconds: float | None, measured: _Measured
    ) -> Finished:
        generated = measured.generated
        noise = self._noise.setdefault(run.index, generated.latents)
        if generated.latents != noise:
            return self._failure(
                run, load_seconds, WorkerFailed("it started from other noise than the first variant did")
            )
        quality, notices = self._quality(run, generated.picture)
        loaded = worker.loaded
        done_ns = time.perf_counter_ns()
        inside = [
            sample for sample in measured.samples if generated.start_ns <= sample.time_ns <= generated.end_ns
        ]
        result = Result(
            request=run.request,
            variant=run.variant,
            status="ok",
            load_seconds=load_seconds,
            start_ns=generated.start_ns,
            end_ns=generated.end_ns,
            spans=generated.spans,
            warmup=generated.warmup,
            samples=measured.samples,
            memory=Memory(
                max((sample.rss_bytes for sample in inside or measured.samples), default=None),
                generated.weights_bytes or (loaded.weights_bytes if loaded else None),
                generated.tensors_bytes,
            ),
            quality=quality,
            device_name=loaded.device_name if loaded else "",
            notices=(*(loaded.notices if loaded else ()), *generated.notices, *notices),
            latents_sha256=hashlib.sha256(generated.latents).hexdigest(),
            picture_sha256=hashlib.sha256(generated.picture.pixels).hexdigest()
            if generated.picture
            else None,
            unet_only=self._comparison.unet_only,
            arenas=self._arenas.setdefault(generated.arenas, generated.arenas),
            overhead_ms=(done_ns - measured.sent_ns - (generated.end_ns - generated.start_ns)) / 1e6
            - _extent_ms(generated.warmup),
        )
        return Finished(*run.place, result, generated.picture)

    def _failure(self, run: Run, load_seconds: float | None, error: WorkerFailed) -> Finished:
        result = Result(
            run.request,
            run.variant,
            "error",
            error=str(error),
            load_seconds=load_seconds,
            log_tail=error.log_tail,
            detail=error.detail,
            invalid_field=error.invalid_field,
            unet_only=self._comparison.unet_only,
        )
        return Finished(*run.place, result, None)

    def _quality(self, run: Run, picture: Picture | None) -> tuple[Quality | None, list[str]]:
        """The picture's quality, measured once for equal pictures, and what there is to say about it."""
        if self._card.synthetic:
            return None, [SYNTHETIC_NOTICE]
        if picture is None:
            return None, []
        if run.variant == self._comparison.baseline:
            self._baselines.setdefault(run.index, picture)
        key = (
            run.index,
            hashlib.sha256(picture.pixels).hexdigest() + str(run.variant == self._comparison.baseline),
        )
        notices = []
        if key not in self._qualities:
            self._qualities[key] = self._measure_quality(run, picture)
        if run.variant != self._comparison.baseline and run.index not in self._baselines:
            notices.append("the baseline made no picture; PSNR and SSIM are not measured")
        if self._judged and self._tools.judge.notice:
            notices.append(self._tools.judge.notice)
        return self._qualities[key], notices

    def _measure_quality(self, run: Run, picture: Picture) -> Quality | None:
        baseline = self._baselines.get(run.index)
        psnr_db, ssim = None, None
        if baseline is not None and run.variant != self._comparison.baseline:
            psnr_db, ssim = compare_pictures(picture, baseline)
        judged = self._tools.judge.judge(run.request.prompt, picture) if self._judged else None
        if judged:
            return Quality(psnr_db, ssim, judged.fidelity, judged.found, judged.named)
        return None if psnr_db is None else Quality(psnr_db, ssim, None)


class _Answered(Exception):
    """The worker answered a cancel, and is as good as before."""


def plan(comparison: Comparison) -> Iterator[Run]:
    """Requests outermost, then repeats, then the variants with the baseline first: A B C A B C."""
    others = [variant for variant in comparison.variants if variant != comparison.baseline]
    for index, request in enumerate(comparison.requests):
        for repeat in range(comparison.repeats):
            for variant in (comparison.baseline, *others):
                yield Run(variant, index, repeat, request)


def _extent_ms(spans: tuple[Span, ...]) -> float:
    return (max(span.end_ns for span in spans) - min(span.start_ns for span in spans)) / 1e6 if spans else 0.0
