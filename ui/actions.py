"""What a person can do, each once: with a name, a shortcut and a state; the menu and the buttons show these."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QGridLayout, QPushButton, QWidget

from backends.contract import BackendError
from ui.fields import mark, text_label
from ui.pictures import to_image
from ui.theme import Theme
from workbench.generation import Generation, Outcome


class Actions(QObject):
    """The window's actions, and the bar of those that are about the picture that is shown."""

    _saved = Signal(str, str)

    def __init__(self, window: Any, generation: Generation, theme: Theme):
        super().__init__(window)
        self._window = window
        self._generation = generation
        self._theme = theme
        self.generate = self._action(
            "Generate", ("Ctrl+Return", "Ctrl+Enter"), lambda: window.generate(), "sparkle"
        )
        self.cancel = self._action("Cancel the run", ("Esc",), generation.cancel, "x-circle")
        self.roll = self._action("New seed", ("Ctrl+D",), generation.roll_seed, "dice-five")
        self.write = self._action(
            "Edit the prompt", ("Ctrl+L",), lambda: window.prompt_panel.focus_prompt(), "text-t"
        )
        self.save = self._action("Save picture…", ("Ctrl+S",), self._save, "download-simple")
        self.copy = self._action("Copy picture", ("Ctrl+Shift+C",), self._copy, "copy")
        self.reuse = self._action("Use these settings", ("Ctrl+R",), self._reuse, "arrow-u-up-left")
        self.quit = self._action("Quit", ("Ctrl+Q",), lambda: window.close(), "sign-out")
        self.said = text_label("", "faint", wrap=True)
        self.said.setObjectName("saveMessage")
        self.said.hide()
        generation.shown_changed.connect(self._show_outcome)
        generation.progress_changed.connect(lambda _: self._show_states())
        self._saved.connect(self._say)
        self._show_states()

    def menu(self) -> list[QAction | None]:
        """Every action in order, None for a line between them."""
        run = [self.generate, self.cancel, None, self.write, self.roll, None]
        return [*run, self.save, self.copy, self.reuse, None, self.quit]

    def bar(self) -> QWidget:
        """Buttons for the picture, and a line that says what came of them."""
        bar = QWidget()
        grid = QGridLayout(bar)
        grid.setContentsMargins(0, 0, 4, 0)
        grid.setSpacing(8)
        grid.addWidget(self.said, 0, 0, 1, 2)
        grid.addWidget(
            self._button(self.save, "Save picture…", "savePictureButton", "download-simple"), 1, 0, 1, 2
        )
        grid.addWidget(self._button(self.copy, "Copy", "copyPictureButton", "copy"), 2, 0)
        grid.addWidget(self._button(self.reuse, "Reuse", "reuseSettingsButton", "arrow-u-up-left"), 2, 1)
        return bar

    def save_to(self, path: Path) -> None:
        """Write the picture that is shown with its settings, in the background; what came of it is said by the button."""
        outcome = self._generation.shown
        if outcome is not None:
            self._say(f"Saving {path.name}…", "faint")
            threading.Thread(
                target=self._write, args=(outcome, path), name="save picture", daemon=True
            ).start()

    def _write(self, outcome: Outcome, path: Path) -> None:
        from workbench.saving import save_outcome

        try:
            save_outcome(outcome, path)
        except (OSError, BackendError) as error:
            self._saved.emit(f"Not saved: {error}", "error")
        else:
            self._saved.emit(f"Saved as {path}", "faint")

    def _action(self, text: str, keys: tuple[str, ...], act: Callable[[], object], icon: str) -> QAction:
        action = QAction(text, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: act())
        self._window.addAction(action)

        def paint(_: object = None) -> None:
            action.setIcon(self._theme.icon(icon))

        paint()
        self._theme.changed.connect(paint)
        return action

    def _button(self, action: QAction, text: str, object_name: str, icon: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(object_name)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        button.setToolTip(f"{action.text().rstrip('…')}  ({keys})")
        button.setEnabled(action.isEnabled())
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        self._theme.icon_on(button, icon)
        return button

    def _show_outcome(self, _: Outcome | None) -> None:
        self._show_states()
        self._say("", "faint")

    def _show_states(self) -> None:
        active = self._generation.progress.active
        self.generate.setEnabled(not active)
        self.cancel.setEnabled(active)
        for action in (self.save, self.copy, self.reuse):
            action.setEnabled(self._generation.shown is not None)

    def _save(self) -> None:
        outcome = self._generation.shown
        if outcome is None:
            return
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Save picture", file_name(outcome), "PNG picture (*.png)"
        )
        if chosen:
            self.save_to(Path(chosen).with_suffix(".png"))

    def _copy(self) -> None:
        if self._generation.shown is not None:
            QGuiApplication.clipboard().setImage(to_image(self._generation.shown.picture))
            self._say("Copied", "faint")

    def _reuse(self) -> None:
        if self._generation.shown is not None:
            self._generation.reuse(self._generation.shown)
            self._say("Its settings are on the left again", "faint")

    def _say(self, text: str, role: str) -> None:
        self.said.setText(text)
        mark(self.said, "role", role)
        self.said.setVisible(bool(text))


def file_name(outcome: Outcome) -> str:
    """A name that says what is on the picture, ``a-green-creature-42.png``."""
    request = outcome.result.request
    words = "-".join(re.findall(r"\w+", request.prompt.lower())[:8])
    return f"{words[:60] or 'picture'}-{request.seed}.png"
