"""Where the labels of points go so that none lies on another. No Qt: places and sizes in pixels, y downwards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

ROWS = (1.0, 0.0, 2.0, -1.0, 3.0, -2.0, 4.0, -3.0, 5.0, -4.0, 6.0, -5.0)
"""How far a label is lifted off its point, in its own heights: above it, below it, and so on outwards."""

DOT = 9.0
"""Half the side of what a label of another point is not to hide, in pixels."""

LEVEL_ROWS = (0.5, 1.5, -0.5, 2.5, -1.5, 3.5, -2.5, 4.5, -3.5)
"""The same for short labels, which begin level with their point."""

Anchor = tuple[float, float]
Size = tuple[float, float]


def anchors(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[Size],
    area: Size,
    rows: Sequence[float] = ROWS,
) -> list[Anchor]:
    """For each point the part of its label that lies on it (0, 0: the upper left corner), as ``pyqtgraph.TextItem`` takes it.

    Each label takes the nearest row that is free and within ``area`` (width, height), towards the middle before the edge, and
    hides no other point where that can be; the first of these rows where none is free.
    """
    dots = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    taken: list[tuple[float, float, float, float]] = []
    found: list[Anchor] = []
    for (x, y), size in zip(points, sizes, strict=True):
        inward = 0.0 if x <= area[0] / 2 else 1.0
        candidates = [(side, row) for row in rows for side in (inward, 1 - inward)]
        fitting = [
            one for one in candidates if _free(box := _box(x, y, size, one), taken) and _within(box, area)
        ]
        others = [dot for dot in dots if not dot[0] <= x <= dot[2] or not dot[1] <= y <= dot[3]]
        clear = [one for one in fitting if _free(_box(x, y, size, one), others)]
        anchor = (*clear, *fitting, candidates[0])[0]
        taken.append(_box(x, y, size, anchor))
        found.append(anchor)
    return found


def anchors_level(points: Sequence[tuple[float, float]], sizes: Sequence[Size], area: Size) -> list[Anchor]:
    """As :func:`anchors`, for short labels."""
    return anchors(points, sizes, area, LEVEL_ROWS)


def anchors_beside(points: Sequence[tuple[float, float]], sizes: Sequence[Size], area: Size) -> list[Anchor]:
    """As :func:`anchors`, with every label on the right of its point: level with it, or moved by the least squares that keep the
    labels in the order of their points, apart and within ``area``."""
    order = sorted(range(len(points)), key=lambda place: points[place][1])
    above = dict(zip(order, accumulate((sizes[place][1] for place in order), initial=0.0), strict=False))
    wished = [points[place][1] - sizes[place][1] / 2 - above[place] for place in order]
    room = max(0.0, area[1] - sum(height for _, height in sizes))
    tops = {
        place: above[place] + min(max(0.0, at), room)
        for place, at in zip(order, _rising(wished), strict=True)
    }
    return [(0.0, (points[place][1] - tops[place]) / sizes[place][1]) for place in range(len(points))]


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence, by squares, that never falls: neighbours that fall take their mean, until none do."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]


def _box(x: float, y: float, size: Size, anchor: Anchor) -> tuple[float, float, float, float]:
    left, top = x - anchor[0] * size[0], y - anchor[1] * size[1]
    return left, top, left + size[0], top + size[1]


def _within(box: tuple[float, float, float, float], area: Size) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= area[0] and box[3] <= area[1]


def _free(box: tuple[float, float, float, float], taken: Sequence[tuple[float, float, float, float]]) -> bool:
    return all(
        box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
        for other in taken
    )
