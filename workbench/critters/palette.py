"""The colours of a critter: red, green and blue in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

Rgb = tuple[float, float, float]

BODY: dict[str, Rgb] = {
    "red": (0.90, 0.20, 0.21),
    "orange": (1.00, 0.54, 0.12),
    "yellow": (1.00, 0.85, 0.20),
    "green": (0.38, 0.77, 0.28),
    "teal": (0.08, 0.68, 0.66),
    "blue": (0.20, 0.46, 0.94),
    "purple": (0.56, 0.32, 0.86),
    "pink": (1.00, 0.56, 0.76),
    "brown": (0.53, 0.33, 0.19),
    "black": (0.20, 0.20, 0.24),
    "white": (0.97, 0.97, 0.97),
    "gray": (0.58, 0.60, 0.64),
}

IRIS: dict[str, Rgb] = {
    "blue": (0.16, 0.52, 0.98),
    "green": (0.18, 0.72, 0.24),
    "brown": (0.50, 0.27, 0.10),
    "red": (0.92, 0.08, 0.10),
    "purple": (0.55, 0.22, 0.88),
    "yellow": (1.00, 0.78, 0.05),
    "black": (0.09, 0.09, 0.11),
    "pink": (1.00, 0.42, 0.72),
}

# What a pattern is drawn in, on a body of that colour: lighter on the dark, darker on the light.
PATTERN: dict[str, Rgb] = {
    "red": (1.00, 0.72, 0.62),
    "orange": (1.00, 0.86, 0.58),
    "yellow": (0.93, 0.58, 0.10),
    "green": (0.14, 0.47, 0.18),
    "teal": (0.66, 0.95, 0.88),
    "blue": (0.66, 0.86, 1.00),
    "purple": (0.86, 0.72, 1.00),
    "pink": (0.82, 0.22, 0.50),
    "brown": (0.86, 0.66, 0.44),
    "black": (0.62, 0.64, 0.72),
    "white": (0.52, 0.58, 0.70),
    "gray": (0.30, 0.32, 0.38),
}

# Two accessory colours that stand out from a body of that colour; the seed picks one.
ACCENT: dict[str, tuple[Rgb, Rgb]] = {
    "red": ((0.16, 0.55, 0.90), (1.00, 0.80, 0.18)),
    "orange": ((0.18, 0.48, 0.88), (0.36, 0.70, 0.32)),
    "yellow": ((0.90, 0.24, 0.30), (0.46, 0.32, 0.84)),
    "green": ((0.92, 0.26, 0.30), (1.00, 0.62, 0.16)),
    "teal": ((0.96, 0.36, 0.30), (1.00, 0.78, 0.20)),
    "blue": ((0.95, 0.28, 0.28), (1.00, 0.78, 0.18)),
    "purple": ((1.00, 0.76, 0.20), (0.26, 0.78, 0.56)),
    "pink": ((0.26, 0.56, 0.92), (0.48, 0.32, 0.82)),
    "brown": ((0.16, 0.66, 0.66), (0.95, 0.36, 0.28)),
    "black": ((0.92, 0.24, 0.30), (1.00, 0.76, 0.20)),
    "white": ((0.92, 0.26, 0.32), (0.20, 0.52, 0.90)),
    "gray": ((0.95, 0.32, 0.32), (1.00, 0.74, 0.20)),
}


@dataclass
class Palette:
    """Colours of n critters, each float32 [n, 3]."""

    base: Tensor
    pattern: Tensor
    pale: Tensor
    deep: Tensor
    outline: Tensor
    iris: Tensor
    accent: Tensor
    blush: Tensor

    def take(self, index: Tensor) -> Palette:
        return Palette(**{name: value.index_select(0, index) for name, value in vars(self).items()})


def palette(body: Tensor, iris: Tensor, wobble: Tensor, light: Tensor, accent: Tensor) -> Palette:
    """The colours for body and iris indices [n], shaded by `wobble` [n, 3], `light` [n] and `accent` [n] in [0, 1)."""
    device = body.device
    shift = (wobble - 0.5) * 0.05 + (light[:, None] - 0.5) * 0.06
    base = (table(tuple(BODY.values()), device)[body] + shift).clamp(0.0, 1.0)
    accents = table(tuple(pair[i] for i in (0, 1) for pair in ACCENT.values()), device)
    cream = constant((1.0, 0.96, 0.88), device)
    return Palette(
        base=base,
        pattern=table(tuple(PATTERN.values()), device)[body] + shift * 0.5,
        deep=tones(base)[0],
        pale=torch.lerp(base, cream, 0.62),
        outline=base * constant((0.34, 0.30, 0.36), device) + constant((0.03, 0.02, 0.05), device),
        iris=table(tuple(IRIS.values()), device)[iris] + shift * 0.5,
        accent=accents[body + len(BODY) * (accent > 0.5)],
        blush=torch.lerp(base, constant((1.0, 0.36, 0.46), device), 0.62),
    )


def tones(color: Tensor) -> tuple[Tensor, Tensor]:
    """The shadow and the light of a colour [n, 3]: shadows turn richer, and dark colours get less light."""
    luma = color.mean(dim=1, keepdim=True)
    shadow = color * (0.54 + 0.30 * color) * constant((1.0, 0.95, 1.06), color.device)
    return shadow, color + (1.06 - color) * (0.12 + 0.22 * luma)


@lru_cache(maxsize=512)
def constant(color: Rgb, device: torch.device) -> Tensor:
    """A colour as float32 [1, 3] on a device."""
    return torch.tensor([color], dtype=torch.float32, device=device)


@lru_cache(maxsize=64)
def table(colors: tuple[Rgb, ...], device: torch.device) -> Tensor:
    """Colours as float32 [len(colors), 3] on a device."""
    return torch.tensor(colors, dtype=torch.float32, device=device)
