"""Opens the window. What Qt needs of the system is checked before Qt is imported."""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from backends.contract import BackendError
from ui import system

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ui.bridge import Bridge
    from ui.window import MainWindow
    from workbench.desk.screen import Kept, Loader

SETTLED_MILLISECONDS = 700
THREADS_TURN_SECONDS = 0.001
"""How long another thread of this process computes while the window's waits for its turn; Python's usual 5 ms, several times in
one event, are a pause that is seen."""


def main(arguments: list[str] | None = None) -> int:
    """Open the window and stay until it is closed. Returns the exit status; 1 where no window can open here."""
    complaint = system.complaint()
    if complaint:
        print(complaint, file=sys.stderr)
        return 1
    from PySide6.QtWidgets import QApplication

    application = QApplication(arguments if arguments is not None else sys.argv)
    application.setApplicationName("diffusion-workbench")
    application.setApplicationDisplayName("Diffusion Workbench")
    try:
        window = open_window(application)
    except BackendError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    window.show()
    return application.exec()


def open_window(application: QApplication, runner: Any = None, list_devices: Any = None) -> MainWindow:
    """The window on its desk, as it was left; ``runner`` is a SessionRunner of its own where none is given.

    ``list_devices`` asks the backends for their devices; without it, :func:`workbench.desk.known_devices.known_devices`.
    """
    from ui import preferences
    from ui.theme import Theme
    from ui.window import MainWindow
    from workbench.critters.captions import sample_prompts
    from workbench.desk import screen
    from workbench.desk.desk import Desk
    from workbench.model_choices import find_model, offered_models
    from workbench.runner import SessionRunner

    sys.setswitchinterval(THREADS_TURN_SECONDS)
    kept = preferences.load()
    runner = runner or SessionRunner()
    desk = Desk(runner, offered_models(), find_model, list_devices or _known_devices, kept, sample_prompts)
    mode = kept.get("theme")
    theme = Theme(application, mode if mode in ("light", "dark") else "system")
    window = MainWindow(desk, theme)
    layout = kept.get("layout")
    window.restore_layout(layout if isinstance(layout, dict) else {})
    loader = screen.Loader()
    bridges = _bridges(window, runner, loader)
    window.painted.connect(partial(_begin, window, runner, loader))
    window.closed.connect(partial(_end, window, runner, loader, bridges))
    return window


def _bridges(window: MainWindow, runner: Any, loader: Loader) -> list[Bridge]:
    """What other threads tell, brought to the window's."""
    from ui.bridge import Bridge

    desk, sessions = window.desk, window.desk.sessions

    def devices_found() -> None:
        window.board_panel.devices_found()
        desk.execution.devices_found()

    def restore(found: Kept | None) -> None:
        if found is not None and desk.experiment.comparison is None:
            desk.restore(found)
        loader.done = True

    def open_record(found: Kept) -> None:
        if not desk.execution.state.active:
            desk.restore(found)

    def show_changes(*found: Any) -> None:
        window.work.charts.sessions.show_changes(*found)  # the charts come after the first paint

    return [
        Bridge(runner.event, desk.execution.handle, window),
        Bridge(runner.failed, desk.execution.fail, window),
        Bridge(runner.running_changed, desk.execution.runner_changed, window),
        Bridge(desk.availability.changed, devices_found, window),
        Bridge(desk.measured, desk.take_quality, window),
        Bridge(loader.loaded, restore, window),
        Bridge(sessions.changed, window.show_sessions, window),
        Bridge(sessions.compared, show_changes, window),
        Bridge(sessions.opened, open_record, window),
        Bridge(sessions.failed, lambda reason: desk.said.emit(reason, "error"), window),
    ]


def _begin(window: MainWindow, runner: Any, loader: Loader) -> None:
    """What waits for the first paint: the screen as it was left, the devices, and what the first run would stop for."""
    from PySide6.QtCore import QTimer

    from ui.collecting import collect_on_this_thread
    from workbench.desk import screen

    collect_on_this_thread()
    loader.load(screen.folder())
    window.desk.sessions.refresh()
    # Its first touch takes a moment that should not be the first run's, and keeps the process that workers are forked from:
    # who asks for devices has workers, too.
    _ = runner.session
    window.desk.availability.find()
    QTimer.singleShot(SETTLED_MILLISECONDS, window, _import_metrics)


def _end(window: MainWindow, runner: Any, loader: Loader, bridges: list[Bridge]) -> None:
    """Keep what is on the screen for the next start, and end what runs in the background."""
    from ui import preferences
    from workbench.desk import screen

    desk = window.desk
    for bridge in bridges:
        bridge.close()
    try:
        preferences.save(desk.to_json() | {"theme": window.theme.mode, "layout": window.layout_state()})
        if loader.done:
            screen.save(desk.experiment, screen.folder(), desk.looking())
    except OSError as error:
        print(f"the window's settings were not kept: {error}", file=sys.stderr)
    desk.sessions.close()
    desk.availability.close()
    runner.close()


def _import_metrics() -> None:
    """A quarter of a second of imports, when nobody waits."""
    from workbench.quality import import_metrics

    threading.Thread(target=import_metrics, name="import metrics", daemon=True).start()


def _known_devices(cancelled: threading.Event) -> Any:
    from workbench.desk.known_devices import known_devices  # on the thread that looks, with all it brings

    return known_devices(cancelled)
