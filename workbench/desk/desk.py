"""All that lies on the desk, wired together: what is asked, the variants, the experiment, and what is looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from psygnal import Signal

from backends.contract import Picture, Variant
from backends.variants import format_variant, parse_variant
from workbench.desk.arrangement import arranged
from workbench.desk.availability import Availability, Lister
from workbench.desk.board import Board
from workbench.desk.execution import Execution, Runner, State
from workbench.desk.experiment import Cell, Experiment
from workbench.desk.form import Form
from workbench.desk.outlook import Outlook
from workbench.desk.pixel_cursor import PixelCursor
from workbench.desk.presets import FIRST_LOOK
from workbench.desk.samples import Samples
from workbench.desk.screen import Kept
from workbench.desk.selection import Selection
from workbench.desk.sessions import Sessions
from workbench.desk.viewport import Viewport
from workbench.draft import Draft
from workbench.model_choices import ModelChoice
from workbench.pictures import Settings
from workbench.results import Quality


@dataclass(frozen=True)
class Judged:
    """The quality of a picture, measured against the baseline's."""

    picture: Picture
    quality: Quality
    baseline: Variant


class Desk:
    """The state of the window. Everything that happens to it happens on one thread, the caller's."""

    said = Signal(str, str)
    """Something to tell the person: a line, and its level (``notice`` or ``error``)."""
    measured = Signal(object)
    """Emitted on a thread of its own: a :class:`Judged`; hand it to :meth:`take_quality`."""

    def __init__(
        self,
        runner: Runner,
        models: Sequence[ModelChoice],
        find_model: Callable[[str], ModelChoice] | None = None,
        list_devices: Lister | None = None,
        kept: Any = None,
        samples: Sequence[str] = (),
    ):
        kept = kept if isinstance(kept, dict) else {}
        draft = Draft.from_json(kept["draft"]) if "draft" in kept else None
        prompts = kept.get("prompts")
        prompts = [item for item in prompts if isinstance(item, str)] if isinstance(prompts, list) else []
        self.form = Form(models, find_model, draft, prompts)
        self.availability = Availability(list_devices)
        self.board = Board([parse_variant(line) for line in FIRST_LOOK.lines])
        self.board.restore(kept.get("board"))
        self.experiment = Experiment()
        self.execution = Execution(runner, self.form, self.board, self.experiment, self.availability)
        self.execution.new_seeds = kept.get("new_seeds") is not False
        self.selection = Selection(self.experiment)
        self.viewport = Viewport()
        self.cursor = PixelCursor(self.viewport)
        self.outlook = Outlook(kept.get("outlook"))
        self.samples = Samples(samples)
        self.sessions = Sessions()
        self._rebase_later = False
        self.board.cards_changed.connect(self._follow)
        self.board.card_changed.connect(self._follow)
        self.board.baseline_changed.connect(self._rebase)
        self.experiment.began.connect(self._follow)
        self.execution.state_changed.connect(self._ended)
        self.execution.remeasure.connect(lambda cell: self._measure([cell]))
        self.execution.completed.connect(self._keep)

    def to_json(self) -> dict[str, Any]:
        """What is kept until the next start; the pictures and results apart (:mod:`workbench.desk.screen`)."""
        return {
            "draft": self.form.draft.to_json(),
            "prompts": list(self.form.prompts),
            "board": self.board.to_json(),
            "new_seeds": self.execution.new_seeds,
            "outlook": self.outlook.to_json(),
        }

    def looking(self) -> dict[str, Any]:
        """What is looked at, and how closely; kept with the pictures it is about."""
        return {"selection": self.selection.to_json(), "viewport": self.viewport.to_json()}

    def restore(self, kept: Kept) -> None:
        """Bring back what was on the screen, or an earlier comparison."""
        self.experiment.restore(kept.comparison, kept.columns, kept.model, kept.cells)
        self.selection.restore(kept.looking.get("selection"))
        self.viewport.restore(kept.looking.get("viewport"))

    def edited_since(self) -> frozenset[int]:
        """The numbers of the cards whose variant is not among the columns of the experiment."""
        if self.experiment.comparison is None:
            return frozenset()
        shown = {column.variant for column in self.experiment.columns}
        return frozenset(card.number for card in self.board.cards if card.variant not in shown)

    def take_settings(self, name: str, settings: Settings) -> None:
        """Take what a picture carries: request, model, and its variant as a card. Says what came of it."""
        self.form.take(settings.request, settings.model)
        told = [f"Settings of {name} are restored", *settings.notices]
        if settings.variant is not None and settings.variant not in self.board.variants:
            self._bring(settings.variant)
            told.append(f"with its variant {format_variant(settings.variant)}")
        self.said.emit("; ".join(told), "notice")

    def take_quality(self, judged: Judged) -> None:
        """Quality that was measured afterwards, of a cell that was run alone or after a change of the baseline."""
        self.experiment.judge(judged.picture, judged.quality, judged.baseline)

    def _bring(self, variant: Variant) -> None:
        if self.board.add(variant) is None:
            last = self.board.cards[-1]
            self.board.set_variant(last.number, variant)

    def _keep(self) -> None:
        self.sessions.keep(self.experiment)

    def _follow(self, _: object = None) -> None:
        self.experiment.arrange(arranged(self.experiment.columns, self.board.cards))

    def _rebase(self, _: object = None) -> None:
        """Compare what is shown with the board's baseline, unless a run is on, whose figures are against the old one."""
        self._rebase_later = self.execution.state.active
        if not self._rebase_later and self.experiment.rebase(self.board.baseline_card.variant):
            self._measure(list(self.experiment.cells.values()))

    def _ended(self, state: State) -> None:
        if self._rebase_later and not state.active:
            self._rebase()

    def _measure(self, cells: Sequence[Cell]) -> None:
        """Compare pictures with their baseline's, off the window's thread; synthetic pictures are not judged."""
        experiment = self.experiment
        if experiment.synthetic or experiment.comparison is None:
            return
        bases = {cell.row for cell in cells if cell.column == experiment.baseline}
        others = [cell for cell in experiment.cells.values() if cell.row in bases]
        pairs = []
        for cell in {cell.place: cell for cell in (*cells, *others)}.values():
            base = experiment.cell(cell.row, experiment.baseline)
            now = experiment.cell(*cell.place)
            if now is not base and now.picture and base.picture and now.result:
                pairs.append((now.picture, base.picture, now.result.quality))
        if pairs:
            work = partial(self._measuring, pairs, experiment.comparison.baseline)
            threading.Thread(target=work, name="quality", daemon=True).start()

    def _measuring(self, pairs: Sequence[tuple[Picture, Picture, Quality | None]], baseline: Variant) -> None:
        from workbench.quality import compare_pictures

        for picture, base, known in pairs:
            psnr_db, ssim = compare_pictures(picture, base)
            quality = replace(known or Quality(None, None, None), psnr_db=psnr_db, ssim=ssim)
            self.measured.emit(Judged(picture, quality, baseline))
