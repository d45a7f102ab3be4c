"""The sheet of paper: a batch of pictures being drawn, the frame of each critter in it, and how a shape gets there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from workbench.critters import palette as colors
from workbench.critters import sdf
from workbench.critters.palette import Palette, Rgb
from workbench.critters.variation import STREAMS

SIDE = 256.0  # design pixels: whatever the size of the picture, it is designed on a 256 grid
OUTLINE = 3.2  # design pixels


@dataclass
class Scene:
    """n pictures and the measures of the critters in them.

    x, y: design pixels, float32 [1, h, w]. u, v: the critter's own frame, [n, h, w]: its body is centred on 0 and
    about 66 units to a side, v points down, and one unit is `scale` design pixels. Measures are [n, 1, 1], in units.
    """

    image: Tensor  # [n, 3, h, w]
    x: Tensor
    y: Tensor
    u: Tensor
    v: Tensor
    lit: Tensor  # [n, h, w]: 0 in the shadow, 1 in the light, which comes from the upper left
    torso: Tensor  # [n, h, w]: distance to the trunk of the body, once it is drawn
    soft: Tensor  # how wide an edge's anti-aliasing is
    line: Tensor  # how wide an outline is
    scale: Tensor
    center_x: Tensor  # design pixels
    center_y: Tensor  # design pixels
    rx: Tensor
    ry: Tensor
    pear: Tensor  # how much wider the foot of the body is than its head
    eye_x: Tensor
    eye_y: Tensor
    mouth_y: Tensor
    hat_y: Tensor
    dice: Tensor  # [n, len(STREAMS)]
    palette: Palette

    def take(self, index: Tensor) -> Scene:
        """A copy with only the pictures at `index`."""
        chosen = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Palette):
                chosen[field.name] = value.take(index)
            else:
                chosen[field.name] = value if value.shape[0] == 1 else value.index_select(0, index)
        return Scene(**chosen)

    @contextmanager
    def only(self, index: Tensor) -> Iterator[Scene]:
        """The pictures at `index` as a scene of their own; what is drawn on it comes back here."""
        if len(index) == len(self.image):
            yield self
            return
        part = self.take(index)
        yield part
        self.image.index_copy_(0, index, part.image)
        self.torso.index_copy_(0, index, part.torso)

    def vary(self, stream: str, low: float, high: float) -> Tensor:
        """This stream's number of each picture, between low and high, [n, 1, 1]."""
        return low + (high - low) * self.dice[:, STREAMS.index(stream), None, None]

    def color(self, color: Tensor | Rgb) -> Tensor:
        return color if isinstance(color, Tensor) else colors.constant(color, self.image.device)

    def cover(self, distance: Tensor) -> Tensor:
        """How much of each pixel a shape of this signed distance covers."""
        return (0.5 - distance / self.soft).clamp_(0.0, 1.0)

    def blend(self, mask: Tensor, color: Tensor | Rgb) -> None:
        """Puts a colour ([n, 3], [1, 3] or [n, 3, h, w]) where the mask [n, h, w] is 1."""
        fill = self.color(color)
        end = fill if fill.ndim == 4 else fill[:, :, None, None]
        self.image.lerp_(end, mask[:, None])

    def paint(self, distance: Tensor, color: Tensor | Rgb, alpha: float = 1.0) -> None:
        """A flat shape."""
        mask = self.cover(distance)
        self.blend(mask if alpha == 1.0 else mask * alpha, color)

    def glow(self, distance: Tensor, reach: float, color: Tensor | Rgb, alpha: float) -> None:
        """A shape that fades out over `reach` to either side of its border."""
        t = (0.5 - distance / (2.0 * reach)).clamp_(0.0, 1.0)
        self.blend(t * t * (3.0 - 2.0 * t) * alpha, color)

    def solid(
        self,
        distance: Tensor,
        color: Tensor | Rgb,
        outline: Tensor | Rgb | None = None,
        roundness: float = 9.0,
    ) -> None:
        """A shape with an outline, lit from the upper left, its border turning away from the light."""
        fill = self.color(color)
        outline = self.color((0.36, 0.32, 0.38)) * fill if outline is None else outline
        self.paint(distance - self.line, outline)
        edge = (1.0 + distance / roundness).clamp_(0.0, 1.0)
        light = (self.lit - edge * edge * 0.32).clamp_(0.0, 1.0)
        shadow, bright = colors.tones(fill)
        field = torch.lerp(shadow[:, :, None, None], bright[:, :, None, None], light[:, None])
        self.blend(self.cover(distance), field)

    def part(self, distance: Tensor, color: Tensor | Rgb | None = None, roundness: float = 9.0) -> None:
        """A part of the critter's body: solid, in the body's colour and outline unless told."""
        self.solid(distance, self.palette.base if color is None else color, self.palette.outline, roundness)

    def body(self) -> Tensor:
        """Distance to the body: an ellipse, wider at the foot by `pear`."""
        squeeze = 1.0 + self.pear * (self.v / self.ry).clamp(-1.2, 1.2)
        return sdf.ellipse(self.u / squeeze, self.v, self.rx, self.ry)

    def rim(self, angle: float) -> tuple[Tensor, Tensor]:
        """The point of the body's right border that is `angle` radians from its top, as (u, v), each [n, 1, 1]."""
        at = torch.as_tensor(angle)
        sin, cos = float(torch.sin(at)), float(torch.cos(at))
        return self.rx * sin * (1.0 - self.pear * cos), -self.ry * cos
