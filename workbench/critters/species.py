"""What makes a cat a cat: the parts behind the body, the body's outline, and the parts in front of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.critters import sdf
from workbench.critters.bodies import arms, feet
from workbench.critters.palette import Rgb
from workbench.critters.scene import Scene

Draw = Callable[[Scene], None]
CREAM: Rgb = (1.0, 0.93, 0.78)
ROSE: Rgb = (1.0, 0.62, 0.68)
NOSE: Rgb = (0.20, 0.14, 0.18)
STEEL: Rgb = (0.62, 0.67, 0.74)
BEAK: Rgb = (1.0, 0.66, 0.14)


@dataclass(frozen=True)
class Species:
    behind: Draw
    front: Draw
    body: Callable[[Scene], Tensor] = Scene.body
    over: Draw = lambda scene: None  # drawn over the face


def _ear(scene: Scene, angle: float, lean: float, depth: float = 0.0) -> tuple[Tensor, Tensor]:
    """The frame of both ears: rooted `depth` inside the border, `angle` from the top, leaning outwards."""
    u, v = scene.rim(angle)
    return sdf.rotate(scene.u.abs() - u * (1.0 - depth), scene.v - v * (1.0 - depth), lean)


def _limb(
    x: Tensor, y: Tensor, points: tuple[tuple[sdf.Number, sdf.Number], ...], r: float, tip: float
) -> Tensor:
    """A limb through points, its half width going from r to `tip`."""
    pieces = len(points) - 1
    distance = sdf.capsule(x, y, points[0], points[1], r, r + (tip - r) / pieces)
    for i in range(1, pieces):
        start, end = r + (tip - r) * i / pieces, r + (tip - r) * (i + 1) / pieces
        distance = sdf.smooth_min(distance, sdf.capsule(x, y, points[i], points[i + 1], start, end), 4.0)
    return distance


def _tail(scene: Scene, points: tuple[tuple[float, float], ...], r: float, tip: float) -> Tensor:
    """A tail through points given from the body's lower right border."""
    return _limb(scene.u - 0.62 * scene.rx, scene.v - 0.72 * scene.ry, points, r, tip)


def _muzzle(scene: Scene, rx: float, ry: float) -> None:
    scene.glow(sdf.ellipse(scene.u, scene.v - scene.mouth_y + 1.0, rx, ry), 1.4, scene.palette.pale, 1.0)


def _nose(scene: Scene, color: Rgb, rx: float, ry: float) -> None:
    y = scene.v - scene.mouth_y + 15.0
    nose = sdf.smooth_max(sdf.ellipse(scene.u, y, rx, ry), -y - 0.7 * ry, 4.0)
    scene.paint(nose, color)
    scene.glow(sdf.ellipse(scene.u + 0.3 * rx, y + 0.3 * ry, 0.3 * rx, 0.22 * ry), 1.5, (1.0, 1.0, 1.0), 0.6)


# --- creature


def _fur(scene: Scene) -> Tensor:
    angle = torch.atan2(scene.u, scene.v)
    return scene.body() - 1.8 * torch.cos(angle * 18.0)


def _creature_behind(scene: Scene) -> None:
    x, y = _ear(scene, 0.62, 0.5, 0.06)
    horned = (scene.vary("style", 0.0, 1.0) < 0.5).float()
    horn = sdf.capsule(x, y, (0.0, 0.0), (5.0 - 3.0 * horned, -30.0), 4.0 + 8.0 * horned, 4.0 - 1.0 * horned)
    ball = sdf.circle(x - 5.0, y + 32.0, 9.5) + 40.0 * horned
    bulb = torch.lerp(scene.palette.accent, scene.color(CREAM), horned[:, :, 0])
    stalk = torch.lerp(scene.palette.base, scene.color(CREAM), horned[:, :, 0])
    scene.part(horn, stalk)
    scene.part(ball, bulb)
    arms(scene)
    feet(scene)


def _creature_front(scene: Scene) -> None:
    top = scene.v + scene.ry
    tuft = sdf.capsule(scene.u, top, (0.0, 6.0), (-2.0, -13.0), 7.0, 2.5)
    tuft = sdf.smooth_min(tuft, sdf.capsule(scene.u.abs(), top, (5.0, 6.0), (13.0, -8.0), 6.0, 2.5), 5.0)
    scene.part(tuft)
    root = torch.maximum(sdf.ellipse(scene.u, top - 15.0, 19.0, 12.0), -top)
    scene.glow(root, 2.0, scene.palette.base, 1.0)


# --- cat, dog, bunny, bear, lion


def _cat_behind(scene: Scene) -> None:
    scene.part(_tail(scene, ((0, 0), (32, -4), (42, -26), (32, -48)), 9.5, 8.0))
    x, y = _ear(scene, 0.66, 0.40, 0.22)
    scene.part(sdf.triangle(x, y, 23.0, 46.0, 9.0))
    scene.paint(sdf.triangle(x, y + 6.0, 13.0, 28.0, 7.0), ROSE)
    arms(scene)
    feet(scene)


def _cat_front(scene: Scene) -> None:
    _muzzle(scene, 22.0, 13.0)
    _nose(scene, (0.92, 0.42, 0.50), 6.5, 4.5)
    x, y = scene.u.abs(), scene.v - scene.mouth_y
    for rise in (-9.0, 3.0):
        whisker = sdf.capsule(
            x, y, (scene.eye_x + 14.0, 0.35 * rise - 2.0), (scene.eye_x + 40.0, rise - 2.0), 2.0
        )
        scene.paint(whisker, scene.palette.outline)


def _dog_behind(scene: Scene) -> None:
    scene.part(_tail(scene, ((0, 0), (30, -12), (40, -34)), 10.0, 6.0))
    arms(scene)
    feet(scene)


def _dog_front(scene: Scene) -> None:
    _muzzle(scene, 27.0, 18.0)
    _nose(scene, NOSE, 11.0, 8.0)
    x, y = _ear(scene, 0.74, -0.26, 0.06)
    ear = sdf.smooth_min(
        sdf.ellipse(x - 14.0, y - 33.0, 16.0, 34.0), sdf.circle(x - 4.0, y - 4.0, 12.0), 14.0
    )
    scene.part(ear, scene.palette.deep * 0.86)


def _bunny_behind(scene: Scene) -> None:
    scene.part(sdf.circle(scene.u - 0.92 * scene.rx, scene.v - 0.62 * scene.ry, 15.0), scene.palette.pale)
    flop = scene.vary("ear", 0.10, 0.36)
    u, v = scene.rim(0.36)
    x, y = sdf.rotate(scene.u.abs() - u * 0.9, scene.v - v * 0.9, flop)
    scene.part(sdf.ellipse(x, y + 28.0, 14.5, 37.0))
    scene.paint(sdf.ellipse(x, y + 29.0, 7.5, 26.0), ROSE)
    arms(scene)
    feet(scene, rx=23.0)


def _bunny_front(scene: Scene) -> None:
    _muzzle(scene, 23.0, 14.0)
    _nose(scene, (0.96, 0.44, 0.54), 7.5, 5.0)


def _bear_behind(scene: Scene) -> None:
    x, y = _ear(scene, 0.72, 0.0, -0.10)
    scene.part(sdf.circle(x, y, 22.0))
    scene.paint(sdf.circle(x, y, 12.5), scene.palette.pale)
    arms(scene, r=13.0)
    feet(scene, rx=21.0, ry=13.0)


def _bear_front(scene: Scene) -> None:
    _muzzle(scene, 28.0, 20.0)
    _nose(scene, NOSE, 10.0, 7.0)


def _lion_behind(scene: Scene) -> None:
    tail = ((0.0, 0.0), (34.0, -8.0), (44.0, -34.0))
    scene.part(_tail(scene, tail, 6.5, 5.0))
    tip = sdf.circle(scene.u - 0.62 * scene.rx - 45.0, scene.v - 0.72 * scene.ry + 38.0, 11.0)
    mane_color = scene.palette.base * scene.color((0.80, 0.54, 0.42))
    scene.part(tip, mane_color)
    feet(scene)
    x, y = scene.u, scene.v - 0.45 * scene.eye_y
    curls = 4.0 * torch.cos(torch.atan2(x, y) * 13.0)
    scene.part(sdf.ellipse(x, y, scene.rx + 17.0, 0.86 * scene.ry + 19.0) - curls, mane_color)
    ear_x, ear_y = _ear(scene, 0.78, 0.0, -0.06)
    scene.part(sdf.circle(ear_x, ear_y, 15.0))
    scene.paint(sdf.circle(ear_x, ear_y, 8.0), scene.palette.pale)


def _lion_front(scene: Scene) -> None:
    _muzzle(scene, 26.0, 17.0)
    _nose(scene, (0.48, 0.22, 0.20), 10.0, 7.0)


# --- bird, frog, fish, octopus


def _bird_behind(scene: Scene) -> None:
    root = (scene.u - 0.72 * scene.rx, scene.v - 0.66 * scene.ry)
    for angle in (0.55, 0.05):
        x, y = sdf.rotate(*root, angle)
        scene.part(sdf.ellipse(x - 22.0, y, 28.0, 9.5))
    top = scene.v + scene.ry
    for end, r in ((-15.0, 5.5), (13.0, 5.5), (0.0, 6.5)):
        height = -22.0 if end == 0.0 else -14.0
        scene.part(sdf.capsule(scene.u, top, (0.0, 8.0), (end, height), 5.0, r))
    x, y = scene.u.abs() - 0.36 * scene.rx, scene.v - scene.ry
    toes = sdf.ellipse(x, y - 3.0, 17.0, 6.5)
    scene.solid(sdf.smooth_min(toes, sdf.capsule(x, y, (0.0, -12.0), (0.0, 0.0), 4.5), 5.0), BEAK)


def _bird_front(scene: Scene) -> None:
    u, v = scene.rim(math.pi * 0.46)
    wave = scene.vary("wave", -0.15, 0.35)
    x, y = sdf.rotate(scene.u.abs() - u, scene.v - v, wave - 0.25)
    wing = sdf.smooth_max(sdf.ellipse(x, y - 16.0, 17.0, 33.0), sdf.circle(x + 22.0, y - 10.0, 42.0), 5.0)
    scene.part(wing, scene.palette.deep)


def _bird_over(scene: Scene) -> None:
    y = scene.v - scene.mouth_y + 10.0
    scene.solid(sdf.triangle(scene.u, -y - 8.0, 19.0, 21.0, 7.0), BEAK)


def _frog_body(scene: Scene) -> Tensor:
    bumps = sdf.ellipse(scene.u.abs() - scene.eye_x - 1.0, scene.v - scene.eye_y, 27.0, 28.0)
    return sdf.smooth_min(scene.body(), bumps, 12.0)


def _frog_behind(scene: Scene) -> None:
    x, y = scene.u.abs() - 0.62 * scene.rx, scene.v - scene.ry
    web = sdf.ellipse(x, y - 1.0, 17.0, 10.0)
    for angle in (-0.5, 0.0, 0.5):
        toe = sdf.circle(x - 5.0 - 17.0 * math.cos(angle), y - 3.0 - 10.0 * math.sin(angle), 6.5)
        web = sdf.smooth_min(web, toe, 5.0)
    thigh = sdf.ellipse(x - 4.0, y + 20.0, 23.0, 21.0)
    scene.part(thigh)
    scene.part(web)


def _frog_front(scene: Scene) -> None:
    x, y = scene.u.abs(), scene.v - scene.mouth_y + 15.0
    scene.paint(sdf.ellipse(x - 6.0, y, 2.6, 2.2), scene.palette.outline)
    hand_u, hand_v = 0.27 * scene.rx, scene.ry
    leg = sdf.capsule(x, scene.v, (0.31 * scene.rx, 0.72 * scene.ry), (hand_u, hand_v), 7.0)
    scene.part(sdf.smooth_min(sdf.ellipse(x - hand_u, scene.v - hand_v, 12.0, 8.0), leg, 6.0))


def _fish_behind(scene: Scene) -> None:
    x, y = scene.u - 0.88 * scene.rx, scene.v - 0.14 * scene.ry
    fin = scene.palette.deep
    up, down = sdf.rotate(x, y, -0.7), sdf.rotate(x, y, 0.62)
    tail = sdf.smooth_min(
        sdf.ellipse(up[0] - 24.0, up[1], 27.0, 13.0), sdf.ellipse(down[0] - 24.0, down[1], 27.0, 13.0), 5.0
    )
    scene.part(tail, fin)
    top = scene.v + scene.ry
    dorsal = sdf.ellipse(scene.u - 6.0, top - 4.0, 0.56 * scene.rx, 20.0)
    waves = 2.6 * torch.cos((scene.u - 6.0) * 0.32)
    scene.part(dorsal - waves, fin)
    x, y = sdf.rotate(scene.u.abs() - 0.34 * scene.rx, scene.v - scene.ry + 2.0, -0.5)
    scene.part(sdf.ellipse(x, y - 4.0, 12.0, 16.0), fin)


def _fish_front(scene: Scene) -> None:
    u, v = scene.rim(math.pi * 0.56)
    flap = scene.vary("wave", -0.2, 0.3)
    x, y = sdf.rotate(scene.u.abs() - 0.96 * u, scene.v - v, 0.5 + flap)
    scene.part(sdf.ellipse(x - 12.0, y, 19.0, 11.5), scene.palette.deep)


def _octopus_behind(scene: Scene) -> None:
    _tentacle(scene, ((0.50, 0.50), (1.04, 0.72), (1.40, 0.86), (1.54, 0.66), (1.42, 0.50)))
    _tentacle(scene, ((0.40, 0.60), (0.72, 0.96), (1.00, 1.04), (1.14, 0.90)))


def _octopus_front(scene: Scene) -> None:
    _tentacle(scene, ((0.20, 0.84), (0.27, 0.99), (0.48, 1.06), (0.60, 0.96)))


def _tentacle(scene: Scene, points: tuple[tuple[float, float], ...]) -> None:
    """A tentacle on either side through points given in (about) half widths and half heights of the body."""
    reach = 0.5 * scene.rx + 30.0
    scene.part(_limb(scene.u.abs(), scene.v, tuple((a * reach, b * scene.ry) for a, b in points), 13.0, 6.5))


# --- robot, dragon


def _robot_body(scene: Scene) -> Tensor:
    squeeze = 1.0 + 0.7 * scene.pear * (scene.v / scene.ry).clamp(-1.2, 1.2)
    return sdf.box(scene.u / squeeze, scene.v, 0.92 * scene.rx, 0.96 * scene.ry, 17.0)


def _robot_behind(scene: Scene) -> None:
    top = scene.v + 0.96 * scene.ry
    scene.solid(sdf.capsule(scene.u, top, (0.0, 4.0), (0.0, -22.0), 4.0), STEEL)
    scene.solid(sdf.circle(scene.u, top + 27.0, 10.5), scene.palette.accent)
    squeeze = 1.0 - 0.7 * scene.pear * 0.3
    side = scene.u.abs() - 0.92 * scene.rx * squeeze
    scene.solid(sdf.box(side, scene.v - scene.eye_y, 11.0, 15.0, 5.0), STEEL)
    arms(scene, scene.color(STEEL), r=8.0)
    hand_u, hand_v = scene.u.abs() - 0.42 * scene.rx, scene.v - scene.ry + 1.0
    scene.solid(sdf.box(hand_u, hand_v, 18.0, 10.0, 6.0), STEEL)


def _robot_front(scene: Scene) -> None:
    panel_v = scene.v - 0.5 * (scene.mouth_y + 18.0 + 0.96 * scene.ry) + 1.0
    panel = sdf.box(scene.u, panel_v, 30.0, 10.0, 6.0)
    scene.solid(panel, STEEL)
    for at, color in ((-17.0, (0.96, 0.30, 0.30)), (0.0, (1.0, 0.82, 0.24)), (17.0, (0.34, 0.84, 0.46))):
        scene.paint(sdf.circle(scene.u - at, panel_v, 5.6), color)


def _dragon_behind(scene: Scene) -> None:
    u, v = scene.rim(math.pi * 0.40)
    x, y = sdf.rotate(scene.u.abs() - 0.86 * u, scene.v - v, -0.35 + scene.vary("wave", -0.12, 0.12))
    wing = sdf.ellipse(x - 22.0, y + 8.0, 36.0, 27.0)
    for at in (4.0, 25.0, 46.0):
        wing = sdf.smooth_max(wing, -sdf.circle(x - at, y - 21.0 + 0.25 * at, 12.0), 3.0)
    scene.part(wing, torch.lerp(scene.palette.base, scene.palette.pattern, 0.55))
    tail = _tail(scene, ((0, 0), (34, 6), (50, -10)), 13.0, 6.0)
    tip_x, tip_y = sdf.rotate(scene.u - 0.62 * scene.rx - 50.0, scene.v - 0.72 * scene.ry + 10.0, 0.7)
    scene.part(sdf.triangle(tip_x, tip_y, 12.0, 22.0, 4.0), scene.palette.pattern)
    scene.part(tail)
    x, y = _ear(scene, 0.58, 0.35, 0.05)
    horn = sdf.capsule(x, y, (0.0, 4.0), (0.0, -20.0), 10.0, 6.5)
    scene.solid(sdf.smooth_min(horn, sdf.capsule(x, y, (0.0, -20.0), (7.0, -36.0), 6.5, 3.0), 4.0), CREAM)
    top = scene.v + scene.ry
    scene.part(sdf.triangle(scene.u, top - 6.0, 13.0, 26.0, 5.0), scene.palette.pattern)
    arms(scene)
    feet(scene)


def _dragon_front(scene: Scene) -> None:
    _muzzle(scene, 30.0, 18.0)
    x, y = scene.u.abs(), scene.v - scene.mouth_y + 13.0
    scene.paint(sdf.ellipse(x - 8.0, y, 3.4, 2.6), scene.palette.outline)


SPECIES: dict[str, Species] = {
    "creature": Species(_creature_behind, _creature_front, _fur),
    "bird": Species(_bird_behind, _bird_front, over=_bird_over),
    "cat": Species(_cat_behind, _cat_front),
    "dog": Species(_dog_behind, _dog_front),
    "bunny": Species(_bunny_behind, _bunny_front),
    "bear": Species(_bear_behind, _bear_front),
    "lion": Species(_lion_behind, _lion_front),
    "frog": Species(_frog_behind, _frog_front, _frog_body),
    "robot": Species(_robot_behind, _robot_front, _robot_body),
    "dragon": Species(_dragon_behind, _dragon_front),
    "octopus": Species(_octopus_behind, _octopus_front),
    "fish": Species(_fish_behind, _fish_front),
}
