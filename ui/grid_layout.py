"""How large the cells of the grid are. No Qt: pixels.

Variants that share one row are broken into several lines where that makes their pictures larger: twelve in one line of a large
screen are a narrow strip, in two lines they fill it.
"""

from __future__ import annotations

from dataclasses import dataclass

GAP = 8
NARROWEST = 148
SHORTEST = 170
HEADING = 46
CAPTION = 26
TWO_LINES = 42
"""The height of a caption whose quality stands under its time, in a cell too narrow for both in a line."""
NARROW = 232
FRAME_WIDTH, FRAME_HEIGHT = 8, 9
SCROLL_BAR = 12
ROWS_IN_VIEW = 2


@dataclass(frozen=True)
class Grid:
    """``per_line`` columns of ``width`` × ``height`` cells; in ``lines`` lines, of which there are more than one only where
    there is a single row."""

    lines: int
    per_line: int
    width: int
    height: int


def caption_height(width: int) -> int:
    """What is written under a picture takes two lines in a narrow cell."""
    return TWO_LINES if width < NARROW else CAPTION


def grid(rows: int, columns: int, area: tuple[int, int], aspect: float) -> Grid:
    """The cells of ``rows`` requests and ``columns`` variants in ``area`` (width, height, with headings) pixels.

    ``aspect`` is a picture's height over its width. What does not fit is scrolled to.
    """
    if rows > 1:
        width = _width(columns, area[0])
        most = (area[1] - HEADING - _bar(columns, width, area[0])) // ROWS_IN_VIEW - GAP
        return Grid(1, columns, width, min(_ideal(width, aspect), max(most, SHORTEST)))
    return max(
        (_broken(columns, lines, area, aspect) for lines in range(1, columns + 1)), key=_picture(aspect)
    )


def ideal_height(rows: int, columns: int, area: tuple[int, int], aspect: float) -> int:
    """The least height, at most that of ``area``, at which pictures are as large as ``grid`` can make them there."""
    found = grid(rows, columns, area, aspect)
    whole = _ideal(found.width, aspect)
    if rows > 1:
        return HEADING + min(rows, ROWS_IN_VIEW) * (whole + GAP // 2) + _bar(columns, found.width, area[0])
    bar = _bar(found.per_line, found.width, area[0])
    return found.lines * (HEADING + min(whole, found.height)) + (found.lines - 1) * GAP + bar


def _broken(columns: int, lines: int, area: tuple[int, int], aspect: float) -> Grid:
    per_line = -(-columns // lines)
    lines = -(-columns // per_line)
    width = _width(per_line, area[0])
    most = (area[1] - GAP * (lines - 1) - _bar(per_line, width, area[0])) // lines - HEADING
    least = SHORTEST if lines == 1 else 0
    return Grid(lines, per_line, width, min(_ideal(width, aspect), max(most, least)))


def _width(columns: int, whole: int) -> int:
    return max(NARROWEST, (whole - GAP * (columns - 1)) // columns)


def _bar(columns: int, width: int, whole: int) -> int:
    """The height of the bar that scrolls columns that don't fit."""
    return SCROLL_BAR if columns * (width + GAP) - GAP > whole else 0


def _ideal(width: int, aspect: float) -> int:
    return round((width - FRAME_WIDTH) * aspect) + caption_height(width) + FRAME_HEIGHT


def _picture(aspect: float):
    """Compares grids by the width of their pictures; of equal ones, that of fewer lines comes first in ``max``."""

    def width(found: Grid) -> float:
        high = found.height - caption_height(found.width) - FRAME_HEIGHT
        return min(found.width - FRAME_WIDTH, high / aspect)

    return width
