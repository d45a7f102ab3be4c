"""A cell, or all of them, in words: what is being done, or what came of it."""

from __future__ import annotations

import math

from workbench.desk.execution import State
from workbench.desk.experiment import Cell, Experiment
from workbench.results import Quality
from workbench.timeline import format_ms


def runs_done(state: State) -> str:
    """How many runs gave a picture, and how many did not."""
    words = f"{state.done - state.failed - state.cancelled} of {state.total} runs done"
    for count, what in ((state.failed, "failed"), (state.cancelled, "cancelled")):
        words += f", {count} {what}" if count else ""
    return words


def cell_status(cell: Cell) -> str:
    """What a cell that is not done is doing."""
    if cell.phase == "waiting":
        return "Paused before this run" if cell.what == "paused" else "Waiting"
    if cell.phase == "preparing":
        share = "" if cell.fraction is None else f" {cell.fraction:.0%}"
        return f"{cell.what[:1].upper()}{cell.what[1:]}{share}"
    if cell.phase == "running":
        return (
            f"Iteration {cell.index} of {cell.count}" if cell.index < cell.count else "Decoding the picture"
        )
    return {"cancelled": "Cancelled", "failed": "Failed", "empty": "Not run yet"}.get(cell.phase, "")


def cell_caption(experiment: Experiment, cell: Cell) -> str:
    """What came of a cell: time, speed-up over the baseline of its row, quality. Synthetic pictures have no quality."""
    result, total_ms = cell.result, cell.total_ms
    if result is None or total_ms is None:
        return cell_status(cell)
    parts = [format_ms(total_ms)]
    speedup = cell_speedup(experiment, cell)
    if cell.column != experiment.baseline and speedup is not None:
        parts.append(f"{speedup:.2f}×")
    parts += quality_parts(None if experiment.synthetic else result.quality)
    return "   ".join(parts)


def cell_speedup(experiment: Experiment, cell: Cell) -> float | None:
    """The baseline's median total of the same row over this one's."""
    base = experiment.cells.get((cell.row, experiment.baseline))
    theirs, own = base.total_ms if base else None, cell.total_ms
    return theirs / own if theirs and own else None


def quality_parts(quality: Quality | None) -> list[str]:
    """What is known of a picture's quality, each in a word and a number."""
    if quality is None:
        return []
    parts = []
    if quality.psnr_db is not None:
        parts.append("identical" if math.isinf(quality.psnr_db) else f"{quality.psnr_db:.1f} dB")
    if quality.ssim is not None and not (quality.psnr_db is not None and math.isinf(quality.psnr_db)):
        parts.append(f"SSIM {quality.ssim:.3f}")
    if quality.prompt_fidelity is not None:
        parts.append(f"fidelity {quality.prompt_fidelity:.0%}")
    return parts
