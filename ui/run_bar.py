"""Run, pause, cancel, live; and where things are."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QToolButton, QVBoxLayout
from superqt import QElidingLabel

from ui.actions import Actions
from ui.fields import sentence, text_label
from ui.switch import Switch
from ui.theme import Theme
from workbench.desk.captions import runs_done
from workbench.desk.desk import Desk
from workbench.desk.execution import State
from workbench.draft import Draft
from workbench.timeline import format_left

RESOLUTION = 1000
NEW_SEEDS, SEED_LOCKED = "new seed each round", "same seed: it is locked"


class RunBar(QFrame):
    """Mirrors ``desk.execution.state``."""

    def __init__(self, desk: Desk, theme: Theme, actions: Actions):
        super().__init__()
        self.setObjectName("runBar")
        self._desk = desk
        self._theme = theme
        self.status = QElidingLabel()
        self.status.setObjectName("statusLabel")
        self.status.setProperty("role", "value")
        self.left = text_label("", "muted")
        self.left.setObjectName("timeLeftLabel")
        self.bar = QProgressBar()
        self.bar.setObjectName("progressBar")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.run = QPushButton("Run")
        self.run.setObjectName("runButton")
        self.run.setToolTip("Run every variant  (Ctrl+Enter)")
        self.run.setAutoDefault(True)
        self.run.clicked.connect(actions.run.trigger)
        self.run.setIconSize(self.run.iconSize())
        theme.icon_on(self.run, "play", "on_accent")
        self.pause = QToolButton()
        self.pause.setObjectName("pauseButton")
        self.pause.setProperty("role", "field")
        self.pause.clicked.connect(actions.pause.trigger)
        theme.icon_on(self.pause, lambda: "play" if desk.execution.state.phase == "paused" else "pause")
        self.cancel = QToolButton()
        self.cancel.setObjectName("cancelButton")
        self.cancel.setProperty("role", "field")
        self.cancel.setAccessibleName("Cancel")
        self.cancel.setToolTip("Stop within one iteration; what is finished stays  (Esc)")
        self.cancel.clicked.connect(actions.cancel.trigger)
        theme.icon_on(self.cancel, "stop")
        self.live = Switch("Live", theme)
        self.live.setObjectName("liveSwitch")
        self.live.setToolTip("Run again and again, until it is switched off  (Ctrl+Shift+L)")
        self.live.toggled.connect(desk.execution.set_live)
        self.new_seeds = Switch(NEW_SEEDS, theme)
        self.new_seeds.setObjectName("liveSeedSwitch")
        self.new_seeds.toggled.connect(self._set_new_seeds)
        desk.form.draft_changed.connect(self._show_new_seeds)
        self._show_new_seeds(desk.form.draft)
        self._lay_out()
        desk.execution.state_changed.connect(self.show_state)
        self.show_state(desk.execution.state)

    def show_state(self, state: State) -> None:
        """Show one state."""
        self.run.setEnabled(not state.active)
        self.run.setText("Run" if not state.active else "Paused" if state.phase == "paused" else "Running")
        self.pause.setEnabled(state.phase in ("running", "paused"))
        paused = state.phase == "paused"
        self.pause.setAccessibleName("Go on" if paused else "Pause")
        self.pause.setToolTip("Go on  (Ctrl+Space)" if paused else "Hold before the next run  (Ctrl+Space)")
        self.pause.setIcon(self._theme.icon("play" if paused else "pause"))
        self.cancel.setEnabled(state.active and state.phase != "cancelling")
        if self.live.isChecked() != state.live:
            self.live.blockSignals(True)
            self.live.setChecked(state.live)
            self.live.blockSignals(False)
        self.status.setText(_status(state))
        self.left.setText(_left(state))
        if state.active and state.total and state.phase != "cancelling":
            share = state.fraction if state.fraction is not None and not state.what else 0.0
            self.bar.setRange(0, RESOLUTION)
            self.bar.setValue(round((state.done + share) / state.total * RESOLUTION))
        elif state.active:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, RESOLUTION)
            self.bar.setValue(RESOLUTION if state.done else 0)
        self.bar.setAccessibleDescription(f"{self.status.text()} {self.left.text()}".strip())

    def _show_new_seeds(self, draft: Draft) -> None:
        """A locked seed goes before the switch, which says so."""
        execution, locked = self._desk.execution, draft.keep_seed
        self.new_seeds.blockSignals(True)
        self.new_seeds.setChecked(execution.rolls_each_round)
        self.new_seeds.blockSignals(False)
        self.new_seeds.setEnabled(not locked)
        self.new_seeds.setText(f"\u2002{SEED_LOCKED if locked else NEW_SEEDS}")
        self.new_seeds.setToolTip(
            "The seed is locked: every round makes the same picture. Open the lock beside the seed for new ones"
            if locked
            else "Off: the same picture again, which shows how times vary"
        )

    def _set_new_seeds(self, on: bool) -> None:
        self._desk.execution.new_seeds = on

    def _lay_out(self) -> None:
        words = QHBoxLayout()
        words.setSpacing(8)
        words.addWidget(self.status, 1)
        words.addWidget(self.left)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.pause)
        buttons.addWidget(self.cancel)
        lively = QHBoxLayout()
        lively.setSpacing(6)
        lively.addWidget(self.live)
        lively.addWidget(self.new_seeds)
        lively.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 8)
        layout.setSpacing(7)
        layout.addLayout(words)
        layout.addWidget(self.bar)
        layout.addLayout(buttons)
        layout.addLayout(lively)


def _status(state: State) -> str:
    if state.phase == "idle":
        if not state.done:
            return "Ready"
        return runs_done(state)
    if state.phase == "cancelling":
        return "Cancelling…"
    where = f"{min(state.done + 1, max(1, state.total))} of {max(1, state.total)}"
    where = f"Round {state.round}, {where}" if state.live and state.round else where
    if state.phase == "paused" and not state.count:
        return f"{where}: paused"
    if state.what:
        share = "" if state.fraction is None else f" {state.fraction:.0%}"
        return f"{where}: {sentence(state.what)}{share}"
    if state.index >= state.count:
        return f"{where}: decoding"
    return f"{where}: iteration {state.index} of {state.count}"


def _left(state: State) -> str:
    """The time left in all where it is known; where it is not, the time left of this run, said to be that."""
    if not state.active or state.phase == "cancelling":
        return ""
    if state.seconds_left_in_all is not None:
        return format_left(state.seconds_left_in_all)
    # In Live the round stands before it, and the cell that runs says the same.
    if state.seconds_left is not None and not (state.ahead and (state.live or state.seconds_left < 1)):
        return (
            f"{format_left(state.seconds_left)}, this run".replace("about ", "")
            if state.ahead
            else format_left(state.seconds_left)
        )
    return ""
