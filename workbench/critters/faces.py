"""Eyes, brows, cheeks and mouths. The eyes are large: their colour must be seen in the smallest critter."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.critters import sdf
from workbench.critters.palette import Rgb
from workbench.critters.scene import Scene

MAROON: Rgb = (0.36, 0.08, 0.14)
TONGUE: Rgb = (1.0, 0.45, 0.52)
WHITE: Rgb = (1.0, 1.0, 1.0)
INK: Rgb = (0.13, 0.09, 0.14)
TEAR: Rgb = (0.42, 0.78, 1.0)


def cheeks(scene: Scene) -> None:
    blush = sdf.ellipse(scene.u.abs() - scene.eye_x - 15.0, scene.v - scene.mouth_y + 9.0, 10.5, 6.5)
    scene.glow(blush, 4.0, scene.palette.blush, 0.85)


def eyes(scene: Scene, expression: str) -> None:
    """Both eyes: white, iris, pupil, two highlights, and the lids and brows that the expression asks for."""
    right = (scene.u > 0).float()
    zoom: Tensor | float = {"surprised": 1.12, "silly": 0.98}.get(expression, 1.0)
    if expression == "silly":
        zoom = zoom + 0.15 * torch.where(scene.vary("side", -1.0, 1.0) > 0, right, 1.0 - right)
    x = (scene.u.abs() - scene.eye_x) / zoom
    y = (scene.v - scene.eye_y) / zoom
    white = sdf.ellipse(x, y, 19.8, 22.4) * zoom
    scene.paint(white - 0.95 * scene.line, scene.palette.outline)
    scene.paint(white, WHITE)
    _iris(scene, x, y, 2.0 * right - 1.0, zoom, white, expression)
    _lids(scene, expression, x, y, white)


def _iris(scene: Scene, x: Tensor, y: Tensor, side: Tensor, zoom, white: Tensor, expression: str) -> None:
    gaze_x, gaze_y = scene.vary("gaze_x", -3.0, 3.0), scene.vary("gaze_y", -2.5, 2.5)
    if expression == "sleepy":
        gaze_y = gaze_y * 0.3 + 4.5
    px, py = x * side - gaze_x + side * 1.6, y - gaze_y
    iris = torch.maximum(sdf.circle(px, py, 16.2) * zoom, white + 0.6)
    scene.paint(iris, scene.palette.iris * 0.45)
    shade = (0.42 + py * 0.036).clamp_(0.0, 1.0)[:, None]
    color = scene.palette.iris
    deep, glow = color * 0.80, torch.lerp(color, scene.color(WHITE), 0.30)
    field = torch.lerp(deep[:, :, None, None], glow[:, :, None, None], shade)
    scene.blend(scene.cover(torch.maximum(sdf.circle(px, py, 14.4) * zoom, white + 1.4)), field)
    scene.paint(sdf.circle(px, py, 7.4) * zoom, INK)
    scene.paint(sdf.circle(px + 5.2, py + 6.4, 5.2) * zoom, WHITE)
    scene.paint(sdf.circle(px - 6.0, py - 6.6, 2.7) * zoom, WHITE, 0.85)


def _lids(scene: Scene, expression: str, x: Tensor, y: Tensor, white: Tensor) -> None:
    """x grows away from the nose, on both sides."""
    lid = torch.lerp(scene.palette.base, scene.palette.deep, 0.5)
    if expression == "sleepy":
        edge = y + 2.0 + scene.vary("lid", -1.5, 1.0) + 0.012 * x * x
    elif expression == "angry":
        edge = y + 9.5 + 0.42 * x
    elif expression == "sad":
        edge = y + 10.5 - 0.40 * x
    else:
        brow = sdf.arc(x, -(y + (9.0 if expression == "surprised" else 5.0)), 27.0, 0.42, 2.3)
        if expression in ("surprised", "happy"):
            scene.paint(torch.maximum(brow, scene.torso + 2.0), scene.palette.outline)
        return
    scene.paint(torch.maximum(white, edge), lid)
    scene.paint(torch.maximum(edge.abs() - 2.1, white - 1.2), scene.palette.outline)
    if expression == "angry":
        brow = sdf.capsule(x, y, (-15.0, -13.5), (14.0, -26.0), 4.6, 3.4)
        scene.paint(brow, scene.palette.outline)
    if expression == "sad":
        brow = sdf.capsule(x, y, (-13.0, -30.0), (14.0, -22.0), 3.0, 2.8)
        scene.paint(brow, scene.palette.outline)


def mouth(scene: Scene, expression: str) -> None:
    _MOUTHS[expression](scene, scene.u, scene.v - scene.mouth_y)


def _grin(scene: Scene, x: Tensor, y: Tensor, rx: float, ry: float) -> Tensor:
    """An open smile: the lower part of an ellipse, its upper lip sagging."""
    return sdf.smooth_max(sdf.ellipse(x, y, rx, ry), -(y + 0.006 * x * x), 4.0)


def _happy(scene: Scene, x: Tensor, y: Tensor) -> None:
    open_mouth = _grin(scene, x, y + 4.0, 18.5, 18.5)
    scene.paint(open_mouth - 0.8 * scene.line, scene.palette.outline)
    scene.paint(open_mouth, MAROON)
    scene.paint(torch.maximum(sdf.ellipse(x, y - 13.0, 12.5, 9.0), open_mouth + 0.8), TONGUE)
    scene.paint(torch.maximum(open_mouth + 0.6, y + 0.6), WHITE)


def _sad(scene: Scene, x: Tensor, y: Tensor) -> None:
    scene.paint(sdf.arc(x, -(y - 18.0), 18.0, 1.15, 2.9), scene.palette.outline)
    side = torch.where(scene.vary("side", -1.0, 1.0) > 0, 1.0, -1.0)
    tx, ty = x * side - scene.eye_x - 8.0, y + 5.0
    drop = sdf.smooth_min(
        sdf.circle(tx, ty, 7.0), sdf.capsule(tx, ty, (0.0, 0.0), (0.0, -12.0), 5.0, 1.0), 3.0
    )
    scene.paint(drop - 0.6 * scene.line, (0.12, 0.38, 0.72))
    scene.paint(drop, TEAR)
    scene.paint(sdf.circle(tx + 2.0, ty - 0.5, 2.4), WHITE)


def _angry(scene: Scene, x: Tensor, y: Tensor) -> None:
    bend = y - 3.0 - 0.012 * x * x
    teeth = sdf.box(x, bend, 18.0, 8.0, 6.0)
    scene.paint(teeth - 0.9 * scene.line, scene.palette.outline)
    scene.paint(teeth, WHITE)
    gaps = torch.minimum(bend.abs(), (torch.remainder(x + 6.0, 12.0) - 6.0).abs()) - 1.2
    scene.paint(torch.maximum(gaps, teeth), scene.palette.outline)


def _surprised(scene: Scene, x: Tensor, y: Tensor) -> None:
    hole = sdf.ellipse(x, y - 7.5, 15.5, 14.5)
    scene.paint(hole - 0.8 * scene.line, scene.palette.outline)
    scene.paint(hole, MAROON)
    scene.paint(torch.maximum(sdf.ellipse(x, y - 18.5, 12.0, 9.0), hole + 0.8), TONGUE)


def _sleepy(scene: Scene, x: Tensor, y: Tensor) -> None:
    scene.paint(sdf.arc(x, y + 16.0, 22.0, 0.82, 2.7), scene.palette.outline)


def _silly(scene: Scene, x: Tensor, y: Tensor) -> None:
    side = torch.where(scene.vary("mouth", -1.0, 1.0) > 0, 1.0, -1.0)
    tongue_x = x - 4.0 * side
    tongue = sdf.smooth_max(sdf.box(tongue_x, y - 11.0, 11.5, 15.0, 11.0), -(y - 1.0), 3.0)
    scene.paint(tongue - 0.8 * scene.line, scene.palette.outline)
    scene.paint(tongue, TONGUE)
    scene.paint(sdf.capsule(tongue_x, y, (0.0, 6.0), (0.0, 15.0), 1.5), (0.86, 0.28, 0.38))
    scene.paint(sdf.arc(x, y + 20.0, 24.0, 0.86, 3.0), scene.palette.outline)


_MOUTHS: dict[str, Callable[[Scene, Tensor, Tensor], None]] = {
    "happy": _happy,
    "sad": _sad,
    "angry": _angry,
    "surprised": _surprised,
    "sleepy": _sleepy,
    "silly": _silly,
}
