"""The places a critter can be: wide soft shapes behind it, and ground under its feet."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.critters import sdf
from workbench.critters.palette import Rgb
from workbench.critters.scene import SIDE, Scene


def _gradient(scene: Scene, *stops: tuple[float, Rgb]) -> None:
    """Fills the pictures from top to bottom; a stop is a height in [0, 1] and its colour."""
    t = scene.y[:, None, :, :1] / SIDE
    color = scene.color(stops[0][1])[:, :, None, None]
    for (start, _), (end, rgb) in zip(stops[:-1], stops[1:], strict=True):
        share = ((t - start) / (end - start)).clamp(0.0, 1.0)
        color = torch.lerp(color, scene.color(rgb)[:, :, None, None], share * share * (3.0 - 2.0 * share))
    tint = 1.0 + 0.05 * (scene.dice[:, :3, None, None] - 0.5)
    scene.image.copy_((color * tint).clamp(0.0, 1.0).expand_as(scene.image))


def _spot(scene: Scene, x: Tensor | float, y: Tensor | float) -> tuple[Tensor, Tensor]:
    return scene.x - x, scene.y - y


def _paint(scene: Scene, distance: Tensor, color: Rgb, alpha: float = 1.0) -> None:
    """Paints in design pixels: the scene's own edge width is in units of the critter."""
    mask = (0.5 - distance / (scene.soft * scene.scale)).clamp_(0.0, 1.0)
    scene.blend(mask * alpha if alpha != 1.0 else mask, color)


def _hill(scene: Scene, height: Tensor | float, x: Tensor | float, swell: float, width: float) -> Tensor:
    """Ground whose top is at `height`, raised by `swell` around x."""
    wave = torch.exp(-(((scene.x - x) / width) ** 2))
    return height - swell * wave - scene.y


def _cloud(scene: Scene, x: Tensor | float, y: Tensor | float, size: Tensor | float) -> Tensor:
    cx, cy = _spot(scene, x, y)
    puffs = sdf.circle(cx, cy + 0.25 * size, 0.62 * size)
    puffs = torch.minimum(puffs, sdf.ellipse(cx - 0.75 * size, cy, 0.6 * size, 0.45 * size))
    puffs = torch.minimum(puffs, sdf.ellipse(cx + 0.75 * size, cy + 0.05 * size, 0.55 * size, 0.48 * size))
    return sdf.smooth_max(puffs, cy - 0.3 * size, 6.0)


def _sun(
    scene: Scene, x: Tensor | float, y: Tensor | float, r: float, color: Rgb, halo: float = 0.35
) -> None:
    distance = sdf.circle(*_spot(scene, x, y), r)
    scene.glow(distance, 34.0, color, halo)
    _paint(scene, distance, color)


def _stars(scene: Scene, color: Rgb) -> None:
    """Five big soft stars, each in its own part of the sky."""
    for i, (x, y, r) in enumerate(((26, 34, 8), (84, 22, 6), (150, 40, 7), (196, 96, 7), (34, 112, 6.5))):
        shift = scene.vary(f"scene_{'abcde'[i]}", -14.0, 14.0)
        _paint(scene, sdf.star(*_spot(scene, x + shift, y + 0.5 * shift), r + 1.5, 4, 0.62), color)


def plain(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.96, 0.95, 0.93)), (0.72, (0.98, 0.97, 0.96)), (0.85, (0.90, 0.89, 0.88)))
    spot = torch.hypot(scene.x - scene.center_x, scene.y - 120.0) - 90.0
    scene.glow(spot, 80.0, (1.0, 1.0, 1.0), 0.6)


def sky(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.30, 0.64, 0.97)), (0.9, (0.76, 0.92, 1.0)))
    a, b, c = scene.vary("scene_a", 20, 80), scene.vary("scene_b", 26, 60), scene.vary("scene_c", 175, 235)
    white: Rgb = (0.98, 0.99, 1.0)
    _paint(scene, _cloud(scene, a, b, 34.0), white)
    _paint(scene, _cloud(scene, c, 92.0 - b * 0.5, 40.0), white)
    _paint(scene, _cloud(scene, c - 190.0, 150.0, 36.0), white, 0.8)
    _paint(scene, _cloud(scene, a + 180.0, 148.0, 30.0), white, 0.8)
    floor = _cloud(scene, 128.0, 216.0, 74.0)
    for x, r in ((10.0, 52.0), (246.0, 54.0), (80.0, 44.0), (176.0, 46.0), (128.0, 40.0)):
        floor = sdf.smooth_min(floor, sdf.circle(*_spot(scene, x, 246.0), r), 8.0)
    _paint(scene, floor - 3.0, (0.74, 0.86, 0.97))
    _paint(scene, floor + 3.0, white)


def night(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.08, 0.10, 0.32)), (0.8, (0.24, 0.30, 0.62)))
    _stars(scene, (1.0, 0.95, 0.70))
    mx, my = scene.vary("scene_f", 196, 226), scene.vary("scene_a", 36, 52)
    moon = sdf.circle(*_spot(scene, mx, my), 25.0)
    scene.glow(moon, 36.0, (0.78, 0.84, 1.0), 0.4)
    bite = sdf.circle(*_spot(scene, mx + 13.0, my - 9.0), 23.0)
    _paint(scene, torch.maximum(moon, -bite), (1.0, 0.95, 0.72))
    _paint(scene, _hill(scene, 196.0, scene.vary("scene_b", 20, 90), 30.0, 70.0), (0.16, 0.22, 0.48))
    _paint(scene, _hill(scene, 206.0, scene.vary("scene_c", 150, 230), 16.0, 90.0), (0.13, 0.30, 0.42))


def _round_tree(scene: Scene, x: Tensor, y: float, size: float, crown: Rgb, trunk: Rgb) -> None:
    tx, ty = _spot(scene, x, y)
    _paint(scene, sdf.box(tx, ty + 8.0, 0.16 * size, 0.9 * size, 3.0), trunk)
    leaves = sdf.circle(tx, ty + 1.35 * size, 0.72 * size)
    leaves = sdf.smooth_min(leaves, sdf.circle(tx.abs() - 0.5 * size, ty + 0.85 * size, 0.52 * size), 6.0)
    _paint(scene, leaves, crown)


def forest(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.70, 0.90, 0.78)), (0.7, (0.90, 0.96, 0.74)))
    far = torch.cos((scene.x + scene.vary("scene_a", 0, 60)) * 0.105) * 9.0
    _paint(scene, 120.0 + far - scene.y, (0.52, 0.76, 0.56))
    a, b, c = scene.vary("scene_b", 12, 44), scene.vary("scene_c", 212, 244), scene.vary("scene_d", 96, 160)
    _round_tree(scene, c, 190.0, 58.0, (0.36, 0.64, 0.42), (0.46, 0.40, 0.30))
    _round_tree(scene, a, 206.0, 62.0, (0.20, 0.52, 0.30), (0.42, 0.28, 0.18))
    _round_tree(scene, b, 208.0, 68.0, (0.16, 0.46, 0.28), (0.40, 0.27, 0.18))
    _paint(scene, _hill(scene, 202.0, c, 10.0, 90.0), (0.45, 0.70, 0.28))


def beach(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.38, 0.76, 0.98)), (0.55, (0.80, 0.95, 1.0)))
    _sun(scene, scene.vary("scene_a", 180, 226), scene.vary("scene_b", 34, 52), 22.0, (1.0, 0.88, 0.36))
    _paint(scene, _cloud(scene, scene.vary("scene_c", 30, 110), 40.0, 28.0), (1.0, 1.0, 1.0), 0.9)
    _paint(scene, 130.0 - scene.y, (0.10, 0.62, 0.78))
    _paint(scene, 152.0 - scene.y, (0.22, 0.74, 0.82))
    wave = torch.cos((scene.x + scene.vary("scene_d", 0, 80)) * 0.075) * 4.0
    _paint(scene, 174.0 + wave - scene.y, (0.94, 0.99, 1.0))
    _paint(scene, 183.0 + wave - scene.y, (0.97, 0.86, 0.60))
    px = scene.vary("scene_e", 14, 34)
    _paint(scene, sdf.capsule(scene.x, scene.y, (px, 212.0), (px + 14.0, 96.0), 7.0, 4.5), (0.62, 0.42, 0.24))
    lx, ly = scene.x - (px + 14.0), scene.y - 94.0
    for angle, color in ((0.5, (0.16, 0.58, 0.32)), (-0.25, (0.22, 0.68, 0.36))):
        qx, qy = lx.abs(), ly
        leaf = sdf.ellipse(*sdf.rotate(qx - 22.0, qy - 22.0 * angle, angle), 25.0, 7.5)
        _paint(scene, leaf, color)


def desert(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.98, 0.80, 0.52)), (0.62, (1.0, 0.93, 0.74)))
    _sun(scene, scene.vary("scene_a", 40, 90), scene.vary("scene_b", 36, 56), 24.0, (1.0, 0.97, 0.82), 0.5)
    _paint(scene, _hill(scene, 168.0, scene.vary("scene_c", 150, 240), 36.0, 76.0), (0.88, 0.62, 0.36))
    _paint(scene, _hill(scene, 184.0, scene.vary("scene_d", 10, 90), 26.0, 80.0), (0.93, 0.70, 0.42))
    cx, cy = _spot(scene, scene.vary("scene_e", 214, 234), 196.0)
    cactus = sdf.capsule(cx, cy, (0.0, 0.0), (0.0, -78.0), 10.0)
    for end, foot, tip in ((-24.0, -30.0, -54.0), (22.0, -42.0, -66.0)):
        cactus = torch.minimum(cactus, sdf.capsule(cx, cy, (0.0, foot), (end, foot), 6.5))
        cactus = torch.minimum(cactus, sdf.capsule(cx, cy, (end, foot), (end, tip), 6.5))
    _paint(scene, cactus, (0.30, 0.56, 0.34))
    _paint(scene, _hill(scene, 204.0, 128.0, 10.0, 90.0), (0.97, 0.79, 0.50))


def snow(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.62, 0.78, 0.92)), (0.75, (0.88, 0.94, 0.99)))
    for name, low, high, size in (("scene_a", 14, 50, 46.0), ("scene_b", 206, 242, 54.0)):
        tx, ty = _spot(scene, scene.vary(name, low, high), 204.0)
        for lift, wide in ((0.0, 1.0), (0.75, 0.8), (1.45, 0.6)):
            tier = sdf.triangle(tx, ty + lift * size, 0.72 * wide * size, 1.2 * wide * size, 8.0)
            _paint(scene, tier, (0.24, 0.48, 0.50))
            _paint(scene, torch.maximum(tier, ty + (lift + 0.66 * wide) * size), (0.97, 0.99, 1.0))
    _paint(scene, _hill(scene, 194.0, scene.vary("scene_c", 40, 210), 16.0, 80.0), (0.83, 0.91, 0.98))
    _paint(scene, _hill(scene, 206.0, 128.0, 8.0, 100.0), (0.97, 0.985, 1.0))
    for i, (x, y, r) in enumerate(
        ((70, 30, 5), (128, 18, 6), (184, 44, 5), (24, 72, 5.5), (232, 84, 5), (96, 84, 4.5))
    ):
        shift = scene.vary(f"scene_{'abcdef'[i]}", -16.0, 16.0)
        _paint(scene, sdf.circle(*_spot(scene, x + shift, y - shift), r), (1.0, 1.0, 1.0))


def sunset(scene: Scene) -> None:
    stops = (
        (0.0, (0.42, 0.24, 0.56)),
        (0.3, (0.88, 0.38, 0.52)),
        (0.55, (1.0, 0.60, 0.34)),
        (0.75, (1.0, 0.84, 0.48)),
    )
    _gradient(scene, *stops)
    _sun(scene, scene.vary("scene_a", 60, 196), 142.0, 44.0, (1.0, 0.90, 0.50), 0.5)
    streak = sdf.box(scene.x - scene.vary("scene_b", 30, 90), scene.y - 46.0, 40.0, 5.0, 5.0)
    _paint(scene, streak, (1.0, 0.66, 0.56), 0.7)
    streak = sdf.box(scene.x - scene.vary("scene_c", 160, 230), scene.y - 72.0, 46.0, 5.0, 5.0)
    _paint(scene, streak, (1.0, 0.74, 0.54), 0.7)
    _paint(scene, _hill(scene, 172.0, scene.vary("scene_d", 150, 250), 34.0, 60.0), (0.60, 0.26, 0.44))
    _paint(scene, _hill(scene, 186.0, scene.vary("scene_e", 0, 100), 28.0, 70.0), (0.48, 0.20, 0.40))
    _paint(scene, _hill(scene, 204.0, 128.0, 8.0, 90.0), (0.62, 0.30, 0.36))


def underwater(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.28, 0.78, 0.88)), (0.9, (0.04, 0.34, 0.62)))
    slant = scene.x + 0.45 * scene.y - scene.vary("scene_a", 0, 60)
    rays = torch.cos(slant * 0.062).clamp_min(0.0) * (1.0 - scene.y / 200.0).clamp_min(0.0)
    scene.blend(rays * 0.28, (0.85, 1.0, 0.98))
    for name, low, high, top, color in (
        ("scene_b", 10, 40, 96.0, (0.10, 0.56, 0.44)),
        ("scene_c", 222, 246, 112.0, (0.14, 0.62, 0.42)),
    ):
        sway = torch.sin(scene.y * 0.085) * 7.0
        weed = scene.x - scene.vary(name, low, high) - sway
        _paint(scene, sdf.capsule(weed, scene.y.expand_as(weed), (0.0, 216.0), (0.0, top), 10.0, 5.0), color)
        _paint(
            scene,
            sdf.capsule(weed - 17.0, scene.y.expand_as(weed), (0.0, 220.0), (0.0, top + 46.0), 9.0, 5.0),
            color,
        )
    _paint(scene, _hill(scene, 206.0, scene.vary("scene_d", 60, 200), 10.0, 80.0), (0.86, 0.80, 0.60))
    for i, (x, y, r) in enumerate(((58, 46, 10), (200, 60, 12), (222, 22, 8), (30, 84, 7))):
        bx, by = _spot(scene, x + scene.vary(f"scene_{'cdef'[i]}", -16.0, 16.0), y)
        bubble = sdf.circle(bx, by, r)
        _paint(scene, bubble, (0.80, 0.97, 1.0), 0.35)
        _paint(scene, bubble.abs() - 1.7, (0.88, 0.99, 1.0), 0.9)


def space(scene: Scene) -> None:
    _gradient(scene, (0.0, (0.10, 0.04, 0.20)), (0.8, (0.26, 0.10, 0.40)))
    cloud = torch.hypot(scene.x - scene.vary("scene_a", 40, 200), (scene.y - 110.0) * 1.6) - 60.0
    scene.glow(cloud, 60.0, (0.56, 0.20, 0.62), 0.6)
    _stars(scene, (0.92, 0.94, 1.0))
    px, py = _spot(scene, scene.vary("scene_f", 196, 222), scene.vary("scene_b", 40, 56))
    planet = sdf.circle(px, py, 26.0)
    _paint(scene, planet, (0.98, 0.64, 0.36))
    _paint(scene, torch.maximum(planet, sdf.circle(px + 8.0, py + 8.0, 28.0) * -1.0), (0.80, 0.42, 0.34))
    ring = sdf.ellipse(*sdf.rotate(px, py, -0.35), 44.0, 12.0).abs() - 3.0
    behind = (planet < 0) & (sdf.rotate(px, py, -0.35)[1] < 0)
    _paint(scene, torch.where(behind, 9.0, ring), (1.0, 0.88, 0.66))
    ground = _hill(scene, 206.0, 128.0, 12.0, 110.0)
    _paint(scene, ground, (0.62, 0.60, 0.72))
    for x, y, rx in ((40.0, 226.0, 20.0), (214.0, 230.0, 24.0), (120.0, 246.0, 22.0)):
        crater = sdf.ellipse(*_spot(scene, x + scene.vary("scene_d", -14, 14), y), rx, 7.0)
        _paint(scene, torch.maximum(crater, ground), (0.48, 0.46, 0.60))


BACKGROUNDS = {
    "plain": plain,
    "sky": sky,
    "night": night,
    "forest": forest,
    "beach": beach,
    "desert": desert,
    "snow": snow,
    "sunset": sunset,
    "underwater": underwater,
    "space": space,
}
