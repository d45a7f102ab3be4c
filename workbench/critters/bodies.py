"""The critter's frame: where it stands, how big it is, and what all bodies share: shadow, trunk, arms, feet."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workbench.critters import sdf
from workbench.critters.attributes import ATTRIBUTES
from workbench.critters.palette import palette
from workbench.critters.scene import OUTLINE, SIDE, Scene
from workbench.critters.variation import STREAMS, uniforms

# Per body shape: half width, half height, pear, distance of an eye from the middle, height of the eyes.
_SHAPES = {
    "round": (66.0, 65.0, 0.0, 23.5, -18.0),
    "tall": (53.0, 76.0, 0.0, 22.0, -31.0),
    "wide": (78.0, 56.0, 0.0, 28.0, -13.0),
    "pear": (64.0, 72.0, 0.25, 22.5, -24.0),
}
_POSITIONS = {"left": -35.0, "center": 0.0, "right": 35.0}
_SIZES = {
    "small": (0.76, 206.0),
    "medium": (0.93, 219.0),
    "large": (1.07, 230.0),
}  # scale, where the ground is


def compose(attributes: Tensor, seeds: Tensor, size: int) -> Scene:
    """An empty scene for attributes [n, K] and seeds [n], on their device, its critters measured."""
    device = attributes.device
    names = list(ATTRIBUTES)

    def column(name: str) -> Tensor:
        return attributes[:, names.index(name)]

    def measures(rows: list, name: str) -> list[Tensor]:
        values = torch.tensor(rows, dtype=torch.float32, device=device)[column(name)]
        return [v[:, None, None] for v in values.reshape(len(values), -1).unbind(1)]

    dice = uniforms(seeds)

    def vary(stream: str, low: float, high: float) -> Tensor:
        return low + (high - low) * dice[:, STREAMS.index(stream), None, None]

    rx, ry, pear, eye_x, eye_y = measures([_SHAPES[s] for s in ATTRIBUTES["body_shape"]], "body_shape")
    (shift,) = measures([_POSITIONS[p] for p in ATTRIBUTES["position"]], "position")
    scale, ground = measures([_SIZES[s] for s in ATTRIBUTES["size"]], "size")
    rx, ry = rx * vary("width", 0.96, 1.04), ry * vary("height", 0.97, 1.03)
    scale = scale * vary("scale", 0.975, 1.025)
    center_x = SIDE / 2 + shift + vary("x", -4.0, 4.0)
    center_y = ground + vary("y", -3.0, 3.0) - scale * (ry + 8.0)
    pixel = (torch.arange(size, dtype=torch.float32, device=device) + 0.5) * (SIDE / size)
    x, y = pixel[None, None, :].expand(1, size, size), pixel[None, :, None].expand(1, size, size)
    u, v = sdf.rotate((x - center_x) / scale, (y - center_y) / scale, vary("tilt", -0.07, 0.07))
    frog = (column("species") == ATTRIBUTES["species"].index("frog"))[:, None, None]
    eye_x = eye_x + vary("eyes_apart", -1.0, 1.5) + 5.0 * frog
    eye_y = torch.where(frog, 17.0 - ry, eye_y) + vary("eye_height", -1.5, 1.5)
    tint = [STREAMS.index(s) for s in ("red", "green", "blue")]
    return Scene(
        image=torch.zeros(len(attributes), 3, size, size, device=device),
        x=x,
        y=y,
        u=u,
        v=v,
        lit=(0.60 - u * 0.0034 - v / (ry * 2.1)).clamp_(0.0, 1.0),
        torso=torch.zeros_like(u),
        soft=1.25 * SIDE / size / scale,
        line=OUTLINE / scale,
        scale=scale,
        center_x=center_x,
        center_y=center_y,
        rx=rx,
        ry=ry,
        pear=pear,
        eye_x=eye_x,
        eye_y=eye_y,
        mouth_y=eye_y + 36.0 + 6.0 * frog,
        hat_y=-ry - 17.0 * frog,
        dice=dice,
        palette=palette(
            column("body_color"),
            column("eye_color"),
            dice[:, tint],
            dice[:, STREAMS.index("light")],
            dice[:, STREAMS.index("accent")],
        ),
    )


def ground_shadow(scene: Scene) -> None:
    """A soft dark pool under the feet."""
    foot = scene.center_y + scene.scale * (scene.ry + 7.0)
    wide = scene.scale * (scene.rx + 14.0)
    k = torch.hypot((scene.x - scene.center_x) / wide, (scene.y - foot) / (scene.scale * 15.0))
    t = (1.25 - k).clamp_(0.0, 1.0)
    scene.blend(t * t * (3.0 - 2.0 * t) * 0.42, (0.10, 0.08, 0.20))


def feet(scene: Scene, color=None, rx: float = 19.0, ry: float = 11.0) -> None:
    foot = sdf.ellipse(scene.u.abs() - 0.42 * scene.rx, scene.v - scene.ry + 1.0, rx, ry)
    scene.part(foot, color)


def arms(scene: Scene, color=None, r: float = 11.0) -> None:
    """Two short arms; on some seeds the right one waves."""
    waves = ((scene.vary("wave", 0.0, 1.0) < 0.35) & (scene.u > 0)).float()
    shoulder_y = 0.16 * scene.ry
    reach = scene.rx + 8.0 + 6.0 * waves
    hand_y = shoulder_y + 26.0 - 52.0 * waves
    shoulder = 0.84 * scene.rx
    scene.part(
        sdf.capsule(scene.u.abs(), scene.v, (shoulder, shoulder_y), (reach, hand_y), r + 1.0, r), color
    )


def trunk(scene: Scene) -> None:
    """The body itself, with a bounce of light along its shaded side."""
    scene.part(scene.torso, roundness=16.0)
    band = (1.0 - (scene.torso + 7.5).abs() / 4.5).clamp_(0.0, 1.0) * (0.45 - scene.lit).clamp_(0.0, 0.3)
    scene.blend(band * 1.5, torch.lerp(scene.palette.base, scene.color((1.0, 1.0, 1.0)), 0.55))


def shine(scene: Scene) -> None:
    """A highlight on the forehead, to the left."""
    u, v = scene.rim(-math.pi / 4.1)
    x, y = sdf.rotate(scene.u - u * 0.80, scene.v - v * 0.80, -0.75)
    scene.glow(sdf.ellipse(x, y, 13.0, 6.0), 2.5, (1.0, 1.0, 1.0), 0.55)


def pattern(scene: Scene, kind: str) -> None:
    """Paints a pattern on the body, leaving the face free."""
    if kind == "plain":
        return
    body = scene.torso
    face = sdf.ellipse(scene.u, scene.v - scene.eye_y - 13.0, scene.eye_x + 24.0, 37.0)
    inside = torch.maximum(body + 1.0, -face)
    u, v = scene.u, scene.v
    if kind == "belly":
        shape = sdf.ellipse(u, v - scene.mouth_y - 24.0, scene.rx * 0.62, scene.ry * 0.78 - scene.eye_y * 0.3)
        shape = torch.maximum(shape, body + 5.0)
        shape = torch.maximum(shape, scene.mouth_y - 12.0 - v)
        scene.paint(shape, scene.palette.pale)
        return
    if kind == "two-tone":
        edge = scene.mouth_y + 17.0 + 3.5 * torch.cos(u * 0.16) - v
        scene.paint(torch.maximum(edge, body + 1.0), _shaded(scene))
        return
    du, dv = scene.vary("pattern_x", 0.0, 30.0), scene.vary("pattern_y", 0.0, 24.0)
    if kind == "stripes":
        bow = v + u * u * 0.0035 + dv
        shape = (torch.remainder(bow, 25.0) - 12.5).abs() - 5.6
    else:
        row_height, cell = 27.0, 31.0
        row = torch.floor((v + dv) / row_height)
        cv = v + dv - (row + 0.5) * row_height
        cu = torch.remainder(u + du + 0.5 * cell * row, cell) - 0.5 * cell
        shape = sdf.circle(cu, cv, 8.6) if kind == "spots" else sdf.heart(cu, cv, 9.4)
    scene.paint(torch.maximum(shape, inside), _shaded(scene))


def _shaded(scene: Scene) -> Tensor:
    """The pattern's colour, lit as the body is, [n, 3, h, w]."""
    color = scene.palette.pattern
    light = (scene.lit * 0.9 + 0.1)[:, None]
    return torch.lerp(
        (color * 0.74)[:, :, None, None], (color * 1.12).clamp_max(1.0)[:, :, None, None], light
    )
