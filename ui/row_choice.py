"""Which row the charts are about: the seed or prompt of the cell that is looked at."""

from __future__ import annotations

from workbench.desk.desk import Desk


def current_row(desk: Desk) -> int:
    """The row of the current cell; the one that runs goes before it while a comparison is on."""
    live = desk.experiment.live
    if live is not None:
        return live.place[0]
    current = desk.selection.current
    return current[0] if current is not None and current in desk.experiment.cells else 0
