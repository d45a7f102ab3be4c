"""Two pictures against each other: where they differ, by how much, and the figures of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.contract import Picture
from workbench.quality import compare_pictures

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PairFigures:
    """PSNR in dB (infinite for equal pictures), SSIM, the largest difference of a channel, and the share of equal pixels."""

    psnr_db: float
    ssim: float
    largest: int
    equal_share: float


class DifferentShapes(ValueError):
    """Two pictures that cannot be laid over each other."""


def pixels(picture: Picture) -> np.ndarray:
    """The picture as an array of uint8, shape (height, width, 3)."""
    import numpy

    return numpy.frombuffer(picture.pixels, numpy.uint8).reshape(picture.height, picture.width, 3)


def difference(first: Picture, second: Picture) -> np.ndarray:
    """The largest difference among the channels of every pixel, uint8, shape (height, width). Raises DifferentShapes."""
    import numpy

    if (first.width, first.height) != (second.width, second.height):
        raise DifferentShapes(
            f"{first.width} × {first.height} and {second.width} × {second.height} cannot be compared pixel by pixel"
        )
    apart = numpy.abs(pixels(first).astype(numpy.int16) - pixels(second).astype(numpy.int16))
    return apart.max(axis=2).astype(numpy.uint8)


def pair_figures(first: Picture, second: Picture) -> PairFigures:
    """Some tens of milliseconds for a large picture: not for a window's thread. Raises DifferentShapes."""
    apart = difference(first, second)
    psnr_db, ssim = compare_pictures(first, second)
    return PairFigures(psnr_db, ssim, int(apart.max()), float((apart == 0).mean()))


def pixel_at(picture: Picture, x: float, y: float) -> tuple[int, int, int] | None:
    """The colour at a place in shares of the picture, 0..1; None outside."""
    if not (0 <= x < 1 and 0 <= y < 1):
        return None
    start = 3 * (int(y * picture.height) * picture.width + int(x * picture.width))
    red, green, blue = picture.pixels[start : start + 3]
    return red, green, blue
