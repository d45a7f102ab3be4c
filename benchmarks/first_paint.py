"""How long the window takes to its first paint, against a bare window with one pyqtgraph plot: processes in turns.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/first_paint.py [--repeat 7]

Every start is a process of its own with a home of its own; counted is from before the process is made until the first
paint of its top-level window is over. One start of each goes before, so that files are in memory. Without a display it
runs with Qt's ``offscreen``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BARE = """
import sys
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph
application = QApplication(sys.argv)
window = QMainWindow()
window.setCentralWidget(pyqtgraph.PlotWidget())
"""
WORKBENCH = """
import sys
from PySide6.QtWidgets import QApplication
from ui.app import open_window
application = QApplication(sys.argv)
window = open_window(application)
"""
PAINTED = """
import time
from PySide6.QtCore import QEvent, QObject, QTimer
class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self.over)
            application.removeEventFilter(self)
        return False
    def over(self):
        print(time.time(), flush=True)
        import os
        os._exit(0)
watch = Watch()
application.installEventFilter(watch)
window.show()
application.exec()
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    programs = {"bare window": BARE, "workbench": WORKBENCH}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(-1, repeat):
            for name, program in programs.items():
                taken = start(program, Path(home) / f"{turn} {name}")
                if turn >= 0:
                    seconds[name].append(taken)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        print(f"{name}: {medians[name]:.2f} s ({min(times):.2f} .. {max(times):.2f}), {repeat} starts")
    print(f"workbench / bare window: {medians['workbench'] / medians['bare window']:.2f}")


def start(program: str, home: Path) -> float:
    """Seconds from before the process until its window's first paint was over."""
    platform = {} if os.environ.get("DISPLAY") else {"QT_QPA_PLATFORM": "offscreen"}
    environment = os.environ | {"PYTHONPATH": str(ROOT), "WORKBENCH_HOME": str(home)} | platform
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", program + PAINTED],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1]) - began


if __name__ == "__main__":
    main()
