"""From the last events of a comparison to the document that is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backends.contract import Variant
from backends.models import ModelCard, resolve, weights_sha256
from workbench.comparison import Comparison
from workbench.document import Document, Model, Recorded
from workbench.environment import environment
from workbench.events import Finished
from workbench.history import History, Kind
from workbench.pictures import Settings, png_bytes
from workbench.results import Result


def record(
    comparison: Comparison,
    card: ModelCard,
    finished: Iterable[Finished],
    images: Mapping[tuple[int, Variant], str] | None = None,
) -> Document:
    """The document of a comparison, variants in the comparison's order; ``images`` are files by request and variant."""
    images = dict(images or {})
    order = {variant: place for place, variant in enumerate(comparison.variants)}
    events = sorted(finished, key=lambda event: (event.request, order[event.variant], event.repeat))
    runs = [
        Recorded(event.request, event.result, images.pop((event.request, event.variant), None))
        for event in events
    ]
    devices = {
        (event.variant.backend, event.variant.device, event.result.device_name): None
        for event in events
        if event.result.device_name
    }
    used = [{"backend": backend, "id": device, "name": name} for backend, device, name in devices]
    return Document(
        Model.of(card),
        comparison.requests,
        comparison.baseline,
        environment(used),
        tuple(runs),
        comparison.unet_only,
    )


def encoded(finished: Iterable[Finished], card: ModelCard) -> dict[tuple[int, Variant], bytes]:
    """The first picture of every request and variant as a PNG file with its settings; may hash the model's weights."""
    sha256 = weights_sha256(card)
    found: dict[tuple[int, Variant], bytes] = {}
    for event in finished:
        place = (event.request, event.variant)
        if event.picture is not None and place not in found:
            settings = Settings(event.result.request, event.variant, card.name, sha256)
            found[place] = png_bytes(event.picture, settings)
    return found


def keep(history: History, comparison: Comparison, finished: Sequence[Finished], kind: Kind) -> int | None:
    """Record a comparison from its last events, with its pictures; returns the record's id.

    A comparison that nothing came of is not kept (None). Encodes pictures and may hash the model's weights: not
    for a window's thread. Raises :class:`workbench.history.HistoryError`, or BackendError where the model has gone.
    """
    if not any(worth_keeping(event.result) for event in finished):
        return None
    card = resolve(comparison.model)
    document = record(comparison, card, finished)
    return history.add(document, encoded(finished, card), kind=kind)


def worth_keeping(result: Result) -> bool:
    """Whether something came of a run: not where it was cancelled, or asked for what cannot be."""
    return result.status != "cancelled" and result.invalid_field is None
