"""The mark of synthetic weights, in the pixels themselves: where a picture goes alone, nothing else says what it is."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

from backends.contract import Picture
from backends.paths import ASSETS
from workbench.desk.experiment import SYNTHETIC_MARK

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

GROUND, INK = "#FFF5DD", "#7A5200"
LARGEST_FONT, SMALLEST_FONT = 28, 5
WIDTH_SHARE = 0.4
"""Of the picture's width, what the mark takes where its letters stay within their sizes."""


def marked(picture: Picture) -> Picture:
    """A copy of a picture of synthetic weights with the mark in its upper left corner. Not for a window's thread."""
    from PIL import Image, ImageDraw

    image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    draw_mark(ImageDraw.Draw(image), 0, 0, picture.width)
    return Picture(picture.width, picture.height, image.tobytes())


def marked_png(png: bytes) -> bytes:
    """A PNG file as :func:`marked` has its picture, with the settings that it carried."""
    from PIL import Image, ImageDraw
    from PIL.PngImagePlugin import PngInfo

    chunks, file = PngInfo(), io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        for name, text in image.info.items():
            if isinstance(name, str) and isinstance(text, str):
                chunks.add_text(name, text)
        rgb = image.convert("RGB")
    draw_mark(ImageDraw.Draw(rgb), 0, 0, rgb.width)
    rgb.save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def draw_mark(draw: ImageDraw.ImageDraw, x: int, y: int, side: int) -> None:
    """The mark at the upper left corner of a picture ``side`` pixels wide that stands at ``x``, ``y``."""
    size = LARGEST_FONT
    while size > SMALLEST_FONT and _width(size) > WIDTH_SHARE * side:
        size -= 1
    pad = max(1, size // 2)
    draw.rectangle((x, y, x + _width(size) + 2 * pad, y + size + 2 * pad), fill=GROUND)
    draw.text((x + pad, y + pad - size // 8), SYNTHETIC_MARK, INK, font=font(size))


def _width(size: int) -> int:
    return round(font(size).getlength(SYNTHETIC_MARK))


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Inter, as the window shows it."""
    from PIL import ImageFont

    return ImageFont.truetype(str(ASSETS / "theme" / "Inter.ttf"), size)
