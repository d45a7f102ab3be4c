"""What a critter wears. Nothing here covers an eye."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from workbench.critters import sdf
from workbench.critters.palette import Rgb
from workbench.critters.scene import Scene

FELT: Rgb = (0.20, 0.19, 0.28)
GOLD: Rgb = (1.0, 0.80, 0.20)
WHITE: Rgb = (1.0, 1.0, 1.0)
INK: Rgb = (0.12, 0.10, 0.16)


def _on_head(scene: Scene) -> tuple[Tensor, Tensor]:
    """The frame of a hat: its brim at y = 0, a little askew."""
    return sdf.rotate(scene.u, scene.v - scene.hat_y - 7.0, scene.vary("hat", -0.13, 0.13))


def _ink(scene: Scene, color: Tensor | Rgb) -> Tensor:
    return scene.color(color) * 0.34


def _taper(y: Tensor, slope: float) -> Tensor:
    """How wide a hat is at height -y against its brim; never zero, however far below the hat a pixel is."""
    return (1.0 - slope * y).clamp_min(0.25)


def top_hat(scene: Scene) -> None:
    x, y = _on_head(scene)
    tube = sdf.box(x / _taper(y, 0.003), y + 22.0, 23.0, 22.0, 5.0)
    felt, ink = scene.color(FELT), (0.05, 0.04, 0.09)
    scene.solid(tube, felt, scene.color(ink))
    scene.paint(torch.maximum(tube + 1.0, (y + 10.5).abs() - 5.5), scene.palette.accent)
    scene.solid(sdf.ellipse(x, y, 37.0, 7.5), felt, scene.color(ink))
    scene.glow(sdf.capsule(x, y, (-14.0, -36.0), (-14.0, -24.0), 2.5), 2.0, WHITE, 0.35)


def party_hat(scene: Scene) -> None:
    x, y = _on_head(scene)
    cone = sdf.triangle(x, y, 26.0, 46.0, 5.0)
    scene.solid(cone, scene.palette.accent)
    band = (torch.remainder(y - 0.5 * x, 19.0) - 9.5).abs() - 4.2
    scene.paint(torch.maximum(band, cone + 0.8), (1.0, 0.97, 0.90), 0.92)
    scene.solid(sdf.circle(x, y + 43.0, 9.0), (1.0, 0.86, 0.30), _ink(scene, GOLD))


def crown(scene: Scene) -> None:
    x, y = _on_head(scene)
    widen = x / _taper(y, 0.006)
    zigzag = (torch.remainder(widen + 10.0, 20.0) - 10.0).abs() * 1.5 - 15.0
    gold = sdf.smooth_max(sdf.box(widen, y + 12.0, 30.0, 18.0, 4.0), -(y + 15.0 - zigzag * -1.0) * 0.6, 3.0)
    scene.solid(gold, GOLD, (0.48, 0.28, 0.06))
    scene.paint(sdf.circle(x, y + 4.0, 4.8), (0.92, 0.20, 0.30))
    scene.paint(sdf.circle(x.abs() - 17.0, y + 4.0, 4.0), (0.22, 0.56, 0.92))


def bow_tie(scene: Scene) -> None:
    x, y = scene.u, scene.v - scene.mouth_y - 27.0
    wing = sdf.triangle(*sdf.rotate(x.abs() - 27.0, y, math.pi / 2 * -1.0), 17.0, 30.0, 7.0)
    scene.solid(wing, scene.palette.accent)
    scene.solid(sdf.box(x, y, 7.5, 8.5, 5.0), scene.palette.accent)


def scarf(scene: Scene) -> None:
    bend = scene.v - scene.mouth_y - 25.0 + 0.0016 * scene.u * scene.u
    around = torch.maximum(scene.torso - 4.0, bend.abs() - 9.5)
    side = torch.where(scene.vary("side", -1.0, 1.0) > 0, 1.0, -1.0)
    x = scene.u * side - 0.40 * scene.rx
    end = sdf.box(*sdf.rotate(x, bend - 17.0, -0.12), 11.0, 20.0, 4.0)
    for shape, band in ((end, bend - 30.0), (around, torch.remainder(scene.u + 14.0, 28.0) - 14.0)):
        scene.solid(shape, scene.palette.accent)
        scene.paint(torch.maximum(band.abs() - 4.0, shape + 0.8), (1.0, 0.97, 0.90), 0.9)


def glasses(scene: Scene) -> None:
    x, y = scene.u.abs() - scene.eye_x, scene.v - scene.eye_y
    ring = sdf.ellipse(x, y, 24.0, 26.0)
    scene.paint(torch.maximum(ring, -(ring + 5.0)), INK)
    bridge = sdf.capsule(scene.u.abs(), y, (0.0, -6.0), (scene.eye_x - 23.0, -4.0), 2.6)
    temple = torch.maximum(sdf.capsule(x, y, (23.0, -5.0), (60.0, -12.0), 2.6), scene.torso - 1.0)
    scene.paint(torch.minimum(bridge, temple), INK)
    glint = sdf.capsule(x, y, (-17.0, -19.0), (-11.0, -22.5), 1.8)
    scene.paint(glint, WHITE, 0.7)


def flower(scene: Scene) -> None:
    u, v = scene.rim(0.56)
    raised = -scene.ry - scene.hat_y  # above 0 where the eyes stand on top of the head
    x, y = scene.u - u - 1.5 * raised, scene.v - v + 1.0 - 0.5 * raised
    petals = torch.hypot(x, y) - (
        17.5 + 4.5 * torch.cos(5.0 * torch.atan2(x, y) + scene.vary("hat", 0.0, 3.0))
    )
    leaf = sdf.ellipse(*sdf.rotate(x - 19.0, y - 11.0, 0.5), 14.0, 6.5)
    scene.solid(leaf, (0.36, 0.72, 0.34))
    pick = torch.where(scene.palette.base[:, :1] > 0.75, 0.0, 1.0)
    color = torch.lerp(scene.color((1.0, 0.98, 0.98)), scene.color((1.0, 0.56, 0.76)), pick)
    scene.solid(petals * 0.85, color)
    scene.solid(sdf.circle(x, y, 8.0), (1.0, 0.80, 0.20), (0.80, 0.48, 0.08), 6.0)


def headphones(scene: Scene) -> None:
    x, y = scene.u, scene.v - scene.eye_y
    rise = -scene.hat_y + scene.eye_y + 4.0
    cup_u = torch.maximum(_side_at(scene), scene.eye_x + 24.0)
    band = sdf.ellipse(x, y, cup_u + 2.0, rise).abs() - 3.8
    scene.solid(torch.maximum(band, y), (0.26, 0.26, 0.34))
    cup = sdf.box(x.abs() - cup_u - 1.0, y - 1.0, 11.0, 17.0, 9.0)
    scene.solid(cup, scene.palette.accent)
    scene.solid(sdf.box(x.abs() - cup_u - 9.0, y - 1.0, 4.5, 10.0, 4.0), (0.26, 0.26, 0.34))


def _side_at(scene: Scene) -> Tensor:
    """Half the width of the body at the height of the eyes."""
    t = scene.eye_y / scene.ry
    return scene.rx * torch.sqrt(1.0 - t * t) * (1.0 + scene.pear * t)


def none(scene: Scene) -> None:
    """Nothing at all."""


ACCESSORIES: dict[str, Callable[[Scene], None]] = {
    "none": none,
    "top hat": top_hat,
    "party hat": party_hat,
    "crown": crown,
    "bow tie": bow_tie,
    "scarf": scarf,
    "glasses": glasses,
    "flower": flower,
    "headphones": headphones,
}
