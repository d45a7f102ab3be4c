"""What the tests of the window do again and again."""

from __future__ import annotations

from PySide6.QtCore import Qt

VARIANTS = ("pytorch", "pytorch-sdpa")
"""What the tests' windows compare: two, so that two workers serve nearly every test."""
LONG = 40_000
"""Milliseconds that something may take on a busy machine."""


def find(window, kind: type, name: str):
    widget = window.findChild(kind, name)
    assert widget is not None, f"no {kind.__name__} is named {name}"
    return widget


def run(qtbot, window, done) -> None:
    qtbot.mouseClick(window.run_bar.run, Qt.MouseButton.LeftButton)
    assert window.desk.execution.state.active
    done(window)
    assert [cell.phase for cell in window.desk.experiment.cells.values()] == ["done"] * len(
        window.desk.experiment.cells
    )


def grid_of(image) -> list[tuple[int, int]]:
    """Points all over a picture."""
    return [(x, y) for x in range(0, image.width(), 9) for y in range(0, image.height(), 9)]
