"""What a person can do, each once: with a name, a shortcut and a state; the menu and the buttons show these."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from ui.theme import Theme
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell

CHARTS = ("Timeline", "Stages", "Memory", "Trade-off", "Table", "Rounds", "Queue", "Sessions")


class Actions(QObject):
    """The window's actions."""

    def __init__(self, window: Any, desk: Desk, theme: Theme):
        super().__init__(window)
        self._window = window
        self._desk = desk
        self._theme = theme
        self._make_running(window, desk)
        self._make_looking(window, desk)
        desk.execution.state_changed.connect(lambda _: self._show_states())
        desk.selection.changed.connect(self._show_states)
        desk.experiment.finished.connect(lambda _: self._show_states())
        self._show_states()

    def _make_running(self, window: Any, desk: Desk) -> None:
        """What is asked, on what, and whether it runs."""
        act, execution = self._action, desk.execution
        self.run = act("Run every variant", ("Ctrl+Return", "Ctrl+Enter"), lambda: window.run(), "play")
        self.pause = act("Pause or go on", ("Ctrl+Space",), execution.toggle_pause, "pause")
        self.cancel = act("Cancel", ("Esc",), execution.cancel, "stop")
        self.live = act("Live, on and off", ("Ctrl+Shift+L",), self._toggle_live, "repeat")
        self.write = act("Edit the prompt", ("Ctrl+L",), lambda: window.prompt_panel.focus_prompt(), "text-t")
        self.ideas = act(
            "Sample prompts", ("Ctrl+J",), lambda: window.prompt_panel.ideas.showMenu(), "sparkle"
        )
        self.roll = act("New seed", ("Ctrl+D",), desk.form.roll_seed, "dice-five")
        self.paste = act("Paste settings or variants", ("Ctrl+V",), lambda: window.paste(), "clipboard")
        self.add = act("Add a variant", ("Ctrl+T",), lambda: desk.board.add(), "plus")
        self.presets = act("Presets", ("Ctrl+P",), lambda: window.board_panel.presets.showMenu(), "stack")
        self.paste_variant = act(
            "Paste variants", ("Ctrl+Shift+V",), lambda: window.board_panel.paste_variants(), "clipboard-text"
        )

    def _make_looking(self, window: Any, desk: Desk) -> None:
        """What is seen of what was made, and what leaves the window."""
        act = self._action
        self.grid = act("Picture grid", ("Ctrl+1",), lambda: window.show_grid(), "squares-four")
        self.compare = act("Compare two pictures (A/B)", ("Ctrl+2",), lambda: window.show_ab(), "square-half")
        self.fit = act("Whole pictures again", ("Ctrl+0",), desk.viewport.fit, "arrows-in")
        self.charts = [
            act(f"Chart: {title}", (f"Alt+{number}",), partial(window.open_chart, title), "chart-bar")
            for number, title in enumerate(CHARTS, 1)
        ]
        self.details = act("Details on and off", ("Ctrl+I",), lambda: window.toggle_details(), "info")
        self.save = act("Save picture…", ("Ctrl+S",), lambda: window.save_current(), "download-simple")
        self.copy = act("Copy picture", ("Ctrl+Shift+C",), self._copy, "copy")
        self.reuse = act("Use these settings", ("Ctrl+R",), self._reuse, "arrow-u-up-left")
        self.export = act("Export", ("Ctrl+E",), lambda: window.header.export.showMenu(), "export")
        self.sheet = act("Shortcuts", ("?", "F1"), lambda: window.show_shortcuts(), "keyboard")
        self.quit = act("Quit", ("Ctrl+Q",), lambda: window.close(), "sign-out")

    def menu(self) -> list[QAction | None]:
        """Every action in order, None for a line between them."""
        run = [
            self.run,
            self.pause,
            self.cancel,
            self.live,
            None,
            self.write,
            self.ideas,
            self.roll,
            self.paste,
            None,
        ]
        board = [self.add, self.presets, self.paste_variant, None]
        views = [self.grid, self.compare, self.fit, *self.charts, self.details, None]
        return [
            *run,
            *board,
            *views,
            self.save,
            self.copy,
            self.reuse,
            self.export,
            None,
            self.sheet,
            self.quit,
        ]

    def current(self) -> Cell | None:
        """The cell that is looked at."""
        place = self._desk.selection.current
        return self._desk.experiment.cells.get(place) if place else None

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

    def _toggle_live(self) -> None:
        self._desk.execution.set_live(not self._desk.execution.state.live)

    def _show_states(self) -> None:
        state = self._desk.execution.state
        self.run.setEnabled(not state.active)
        self.pause.setEnabled(state.phase in ("running", "paused"))
        self.cancel.setEnabled(state.active)
        cell = self.current()
        for action in (self.save, self.copy):
            action.setEnabled(cell is not None and cell.picture is not None)
        for action in (self.reuse, self.compare, self.grid):
            action.setEnabled(cell is not None)
        self.export.setEnabled(self._desk.experiment.has_results)

    def _copy(self) -> None:
        cell = self.current()
        if cell is not None:
            self._window.exporter.copy_cell(cell)

    def _reuse(self) -> None:
        place, experiment = self._desk.selection.current, self._desk.experiment
        if place is not None and experiment.comparison is not None:
            self._desk.form.take(experiment.requests[place[0]], experiment.comparison.model)
            self._desk.said.emit("Its settings are on the left again", "notice")
