"""All that lies on the desk, wired together: what is asked, the variants, the experiment, and what is looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from backends.contract import Variant
from backends.variants import format_variant, parse_variant
from workbench.desk.availability import Availability, Lister
from workbench.desk.board import Board
from workbench.desk.execution import Execution, Runner
from workbench.desk.experiment import Cell, Experiment
from workbench.desk.form import Form
from workbench.desk.presets import FIRST_LOOK
from workbench.desk.selection import Selection
from workbench.desk.sessions import Sessions
from workbench.desk.viewport import Viewport
from workbench.draft import Draft
from workbench.model_choices import ModelChoice
from workbench.results import Quality


class Desk:
    """The state of the window. Everything that happens to it happens on one thread, the caller's."""

    said = Signal(str, str)
    """Something to tell the person: a line, and its level (``notice`` or ``error``)."""
    measured = Signal(object, object)
    """Emitted on a thread of its own: a cell and the quality of its picture; hand it to :meth:`take_quality`."""

    def __init__(
        self,
        runner: Runner,
        models: Sequence[ModelChoice],
        find_model: Callable[[str], ModelChoice] | None = None,
        list_devices: Lister | None = None,
        kept: Any = None,
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
        self.sessions = Sessions()
        self.board.card_changed.connect(self._recolour)
        self.execution.remeasure.connect(self._measure)
        self.execution.completed.connect(self._keep)

    def to_json(self) -> dict[str, Any]:
        """What is kept until the next start; the pictures and results apart (:mod:`workbench.desk.screen`)."""
        return {
            "draft": self.form.draft.to_json(),
            "prompts": list(self.form.prompts),
            "board": self.board.to_json(),
            "new_seeds": self.execution.new_seeds,
        }

    def edited_since(self) -> frozenset[int]:
        """The numbers of the cards whose variant is not among the columns of the experiment."""
        if self.experiment.comparison is None:
            return frozenset()
        shown = {column.variant for column in self.experiment.columns}
        return frozenset(card.number for card in self.board.cards if card.variant not in shown)

    def restore_settings(self, path: Path) -> None:
        """Take the settings that a PNG carries: request, model, and its variant as a card. Says what came of it."""
        from workbench.pictures import UnreadableSettings, read_settings

        try:
            settings = read_settings(path)
        except UnreadableSettings as error:
            self.said.emit(str(error), "error")
            return
        self.form.take(settings.request, settings.model)
        told = [f"Settings of {path.name} are restored", *settings.notices]
        if settings.variant is not None and settings.variant not in self.board.variants:
            self._bring(settings.variant)
            told.append(f"with its variant {format_variant(settings.variant)}")
        self.said.emit("; ".join(told), "notice")

    def take_quality(self, cell: Cell, quality: Quality) -> None:
        """The quality of a cell that was run alone, measured afterwards."""
        now = self.experiment.cells.get(cell.place)
        if now is not None and now.result is not None and now.picture is cell.picture:
            self.experiment.replace_result(*cell.place, replace(now.result, quality=quality))

    def _bring(self, variant: Variant) -> None:
        if self.board.add(variant) is None:
            last = self.board.cards[-1]
            self.board.set_variant(last.number, variant)

    def _keep(self) -> None:
        self.sessions.keep(self.experiment)

    def _recolour(self, _: object) -> None:
        self.experiment.recolour([(card.variant, card.colour) for card in self.board.cards])

    def _measure(self, cell: Cell) -> None:
        """Compare a retried picture with its baseline's, off the window's thread; synthetic pictures are not judged."""
        base = self.experiment.cells.get((cell.row, self.experiment.baseline))
        if base is None or base is cell or base.column == cell.column or self.experiment.synthetic:
            return
        cell = self.experiment.cells[cell.place]
        if base.picture is None or cell.picture is None or cell.result is None:
            return
        threading.Thread(target=self._measuring, args=(cell, base), name="quality", daemon=True).start()

    def _measuring(self, cell: Cell, base: Cell) -> None:
        from workbench.quality import compare_pictures

        assert cell.picture and base.picture and cell.result
        psnr_db, ssim = compare_pictures(cell.picture, base.picture)
        known = cell.result.quality or Quality(None, None, None)
        self.measured.emit(cell, replace(known, psnr_db=psnr_db, ssim=ssim))
