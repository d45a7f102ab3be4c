"""Opens the window. What Qt needs of the system is checked before Qt is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from backends.contract import BackendError
from ui import system

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ui.window import MainWindow


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


def open_window(application: QApplication, runner: Any = None) -> MainWindow:
    """The window on its model, as it was left; ``runner`` is a SessionRunner of its own where none is given."""
    from ui import preferences
    from ui.bridge import Bridge
    from ui.theme import Theme
    from ui.window import MainWindow
    from workbench.critters.captions import sample_prompts
    from workbench.draft import Draft
    from workbench.generation import Generation
    from workbench.model_choices import find_model, offered_models
    from workbench.runner import SessionRunner

    kept = preferences.load()
    runner = runner or SessionRunner()
    draft = Draft.from_json(kept["draft"]) if "draft" in kept else None
    generation = Generation(runner, offered_models(), find_model, draft)
    mode = kept.get("theme")
    theme = Theme(application, mode if mode in ("light", "dark") else "system")
    window = MainWindow(generation, theme, list(sample_prompts))
    layout = kept.get("layout")
    window.restore_layout(layout if isinstance(layout, dict) else {})
    bridges = [
        Bridge(runner.event, generation.handle, window),
        Bridge(runner.failed, generation.fail, window),
        Bridge(runner.running_changed, generation.runner_changed, window),
    ]

    def close() -> None:
        for bridge in bridges:
            bridge.close()
        try:
            preferences.save(
                {"theme": theme.mode, "draft": generation.draft.to_json(), "layout": window.layout_state()}
            )
        except OSError as error:
            print(f"the window's settings were not kept: {error}", file=sys.stderr)
        runner.close()

    window.closed.connect(close)
    window.painted.connect(lambda: runner.session)
    return window
