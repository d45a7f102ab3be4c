"""A real window on a real session, with the tiny model of the backends' tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.variants import parse_variant
from workbench.comparison import Comparison
from workbench.runner import SessionRunner

ROOT = Path(__file__).parents[2]
MAKE_TINY = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("backends_conftest", "tests/backends/conftest.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
class Folders:
    def mktemp(self, name):
        return Path(sys.argv[1])
module.tiny_model.__wrapped__(Folders())
"""


class SharedRunner:
    """A SessionRunner whose workers outlive the window that used them, so that a worker is loaded once for all tests."""

    def __init__(self) -> None:
        self.inner = SessionRunner()
        self.event, self.failed = self.inner.event, self.inner.failed
        self.running_changed = self.inner.running_changed

    @property
    def session(self) -> object:
        return self.inner.session

    @property
    def running(self) -> bool:
        return self.inner.running

    def start(self, comparison: Comparison) -> None:
        self.inner.start(comparison)

    def cancel(self) -> None:
        self.inner.cancel()

    def pause(self) -> None:
        self.inner.pause()

    def resume(self) -> None:
        self.inner.resume()

    def close(self) -> None:
        self.inner.cancel()
        self.inner.wait(20)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of random weights, made in a process of its own: this one holds no torch."""
    folder = tmp_path_factory.mktemp("models")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    subprocess.run(
        [sys.executable, "-c", MAKE_TINY, str(folder)],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    return folder / "tiny"


@pytest.fixture(scope="session", autouse=True)
def collecting() -> Iterator[None]:
    """What the first window switched on is off again for the tests after these."""
    yield
    from ui.collecting import collect_as_usual

    collect_as_usual()


@pytest.fixture(scope="session")
def runner() -> Iterator[SharedRunner]:
    shared = SharedRunner()
    yield shared
    shared.inner.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of its own for every test."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path / "home"


@pytest.fixture
def open_window(qtbot, home: Path) -> Iterator[Callable]:
    """Opens windows on a runner, shown and painted, and closes those that a test leaves open."""
    from PySide6.QtWidgets import QApplication

    from ui import app

    windows = []

    def open_one(runner):
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        window = app.open_window(application, runner, list_devices=tuple)
        windows.append(window)
        with qtbot.waitSignal(window.painted, timeout=10_000):
            window.show()
        window.activateWindow()  # without a window manager no one else does, and shortcuts need it
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield open_one
    for window in windows:
        if window.isVisible():
            window.desk.execution.cancel()
            qtbot.waitUntil(lambda window=window: not window.desk.execution.state.active, timeout=20_000)
            window.close()
        window.deleteLater()


VARIANTS = ("pytorch", "pytorch-sdpa")
"""What the tests' windows compare: two, so that two workers serve every test."""


@pytest.fixture
def window(open_window, runner, tiny_model: Path):
    """A window with the tiny model chosen, a prompt written and two variants on the board."""
    window = open_window(runner)
    window.desk.form.choose_model(str(tiny_model))
    window.desk.form.edit(prompt="a green creature with red eyes", steps=2)
    window.desk.board.take([parse_variant(line) for line in VARIANTS])
    return window


@pytest.fixture
def done(qtbot):
    """Waits until a window runs nothing."""

    def wait(window) -> None:
        qtbot.waitUntil(lambda: not window.desk.execution.state.active, timeout=120_000)

    return wait
