"""Draws the attributes of many critters at once."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.critters.attributes import ATTRIBUTES, HELD_OUT_PERIOD

# Weights of the values that are not as likely as the others of their attribute.
WEIGHTS: dict[str, dict[str, float]] = {
    "pattern": {"plain": 2.0},
    "accessory": {"none": 2.0},
    "position": {"center": 2.0},
    "size": {"medium": 2.0},
}


def weights(attribute: str) -> Tensor:
    """Unnormalised sampling weights of an attribute's values, float64 [len(values)]."""
    table = WEIGHTS.get(attribute, {})
    return torch.tensor([table.get(value, 1.0) for value in ATTRIBUTES[attribute]], dtype=torch.float64)


def sample(count: int, seed: int, held_out: bool | None = False) -> Tensor:
    """Attribute indices of `count` critters, int64 [count, len(ATTRIBUTES)], on the CPU.

    `held_out`: False draws only combinations that training may see, True only those kept out, None from all
    (see `attributes.held_out`). The same arguments give the same critters.
    """
    if count < 0:
        raise ValueError(f"count is {count}, expected 0 or more")
    generator = torch.Generator().manual_seed(seed)
    names = tuple(ATTRIBUTES)
    columns = {
        name: _draw(weights(name), count, generator)
        for name in names
        if name not in ("species", "body_color", "accessory")
    }
    columns |= _draw_combination(count, held_out, generator)
    return torch.stack([columns[name] for name in names], dim=1)


def _draw(weight: Tensor, count: int, generator: torch.Generator) -> Tensor:
    edges = weight.cumsum(0) / weight.sum()
    points = torch.rand(count, dtype=torch.float64, generator=generator)
    return torch.searchsorted(edges, points, right=True).clamp_(max=len(weight) - 1)


def _draw_combination(count: int, held_out: bool | None, generator: torch.Generator) -> dict[str, Tensor]:
    """Species, body colour and accessory drawn jointly, so that a held-out choice needs no rejection."""
    by_species, by_color, by_accessory = (weights(n) for n in ("species", "body_color", "accessory"))
    joint = by_species[:, None, None] * by_color[None, :, None] * by_accessory[None, None, :]
    if held_out is not None:
        species, color, accessory = (torch.arange(n) for n in joint.shape)
        kept_out = 7 * species[:, None, None] + 3 * color[None, :, None] + accessory[None, None, :]
        joint = joint * ((kept_out % HELD_OUT_PERIOD == 0) == held_out)
    flat = _draw(joint.flatten(), count, generator)
    species, color, accessory = torch.unravel_index(flat, joint.shape)
    return {"species": species, "body_color": color, "accessory": accessory}
