"""What a critter is made of: ten attributes, each one word out of a short list. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

COLORS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "gray",
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "species": (
        "creature",
        "bird",
        "cat",
        "dog",
        "bunny",
        "bear",
        "lion",
        "frog",
        "robot",
        "dragon",
        "octopus",
        "fish",
    ),
    "body_color": COLORS,
    "eye_color": ("blue", "green", "brown", "red", "purple", "yellow", "black", "pink"),
    "body_shape": ("round", "tall", "wide", "pear"),
    "pattern": ("plain", "stripes", "spots", "belly", "hearts", "two-tone"),
    "accessory": (
        "none",
        "top hat",
        "party hat",
        "crown",
        "bow tie",
        "scarf",
        "glasses",
        "flower",
        "headphones",
    ),
    "expression": ("happy", "sad", "angry", "surprised", "sleepy", "silly"),
    "background": (
        "plain",
        "sky",
        "night",
        "forest",
        "beach",
        "desert",
        "snow",
        "sunset",
        "underwater",
        "space",
    ),
    "position": ("left", "center", "right"),
    "size": ("small", "medium", "large"),
}

HELD_OUT_PERIOD = 13


@dataclass(frozen=True)
class Critter:
    """One critter, each field a value of the attribute of that name in `ATTRIBUTES`, in the same order.

    Raises ValueError on a value that the attribute does not have.
    """

    species: str
    body_color: str
    eye_color: str
    body_shape: str
    pattern: str
    accessory: str
    expression: str
    background: str
    position: str
    size: str

    def __post_init__(self) -> None:
        for name, values in ATTRIBUTES.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of: {', '.join(values)}")

    def indices(self) -> tuple[int, ...]:
        """The position of each field's value in `ATTRIBUTES`, in the order of `ATTRIBUTES`."""
        return tuple(values.index(getattr(self, name)) for name, values in ATTRIBUTES.items())

    @classmethod
    def from_indices(cls, indices: Sequence[int]) -> Critter:
        """The critter whose `indices()` are these integers (a row of a tensor's `tolist()` will do)."""
        if len(indices) != len(ATTRIBUTES):
            raise ValueError(f"{len(indices)} indices given, {len(ATTRIBUTES)} attributes expected")
        pairs = zip(ATTRIBUTES.items(), indices, strict=True)
        for (name, values), index in pairs:
            if not 0 <= index < len(values):
                raise ValueError(f"{name} index {index} is outside 0..{len(values) - 1}")
        return cls(*(values[i] for values, i in zip(ATTRIBUTES.values(), indices, strict=True)))


def held_out(critter: Critter | Sequence[int]) -> bool:
    """Whether this combination of species, body colour and accessory is kept out of training.

    Every 13th combination is: (7·species + 3·colour + accessory) mod 13 = 0 on the three indices. As 13 is prime
    and larger than each list, every single species, colour and accessory, and every pair of them, is still trained
    on: a model that draws a held-out critter has put together what it only saw apart.
    """
    indices = critter.indices() if isinstance(critter, Critter) else critter
    names = tuple(ATTRIBUTES)
    species, color, accessory = (indices[names.index(n)] for n in ("species", "body_color", "accessory"))
    return bool((7 * species + 3 * color + accessory) % HELD_OUT_PERIOD == 0)


assert tuple(field.name for field in fields(Critter)) == tuple(ATTRIBUTES)
