"""From the last events of a comparison to the document that is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.contract import Variant
from backends.models import ModelCard
from workbench.comparison import Comparison
from workbench.document import Document, Model, Recorded
from workbench.environment import environment
from workbench.events import Finished


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
