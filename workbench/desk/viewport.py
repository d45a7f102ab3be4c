"""Which part of a picture is looked at; one for all cells, so that they zoom and move together."""

from __future__ import annotations

import math

from psygnal import Signal

LARGEST_ZOOM = 32.0


class Viewport:
    """``zoom`` 1 shows all of a picture; ``x`` and ``y`` are the middle of the view in shares of the picture, 0..1."""

    changed = Signal()

    def __init__(self) -> None:
        self.zoom = 1.0
        self.x = self.y = 0.5

    @property
    def fitted(self) -> bool:
        return self.zoom == 1.0

    def zoom_at(self, factor: float, x: float = 0.5, y: float = 0.5) -> None:
        """Zoom so that the point ``x``, ``y`` of the view (shares of it, 0..1) stays where it is."""
        before = self.zoom
        after = min(max(before * factor, 1.0), LARGEST_ZOOM)
        fixed_x, fixed_y = self.x + (x - 0.5) / before, self.y + (y - 0.5) / before
        self._set(after, fixed_x - (x - 0.5) / after, fixed_y - (y - 0.5) / after)

    def pan(self, x: float, y: float) -> None:
        """Move the picture by shares of the view."""
        self._set(self.zoom, self.x - x / self.zoom, self.y - y / self.zoom)

    def reveal(self, x: float, y: float) -> None:
        """Move as little as brings a place of the picture, in shares of it, into view."""
        half = 0.5 / self.zoom
        self._set(self.zoom, min(max(self.x, x - half), x + half), min(max(self.y, y - half), y + half))

    def fit(self) -> None:
        """All of the picture again."""
        self._set(1.0, 0.5, 0.5)

    def to_json(self) -> dict[str, float]:
        """Where it is, to be kept with the pictures; :meth:`restore` reads it back."""
        return {"zoom": self.zoom, "x": self.x, "y": self.y}

    def restore(self, data: object) -> None:
        """Take what :meth:`to_json` gave, within the picture; nothing where that makes no sense."""
        try:
            zoom, x, y = (float(data[name]) for name in ("zoom", "x", "y"))  # type: ignore[index]
        except (TypeError, KeyError, ValueError):
            return
        if math.isfinite(zoom + x + y):
            self._set(min(max(zoom, 1.0), LARGEST_ZOOM), x, y)

    def visible(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of what is seen, in shares of the picture."""
        side = 1.0 / self.zoom
        return self.x - side / 2, self.y - side / 2, side, side

    def _set(self, zoom: float, x: float, y: float) -> None:
        half = 0.5 / zoom
        place = zoom, min(max(x, half), 1 - half), min(max(y, half), 1 - half)
        if place != (self.zoom, self.x, self.y):
            self.zoom, self.x, self.y = place
            self.changed.emit()
