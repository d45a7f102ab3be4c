"""A climbed ladder: what was measured for each row, beside what the source gives."""

from __future__ import annotations

from dataclasses import dataclass

from backends.variants import format_variant
from workbench.document import Document
from workbench.figures import UNET_PACE, Figure, figures_of, noise_warnings, pace
from workbench.ladders import LADDERS, Ladder, Published
from workbench.summary import Summary


@dataclass(frozen=True)
class Rung:
    """One row as measured. ``relative`` is in the ladder's measure; ``weights`` a part of the first row's weights.

    Figures are None where the row failed or its backend cannot tell.
    """

    name: str
    adds: str
    summary: Summary
    published: tuple[Published, ...]
    pace: Figure | None
    relative: float | None
    weights: float | None

    @property
    def published_weights(self) -> float | None:
        """The part of the first row's weights that the source gives."""
        return next((item.weights for item in self.published if item.weights is not None), None)


@dataclass(frozen=True)
class ClimbedLadder:
    """A ladder with its rows measured, in order, and what must be said beside them."""

    ladder: Ladder
    rungs: tuple[Rung, ...]
    warnings: tuple[str, ...]


def climbed(document: Document) -> ClimbedLadder | None:
    """The ladder of a document; None where it is none that this version knows."""
    ladder = LADDERS.get(document.ladder or "")
    if ladder is None:
        return None
    rows = {row.name: row for row in ladder.rows}
    rungs: list[Rung] = []
    for summary in document.summaries():
        row = rows.get(document.rows.get(summary.variant, ""))
        name = document.rows.get(summary.variant) or format_variant(summary.variant)
        first = rungs[0] if rungs else None
        found = figures_of(summary).get(UNET_PACE) if ladder.unet else pace(summary)
        rungs.append(
            Rung(
                name,
                row.adds if row else "",
                summary,
                row.published if row else (),
                found,
                _relative(ladder, first.pace if first else found, found),
                _part(first.summary if first else summary, summary),
            )
        )
    names, paces = [rung.name for rung in rungs], [rung.pace for rung in rungs]
    warnings = noise_warnings([rung.summary for rung in rungs], names, paces)
    return ClimbedLadder(ladder, tuple(rungs), tuple(warnings))


def shown_relative(ladder: Ladder, value: float | None) -> str:
    """``3.90×`` or ``−52.2 %``, as the ladder measures; a dash where there is nothing."""
    if value is None:
        return "–"
    if ladder.measure == "speedup":
        return f"{value:.2f}×"
    return f"{value:+.1f} %".replace("-", "−") if value else "0 %"


def shown_published(ladder: Ladder, published: Published) -> str:
    """The published figure with the digits of its source: ``3.9×``, ``−52.2 %``."""
    if ladder.measure == "speedup":
        return f"{published.value:g}×"
    return f"{published.value:+g} %".replace("-", "−")


def shown_all_published(found: ClimbedLadder, rung: Rung) -> str:
    """All that the source gives for a row, with where it was measured if there are several places."""
    places = {item.on for other in found.rungs for item in other.published}
    words = [
        shown_published(found.ladder, item) + (f" ({item.on})" if len(places) > 1 else "")
        for item in rung.published
    ]
    return "; ".join(words) or "–"


def shown_pace(item: Figure | None) -> str:
    """``1234.5 ± 6.7``; without a spread where it is not known."""
    if item is None:
        return "–"
    spread = "" if item.spread is None else f" ± {item.spread:,.{item.digits}f}"
    return f"{item.value:,.{item.digits}f}{spread}"


def relative_latency(ladder: Ladder, value: float) -> float:
    """A relative figure as latency in percent of the first row's: 2.0× is 50, -52.2 % is 47.8."""
    return 100 / value if ladder.measure == "speedup" else 100 + value


def memory_figures(summary: Summary) -> tuple[float | None, float | None]:
    """Weights and tensors in MiB."""
    found = figures_of(summary)
    weights, tensors = found.get("weights_mb"), found.get("tensors_mb")
    return weights.value if weights else None, tensors.value if tensors else None


def _relative(ladder: Ladder, first: Figure | None, own: Figure | None) -> float | None:
    if first is None or own is None or not first.value or not own.value:
        return None
    return first.value / own.value if ladder.measure == "speedup" else 100 * (own.value / first.value - 1)


def _part(first: Summary, own: Summary) -> float | None:
    whole, part = first.memory.weights_bytes, own.memory.weights_bytes
    return part / whole if whole and part is not None else None
