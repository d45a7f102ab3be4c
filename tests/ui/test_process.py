"""The window's process as a whole: what it imports, whether it grows, and what it leaves behind."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from psygnal import Signal
from PySide6.QtGui import QImage

from backends.variants import parse_variant
from tests.ui.doing import grid_of
from tests.workbench.desk.script import Play, Script
from ui.actions import CHARTS

ROOT = Path(__file__).parents[2]
MOST_GROWTH_BYTES = 15_000_000
"""Less than what the pictures of 30 rounds take; the allocator alone moves by half of it."""
MOST_NEW_OBJECTS = 10
"""In a round; the scripted runner itself remembers four."""

START = """
import sys, time
began = time.perf_counter()
if __name__ == "__main__":
    from PySide6.QtWidgets import QApplication
    application = QApplication([])
    from ui import app
    window = app.open_window(application, list_devices=lambda cancelled: ())
    late = {"numpy", "pyqtgraph", "multiprocessing", "workbench.workers"}
    print(sorted(late & set(sys.modules)))
    window.painted.connect(application.quit)
    window.show()
    application.exec()
    packages = {name.partition(".")[0] for name in sys.modules}
    heavy = {"torch", "diffusers", "transformers", "openvino", "optimum", "nncf", "pyopencl", "PIL", "skimage", "plotly"}
    backends = [name for name in sys.modules if name.startswith(("backends.pytorch", "backends.openvino", "backends.opencl"))]
    print(sorted(packages & heavy) + backends)
    window.close()
"""
RUN = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
if __name__ == "__main__":
    application = QApplication([])
    from backends.variants import parse_variant
    from ui import app
    window = app.open_window(application, list_devices=lambda cancelled: ())
    window.desk.form.edit(prompt="a bird", steps=1000)
    window.desk.board.take([parse_variant("pytorch")])
    window.show()
    window.run()
    def stop():
        window.close()
        window.findChild(QMessageBox, "closeDialog").buttons()[0].click()
    seen = []
    def watch(state):
        if state.index == 2 and not seen:
            seen.append(state)
            application.primaryScreen().grabWindow(0).save(sys.argv[1])
            print(application.platformName(), flush=True)
            print(len(__import__("psutil").Process().children(recursive=True)), flush=True)
            QTimer.singleShot(0, stop)
    window.desk.execution.state_changed.connect(watch)
    sys.exit(application.exec())
"""
EARLY = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
if __name__ == "__main__":
    application = QApplication([])
    from ui import app
    window = app.open_window(application)
    ends = []
    def stop():
        print(window.desk.availability.looking)
        ends.append(time.monotonic())
        window.close()
    window.painted.connect(lambda: QTimer.singleShot(int(sys.argv[1]), stop))
    window.show()
    application.exec()
    import psutil, threading
    print([thread.name for thread in threading.enumerate() if thread.name in ("list devices", "spawner")])
    print(len(psutil.Process().children(recursive=True)))
    print(time.monotonic() - ends[0])
"""


class LiveScript(Script):
    """The scripted runner with the rest of what a window asks of one."""

    failed = Signal(str, str)
    running_changed = Signal(bool)
    session = None

    def close(self) -> None:
        self.running = False


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch):
    """An X server without a screen, for the processes that the test starts; None where there is no Xvfb."""
    program = shutil.which("Xvfb")
    if program is None:
        yield None
        return
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-screen", "0", "1440x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as said:
        display = said.readline().strip()
    monkeypatch.setenv("DISPLAY", f":{display}")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    yield display
    server.terminate()
    server.wait(10)


@pytest.fixture
def script(tmp_path: Path, home: Path):
    """Runs a script in a process of its own, from a file as workers need it; returns what it printed."""

    def run(source: str, *arguments: str) -> str:
        file = tmp_path / "script.py"
        file.write_text(source)
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, str(file), *arguments]
        done = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        return done.stdout

    return run


def test_the_window_imports_no_torch_and_no_backend_and_its_plots_only_after_the_first_paint(script):
    before_the_paint, after = script(START).splitlines()
    assert before_the_paint == after == "[]"


def test_closing_during_a_run_leaves_no_process_behind(script, x_server, tmp_path: Path):
    """In a real X server where there is one, whose screen is kept as a picture; else without a screen."""
    before = {process.pid for process in psutil.process_iter() if _lives_here(process)}
    shot = tmp_path / "screen.png"
    platform, workers = script(RUN, str(shot)).split()
    assert platform == ("xcb" if x_server else "offscreen")
    assert int(workers) >= 1
    assert {process.pid for process in psutil.process_iter() if _lives_here(process)} <= before
    if x_server:
        image = QImage(str(shot))
        assert len({image.pixel(x, y) for x, y in grid_of(image)}) > 20


@pytest.mark.parametrize("milliseconds", [0, 1500])
def test_closing_while_the_backends_are_first_asked_ends_that_at_once_and_in_silence(script, milliseconds):
    asking, threads, processes, seconds = script(EARLY, str(milliseconds)).split("\n")[:4]
    assert (asking, threads, processes) == ("True", "[]", "0")
    assert float(seconds) < 10


def test_memory_is_flat_over_two_hundred_live_rounds(qtbot, open_window):
    """With a runner that is played by hand: what grows would be the window's own."""
    script = LiveScript()
    window = open_window(script)
    window.desk.form.choose_model("sd14-synthetic")
    window.desk.form.edit(prompt="a bird", steps=2, size="128 × 128")
    window.desk.board.take(
        [parse_variant(line) for line in ("pytorch", "pytorch:bf16", "openvino", "opencl")]
    )
    play = Play(window.desk, script, side=128)
    window.desk.execution.set_live(True)
    taken = []
    for number in range(200):
        window.open_chart(CHARTS[number % len(CHARTS)])
        play.round()
        qtbot.wait(5)
        if number in (79, 199):
            gc.collect()
            taken.append((psutil.Process().memory_info().rss, len(gc.get_objects())))
    window.desk.execution.set_live(False)
    play.round()
    (early, few), (late, many) = taken
    assert late - early < MOST_GROWTH_BYTES, (
        f"{early / 1e6:.0f} MB after 80 rounds, {late / 1e6:.0f} MB after 200"
    )
    assert many - few < 120 * MOST_NEW_OBJECTS


def test_qt_gives_back_every_none_it_takes():
    """PySide6 6.12.0 built for Python 3.12 and later drops a reference to None in every call; on 3.11 that kills."""
    from PySide6.QtCore import QCoreApplication

    before = sys.getrefcount(None)
    for _ in range(500):
        QCoreApplication.processEvents()
    assert sys.getrefcount(None) > before - 250


def _lives_here(process: psutil.Process) -> bool:
    try:
        return process.environ().get("WORKBENCH_HOME") == os.environ["WORKBENCH_HOME"]
    except psutil.Error:
        return False
