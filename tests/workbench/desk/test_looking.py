"""Where in the pictures one looks: zoom, movement, and the pixel that is read by keyboard."""

from __future__ import annotations

from workbench.desk.pixel_cursor import PixelCursor
from workbench.desk.viewport import Viewport


def test_the_cursor_begins_in_the_middle_steps_and_stops_at_the_edges():
    viewport = Viewport()
    cursor, moves = PixelCursor(viewport), []
    cursor.changed.connect(lambda: moves.append(cursor.pixel))
    assert cursor.place(64, 32) is None
    cursor.step(1, 0, 64, 32)
    cursor.step(1, 0, 64, 32)
    cursor.step(0, -10, 64, 32)
    cursor.step(100, -100, 64, 32)
    assert moves == [(32, 16), (33, 16), (33, 6), (63, 0)]
    assert cursor.place(64, 32) == (63.5 / 64, 0.5 / 32)
    cursor.lift()
    cursor.lift()
    assert moves[4:] == [None]


def test_the_view_follows_the_cursor_no_further_than_it_must():
    viewport = Viewport()
    viewport.zoom_at(8)
    cursor = PixelCursor(viewport)
    cursor.step(0, 0, 64, 64)
    before = viewport.to_json()
    cursor.step(1, 1, 64, 64)
    assert viewport.to_json() == before
    cursor.step(20, 0, 64, 64)
    left, _, width, _ = viewport.visible()
    assert left <= 53.5 / 64 <= left + width + 1e-9 and viewport.y == before["y"]
