"""A real window on a real session with critters, whose pictures are small here and made in two steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.variants import parse_variant
from tests.ui.doing import VARIANTS
from workbench.comparison import Comparison
from workbench.runner import SessionRunner


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
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    from ui import app

    windows = []

    def open_one(runner):
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        window = app.open_window(application, runner, list_devices=lambda cancelled: ())
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
    # Else the next window's style sheet would first be worked out for what is left of this one.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(open_window, runner):
    """A window with a prompt written and two variants on the board."""
    window = open_window(runner)
    window.desk.form.edit(prompt="a green creature with red eyes", steps=2, size="64 × 64")
    window.desk.board.take([parse_variant(line) for line in VARIANTS])
    return window


@pytest.fixture
def done(qtbot):
    """Waits until a window runs nothing."""

    def wait(window) -> None:
        qtbot.waitUntil(lambda: not window.desk.execution.state.active, timeout=200_000)

    return wait
