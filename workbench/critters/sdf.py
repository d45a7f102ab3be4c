"""Signed distances to simple shapes: negative inside, in the units of the coordinates given.

Every argument is a tensor that broadcasts to [n, height, width], or a number. y points down, as in a picture.
The formulas are Inigo Quilez's (https://iquilezles.org/articles/distfunctions2d/), the ellipse's is a first-order
approximation that is exact on its border.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Number = Tensor | float


def rotate(x: Tensor, y: Tensor, angle: Number) -> tuple[Tensor, Tensor]:
    """Coordinates in a frame turned clockwise by `angle` radians: a shape drawn in it is turned clockwise."""
    if isinstance(angle, Tensor):
        cos, sin = torch.cos(angle), torch.sin(angle)
    else:
        cos, sin = math.cos(angle), math.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def circle(x: Tensor, y: Tensor, r: Number) -> Tensor:
    return torch.hypot(x, y) - r


def ellipse(x: Tensor, y: Tensor, rx: Number, ry: Number) -> Tensor:
    px, py = x / rx, y / ry
    k = torch.hypot(px, py)
    return k * (k - 1.0) / torch.hypot(px / rx, py / ry).clamp_min(1e-6)


def box(x: Tensor, y: Tensor, hx: Number, hy: Number, r: Number = 0.0) -> Tensor:
    """A box of half sizes hx, hy whose corners are rounded by r."""
    qx, qy = x.abs() - (hx - r), y.abs() - (hy - r)
    return torch.hypot(qx.clamp_min(0.0), qy.clamp_min(0.0)) + torch.maximum(qx, qy).clamp_max(0.0) - r


def capsule(
    x: Tensor,
    y: Tensor,
    a: tuple[Number, Number],
    b: tuple[Number, Number],
    r: Number,
    r_end: Number | None = None,
) -> Tensor:
    """A line from a to b with round ends, r thick at a and r_end at b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    px, py = x - a[0], y - a[1]
    h = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-6)).clamp(0.0, 1.0)
    distance = torch.hypot(px - h * dx, py - h * dy)
    return distance - (r if r_end is None else r + (r_end - r) * h)


def triangle(x: Tensor, y: Tensor, half_base: float, height: float, soft: float = 6.0) -> Tensor:
    """An isosceles triangle on the base y = 0, its tip at y = -height, corners rounded by about `soft`."""
    side = (x.abs() * height - (y + height) * half_base) / math.hypot(half_base, height)
    return smooth_max(side, y, soft)


def arc(x: Tensor, y: Tensor, r: Number, half_angle: float, width: Number) -> Tensor:
    """A stroke of half width `width` on a circle's lowest part, `half_angle` to either side of straight down."""
    px = x.abs()
    sin, cos = math.sin(half_angle), math.cos(half_angle)
    ends = torch.hypot(px - sin * r, y - cos * r)
    ring = (torch.hypot(px, y) - r).abs()
    return torch.where(cos * px > sin * y, ends, ring) - width


def heart(x: Tensor, y: Tensor, size: Number) -> Tensor:
    """A heart about 2.2 `size` wide and 2 `size` high, centred."""
    px, py = x.abs() / (2.0 * size), 0.55 - y / (2.0 * size)
    lobe = torch.hypot(px - 0.25, py - 0.75) - 0.35355
    half = (px + py).clamp_min(0.0) * 0.5
    point = torch.minimum(torch.hypot(px, py - 1.0), torch.hypot(px - half, py - half)) * torch.sign(px - py)
    return torch.where(px + py > 1.0, lobe, point) * (2.0 * size)


def star(x: Tensor, y: Tensor, r: Number, points: int = 5, depth: float = 0.5) -> Tensor:
    """A soft star: a circle of radius r whose border swings inwards by `depth` of r between its points."""
    angle = torch.atan2(x, -y)
    swing = 0.5 + 0.5 * torch.cos(angle * points)
    return (torch.hypot(x, y) - r * (1.0 - depth + depth * swing)) * (1.0 - 0.35 * depth)


def smooth_min(a: Tensor, b: Tensor, k: float) -> Tensor:
    """The union of two shapes, melted together over about k."""
    h = (k - (a - b).abs()).clamp_min(0.0) / k
    return torch.minimum(a, b) - h * h * (k * 0.25)


def smooth_max(a: Tensor, b: Tensor, k: float) -> Tensor:
    """The intersection of two shapes, its corners rounded over about k."""
    h = (k - (a - b).abs()).clamp_min(0.0) / k
    return torch.maximum(a, b) + h * h * (k * 0.25)
