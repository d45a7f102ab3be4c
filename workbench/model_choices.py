"""The models a person can choose without a download, and those that are found by a path or a name."""

from __future__ import annotations

from dataclasses import dataclass

from backends.models import ModelCard, available_models, resolve

_TITLES = {"critters": "Critters (built in)", "sd14-synthetic": "SD 1.4 architecture, synthetic weights"}


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


def offered_models() -> tuple[ModelChoice, ...]:
    """Built-in, synthetic, the person's own and those in the hub's cache; the built-in first, even where it is missing."""
    choices = [_choice(_reference(card), card) for card in available_models()]
    if all(choice.name != "critters" for choice in choices):
        choices.insert(0, ModelChoice("critters", _TITLES["critters"]))
    return tuple(choices)


def find_model(reference: str) -> ModelChoice:
    """A model by name, folder, file or hub id. Raises BackendError in one line where there is none."""
    return _choice(reference, resolve(reference))


def _choice(reference: str, card: ModelCard) -> ModelChoice:
    usual = card.defaults
    return ModelChoice(
        name=reference,
        title=_TITLES.get(reference, card.name),
        synthetic=card.synthetic,
        width=usual.width,
        height=usual.height,
        steps=usual.steps,
        guidance_scale=usual.guidance_scale,
        scheduler=usual.scheduler,
    )


def _reference(card: ModelCard) -> str:
    return str(card.path) if card.kind in ("folder", "file") else card.name
