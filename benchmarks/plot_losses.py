"""Draw the losses of training runs as a picture: the distance to the teacher, and the distance to the noise.

    python benchmarks/plot_losses.py docs/images/qat-losses.png docs/measurements/qat/*.jsonl

Each file is the ``log.jsonl`` of a run of ``workbench.training.qat``; its name is the run's. Every point is the mean of the
records of the last ``--over`` steps, for a batch's loss depends on its timesteps more than on what was learnt.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
import pyqtgraph.exporters
from PySide6.QtCore import Qt

LOSSES = {"teacher": "distance to the teacher", "noise": "distance to the noise"}
LOOKS = (
    ("#0072b2", Qt.PenStyle.SolidLine),
    ("#d55e00", Qt.PenStyle.DashLine),
    ("#009e73", Qt.PenStyle.DotLine),
    ("#cc79a7", Qt.PenStyle.DashDotLine),
)
"""A colour and a line for each run, told apart without the colour, too."""
SIZE = (1000, 380)
LEGEND_LINE = 0.12
"""The height of a run's name, of that of the curves: they stay below the names."""
MARKS = ((1, 2, 5), tuple(range(1, 10)), tuple(tenth / 10 for tenth in range(10, 100)))
"""What is written on an axis, as multiples of powers of ten: the first of which three or more lie in sight."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--over", type=int, default=100, help="steps that a point is the mean of")
    options = parser.parse_args()
    if len(options.logs) > len(LOOKS):
        parser.error(f"{len(options.logs)} logs; {len(LOOKS)} can be told apart")
    pg.mkQApp()
    pg.setConfigOptions(antialias=True, background="w", foreground="#333333")
    layout = pg.GraphicsLayoutWidget(size=SIZE)
    for column, (loss, title) in enumerate(LOSSES.items()):
        plot = layout.addPlot(0, column, title=title)
        plot.addLegend(offset=(-10, 10))
        plot.setLogMode(y=True)
        plot.showGrid(y=True, alpha=0.25)
        plot.setLabel("bottom", "step")
        plot.getAxis("left").setWidth(60)
        lowest, highest = np.inf, 0.0
        for log, (colour, style) in zip(options.logs, LOOKS, strict=False):
            steps, values = smoothed(log, loss, options.over)
            plot.plot(steps, values, pen=pg.mkPen(colour, width=2.5, style=style), name=log.stem)
            lowest, highest = min(lowest, values.min()), max(highest, values.max())
        plot.getAxis("left").setTicks([[(np.log10(value), f"{value:g}") for value in marks(lowest, highest)]])
        height = np.log10(highest / lowest)
        plot.setYRange(np.log10(lowest), np.log10(highest) + len(options.logs) * LEGEND_LINE * height)
    layout.show()
    pg.exporters.ImageExporter(layout.scene()).export(str(options.picture))


def marks(lowest: float, highest: float) -> list[float]:
    """Round numbers within bounds that are positive."""
    found: list[float] = []
    for digits in MARKS:
        found = [digit * 10.0**power for power in range(-8, 3) for digit in digits]
        found = [value for value in found if lowest <= value <= highest]
        if len(found) > 2:
            break
    return found


def smoothed(log: Path, loss: str, over: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and the running mean of a loss, from the first step that has so many before it."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    every = records[1]["step"] - records[0]["step"]
    count = max(1, over // every)
    values = np.convolve([record[loss] for record in records], np.ones(count) / count, "valid")
    return np.array([record["step"] for record in records])[count - 1 :], values


if __name__ == "__main__":
    main()
