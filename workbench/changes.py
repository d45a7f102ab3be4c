"""Two documents compared: which figures changed by more than their spread, and what else was different."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from backends.variants import format_variant
from workbench.document import Document
from workbench.figures import Figure, Verdict, compare, figures_of
from workbench.summary import Summary


@dataclass(frozen=True)
class Change:
    """One figure of one variant, before and after. ``percent`` is None where the figure was 0 or has no number."""

    variant: str
    name: str
    title: str
    before: Figure
    after: Figure
    verdict: Verdict

    @property
    def percent(self) -> float | None:
        before, after = self.before.value, self.after.value
        if not before or before in (float("inf"), float("-inf")) or after in (float("inf"), float("-inf")):
            return None
        return 100 * (after / before - 1)


@dataclass(frozen=True)
class Changes:
    """Every figure that both have, the variants that one has alone, and how model, request and machine differ."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    differences: tuple[str, ...]


def compare_documents(before: Document, after: Document) -> Changes:
    """Compare variant by variant, request by request; two documents of a single variant each, whatever it is."""
    old, new = _by_place(before), _by_place(after)
    pairs = [(name, old[name], new[name]) for name in old if name in new]
    only_before = tuple(name for name in old if name not in new)
    only_after = tuple(name for name in new if name not in old)
    if len(old) == len(new) == 1 and not pairs:
        pairs = [(f"{only_before[0]} → {only_after[0]}", old[only_before[0]], new[only_after[0]])]
        only_before = only_after = ()
    changes = tuple(change for name, one, other in pairs for change in _changes(name, one, other))
    return Changes(changes, only_before, only_after, tuple(_differences(before, after)))


def _by_place(document: Document) -> dict[str, Summary]:
    several = len(document.requests) > 1
    return {
        (f"{item.request + 1}: " if several else "") + format_variant(item.variant): item
        for item in document.summaries()
    }


def _changes(name: str, before: Summary, after: Summary) -> Iterator[Change]:
    old, new = figures_of(before), figures_of(after)
    for key in old:
        if key in new:
            yield Change(name, key, old[key].title, old[key], new[key], compare(old[key], new[key]))


def _differences(before: Document, after: Document) -> Iterator[str]:
    """What makes figures hard to compare: another model, another request, another machine, other versions."""
    if before.model.name != after.model.name:
        yield f"the model: {before.model.name} → {after.model.name}"
    elif before.model.weights_sha256 != after.model.weights_sha256:
        yield f"the weights of {before.model.name}"
    if before.unet_only != after.unet_only:
        yield "one of them timed single UNet iterations only"
    for one, other in zip(before.requests, after.requests, strict=False):
        fields = asdict(other)
        for name, value in asdict(one).items():
            words = name in ("prompt", "negative_prompt")
            if value != fields[name] and not (words and (before.unet_only or after.unet_only)):
                yield f"{name.replace('_', ' ')}: {value} → {fields[name]}"
    if len(before.requests) != len(after.requests):
        yield f"the number of requests: {len(before.requests)} → {len(after.requests)}"
    for name in ("cpu", "cores", "threads", "memory_mb", "os", "python", "application"):
        one, other = before.environment.get(name), after.environment.get(name)
        if one != other:
            yield f"{name.replace('_', ' ')}: {one} → {other}"
    yield from _package_differences(before, after)


def _package_differences(before: Document, after: Document) -> Iterator[str]:
    old, new = before.environment.get("packages", {}), after.environment.get("packages", {})
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name, 'none')} → {new.get(name, 'none')}"
