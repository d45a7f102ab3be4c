"""The pixel that is read by keyboard, in every picture of a comparison at once."""

from __future__ import annotations

from psygnal import Signal

from workbench.desk.viewport import Viewport


class PixelCursor:
    """``pixel`` is column and row in the picture, or None while there is none."""

    changed = Signal()

    def __init__(self, viewport: Viewport):
        self._viewport = viewport
        self.pixel: tuple[int, int] | None = None

    def step(self, columns: int, rows: int, width: int, height: int) -> None:
        """Move over a picture of ``width`` × ``height`` pixels, from the middle of what is seen; the view follows."""
        if self.pixel is None:
            at = int(self._viewport.x * width), int(self._viewport.y * height)
        else:
            at = self.pixel[0] + columns, self.pixel[1] + rows
        self.pixel = min(max(at[0], 0), width - 1), min(max(at[1], 0), height - 1)
        self._viewport.reveal((self.pixel[0] + 0.5) / width, (self.pixel[1] + 0.5) / height)
        self.changed.emit()

    def place(self, width: int, height: int) -> tuple[float, float] | None:
        """The middle of the pixel in shares of a picture, 0..1."""
        if self.pixel is None:
            return None
        return (self.pixel[0] + 0.5) / width, (self.pixel[1] + 0.5) / height

    def lift(self) -> None:
        """Read no pixel any more."""
        if self.pixel is not None:
            self.pixel = None
            self.changed.emit()
