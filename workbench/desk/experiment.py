"""A comparison as a grid of cells: a row for every request, a column for every variant, and what came of each so far."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from psygnal import Signal

from backends.contract import MemorySample, Picture, Request, Span, Variant
from workbench.comparison import Comparison
from workbench.events import Event, Finished, Iterated, MemorySampled, Paused, Preparing, Queued
from workbench.model_choices import ModelChoice
from workbench.results import Quality, Result

Phase = Literal["empty", "waiting", "preparing", "running", "done", "failed", "cancelled"]
RESULTS_KEPT = 20
ROUNDS_KEPT = 200
SYNTHETIC_MARK = "Synthetic weights"
SYNTHETIC_NOTICE = (
    "Synthetic weights: these pictures are noise by design. Times and memory are real, quality is not shown."
)


@dataclass(frozen=True)
class Column:
    """A variant as it was when the comparison began. ``badge`` counts from 1; ``colour`` is 0 to 11."""

    variant: Variant
    colour: int
    badge: int


@dataclass(frozen=True)
class Cell:
    """One request as one variant. ``index`` of ``count`` iterations are done, ``fraction`` is of a load, 0..1.

    ``results`` are its finished runs, the newest last; ``picture`` is the newest's, ``preview`` of the one in progress.
    ``earlier`` is of another request: what the same variant made before this comparison began, until it has its own.
    """

    row: int
    column: int
    phase: Phase = "empty"
    what: str = ""
    fraction: float | None = None
    index: int = 0
    count: int = 0
    seconds_left: float | None = None
    preview: Picture | None = None
    picture: Picture | None = None
    earlier: Picture | None = None
    results: tuple[Result, ...] = ()
    error: str = ""
    detail: str = ""

    @property
    def place(self) -> tuple[int, int]:
        return self.row, self.column

    @property
    def active(self) -> bool:
        return self.phase in ("preparing", "running")

    @property
    def result(self) -> Result | None:
        """The newest finished run that went through."""
        return self.results[-1] if self.results else None

    @property
    def between_runs(self) -> bool:
        """Whether it waits for another run of the same: its figures hold until then."""
        return self.phase == "waiting" and self.what != "paused" and bool(self.results)

    @property
    def total_ms(self) -> float | None:
        """The median of its runs, in milliseconds."""
        return statistics.median(result.total_ms for result in self.results) if self.results else None

    @property
    def shown(self) -> Picture | None:
        """What is to be looked at now: the preview while it runs, else the picture."""
        if self.phase in ("running", "preparing", "waiting"):
            return self.preview or self.picture
        return self.picture


@dataclass
class Live:
    """What the run in progress has measured so far."""

    place: tuple[int, int]
    spans: list[Span] = field(default_factory=list)
    samples: list[MemorySample] = field(default_factory=list)


class Experiment:
    """The comparison that is on the desk. It mirrors what the runner says, and starts nothing itself."""

    began = Signal()
    """Another comparison: rows, columns and every cell are new."""
    cell_changed = Signal(object)
    finished = Signal(object)
    """The cell whose run has ended, in whatever way."""
    live_changed = Signal()
    rearranged = Signal(object)
    """Columns have moved: the new place of every old one. ``restated`` follows."""
    restated = Signal()
    """The same results are to be read otherwise: in another order, with other numbers or colours, against another baseline."""

    def __init__(self) -> None:
        self.comparison: Comparison | None = None
        self.model: ModelChoice | None = None
        self.columns: tuple[Column, ...] = ()
        self.cells: dict[tuple[int, int], Cell] = {}
        self.live: Live | None = None
        self.rounds: dict[Variant, deque[float]] = {}
        self.version = 0
        """Grows with every result, so that who computes from results knows when to do it again."""

    @property
    def requests(self) -> tuple[Request, ...]:
        return self.comparison.requests if self.comparison else ()

    @property
    def synthetic(self) -> bool:
        return bool(self.model and self.model.synthetic)

    @property
    def baseline(self) -> int:
        """The column of the baseline."""
        if self.comparison is None:
            return 0
        return next(
            place for place, column in enumerate(self.columns) if column.variant == self.comparison.baseline
        )

    @property
    def has_results(self) -> bool:
        return any(cell.results for cell in self.cells.values())

    def cell(self, row: int, column: int) -> Cell:
        """The cell of a row and a column. Raises KeyError outside the grid."""
        return self.cells[row, column]

    def column_of(self, variant: Variant) -> int:
        """Where a variant stands. Raises StopIteration for one that is not compared."""
        return next(place for place, column in enumerate(self.columns) if column.variant == variant)

    def begin(self, comparison: Comparison, columns: Sequence[Column], model: ModelChoice) -> None:
        """Another comparison. The same request again keeps its pictures and results; of another one, the pictures that the
        same variants made before stay as their ``earlier`` ones."""
        before = self.comparison
        again = before is not None and (before.model, before.requests) == (
            comparison.model,
            comparison.requests,
        )
        same_base = before is not None and before.baseline == comparison.baseline
        earlier = {
            (cell.row, self.columns[cell.column].variant): cell
            for cell in self.cells.values()
            if before is not None and before.model == comparison.model
        }
        if before is None or (before.model, before.variants, _shapes(before)) != (
            comparison.model,
            comparison.variants,
            _shapes(comparison),
        ):
            self.rounds.clear()
        self.comparison, self.columns, self.model, self.live = comparison, tuple(columns), model, None
        self.cells = {}
        for row in range(len(comparison.requests)):
            for place, column in enumerate(self.columns):
                old = earlier.get((row, column.variant))
                cell = Cell(row, place, "waiting")
                if old is not None and again:
                    results = old.results if same_base else tuple(map(_unjudged, old.results))
                    cell = replace(cell, results=results, picture=old.picture, earlier=old.earlier)
                elif old is not None:
                    cell = replace(cell, earlier=old.picture or old.earlier)
                self.cells[row, place] = cell
        self.version += 1
        self.began.emit()

    def restore(
        self,
        comparison: Comparison,
        columns: Sequence[Column],
        model: ModelChoice,
        cells: Sequence[Cell],
    ) -> None:
        """What was on the desk before, as it was kept."""
        self.comparison, self.columns, self.model, self.live = comparison, tuple(columns), model, None
        self.cells = {cell.place: cell for cell in cells}
        self.rounds.clear()
        self.version += 1
        self.began.emit()

    def expect(self, row: int, column: int) -> None:
        """A cell is to be run once more."""
        self._set(replace(self.cells[row, column], phase="waiting", error="", detail="", what=""))

    def handle(self, event: Event, row: int | None = None) -> None:
        """Take one event; ``row`` where its request stands elsewhere here than in the comparison that runs."""
        place = (event.request if row is None else row, self.column_of(event.variant))
        cell = self.cells[place]
        if isinstance(event, Queued):
            return
        if isinstance(event, Paused):
            self._set(replace(cell, phase="waiting", what="paused"))
        elif isinstance(event, Preparing):
            self._set(replace(cell, phase="preparing", what=event.what, fraction=event.fraction, index=0))
        elif isinstance(event, Iterated):
            self._iterated(cell, event)
        elif isinstance(event, MemorySampled):
            self._live_at(place).samples.extend(event.samples)
            self.live_changed.emit()
        elif isinstance(event, Finished):
            self._finished(cell, event)

    def judge(self, picture: Picture, quality: Quality, baseline: Variant) -> None:
        """The quality of a picture, measured after the fact against ``baseline``; nothing where either is no longer that."""
        if self.comparison is None or self.comparison.baseline != baseline:
            return
        cell = next((cell for cell in self.cells.values() if cell.picture is picture), None)
        if cell is not None and cell.result is not None:
            self.version += 1
            self._set(replace(cell, results=(*cell.results[:-1], replace(cell.result, quality=quality))))
            self.finished.emit(self.cells[cell.place])

    def arrange(self, columns: Sequence[Column]) -> None:
        """The same variants in another order, with other numbers or colours; what was measured moves along."""
        columns = tuple(columns)
        if columns == self.columns or self.comparison is None:
            return
        order = {old: columns.index(_of(column.variant, columns)) for old, column in enumerate(self.columns)}
        self.columns = columns
        if any(old != new for old, new in order.items()):
            variants = tuple(column.variant for column in columns)
            self.comparison = replace(self.comparison, variants=variants)
            moved = [replace(cell, column=order[cell.column]) for cell in self.cells.values()]
            self.cells = {cell.place: cell for cell in sorted(moved, key=lambda cell: cell.place)}
            if self.live is not None:
                self.live.place = (self.live.place[0], order[self.live.place[1]])
            self.rearranged.emit(order)
        self.version += 1
        self.restated.emit()

    def rebase(self, variant: Variant) -> bool:
        """Compare with another of the variants; whether that is a change.

        Speed-ups follow at once. Likeness to the old baseline's pictures is forgotten: it has to be measured anew.
        """
        comparison = self.comparison
        if comparison is None or variant == comparison.baseline or variant not in comparison.variants:
            return False
        self.comparison = replace(comparison, baseline=variant)
        self.cells = {
            place: replace(cell, results=tuple(_unjudged(result) for result in cell.results))
            for place, cell in self.cells.items()
        }
        self.version += 1
        self.restated.emit()
        return True

    def abandon(self, reason: str = "") -> None:
        """Nothing runs any more: what still waits or runs is cancelled, or failed where there is a reason.

        A cell that has been run on the same request before keeps what came of that.
        """
        self.live = None
        for cell in list(self.cells.values()):
            if cell.active or cell.phase == "waiting":
                finished: Phase = "done" if cell.results and cell.picture else "cancelled"
                phase = "failed" if reason and cell.active else finished
                error = reason if phase == "failed" else ""
                self._set(replace(cell, phase=phase, error=error, what="", preview=None, earlier=None))
                self.finished.emit(self.cells[cell.place])

    def _iterated(self, cell: Cell, event: Iterated) -> None:
        live = self._live_at(cell.place)
        if event.index == 0 and live.spans:
            live.spans.clear()
        live.spans.extend(span for span in event.spans if span.kind == "stage")
        self._set(
            replace(
                cell,
                phase="running",
                what="",
                fraction=None,
                index=event.index + 1,
                count=event.count,
                seconds_left=event.seconds_left,
                preview=event.preview or cell.preview,
            )
        )
        self.live_changed.emit()

    def _finished(self, cell: Cell, event: Finished) -> None:
        result = event.result
        self.live = None
        ended = replace(cell, what="", fraction=None, seconds_left=None, preview=None, earlier=None)
        if result.status == "ok":
            kept = tuple(_lighter(item) for item in cell.results[-RESULTS_KEPT + 1 :])
            self.version += 1
            self.rounds.setdefault(result.variant, deque(maxlen=ROUNDS_KEPT)).append(result.total_ms)
            ended = replace(
                ended,
                phase="done",
                results=(*kept, result),
                picture=event.picture or cell.picture,
                error="",
                detail="",
            )
        elif result.status == "error":
            detail = "\n\n".join(text for text in (result.detail, result.log_tail) if text)
            reason = result.error or "the run failed without saying why"
            ended = replace(ended, phase="failed", error=reason, detail=detail)
        else:
            ended = replace(ended, phase="done" if cell.results and cell.picture else "cancelled")
        self._set(ended)
        self.finished.emit(ended)

    def _live_at(self, place: tuple[int, int]) -> Live:
        if self.live is None or self.live.place != place:
            self.live = Live(place)
        return self.live

    def _set(self, cell: Cell) -> None:
        if self.cells.get(cell.place) != cell:
            self.cells[cell.place] = cell
            self.cell_changed.emit(cell)


def _of(variant: Variant, columns: Sequence[Column]) -> Column:
    return next(column for column in columns if column.variant == variant)


def _unjudged(result: Result) -> Result:
    """A result without its likeness to a baseline's picture; how it follows the prompt stays."""
    if result.quality is None:
        return result
    return replace(result, quality=replace(result.quality, psnr_db=None, ssim=None))


def snapshot(experiment: Experiment) -> Experiment:
    """A copy that stays as it is while the comparison goes on; cells are values, so that this costs nothing."""
    copy = Experiment()
    copy.comparison, copy.columns, copy.model = experiment.comparison, experiment.columns, experiment.model
    copy.cells = dict(experiment.cells)
    return copy


def _lighter(result: Result) -> Result:
    """An earlier run without what only the newest is asked for: its operations, warm-up and memory over time."""
    if not result.samples and not result.warmup:
        return result
    return replace(
        result, spans=tuple(span for span in result.spans if span.kind == "stage"), warmup=(), samples=()
    )


def _shapes(comparison: Comparison) -> set[tuple[int, int, int]]:
    return {(request.width, request.height, request.steps) for request in comparison.requests}
