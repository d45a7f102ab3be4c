"""The queue: every run in order, what it is doing, and what it took."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui.badge import badge_icon
from ui.fields import text_label
from ui.later import Later
from ui.theme import Theme
from workbench.desk.captions import runs_done
from workbench.desk.desk import Desk
from workbench.desk.execution import Entry, State
from workbench.desk.naming import differences, row_titles, short_title
from workbench.timeline import format_left, format_ms

COLUMNS = ("Variant", "Request", "Time, or what it is doing")


class QueueView(QWidget):
    """Mirrors ``desk.execution.queue``."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self._desk = desk
        self.said = text_label("", "muted")
        self.retry = QPushButton("Retry what failed")
        self.retry.setObjectName("retryFailedButton")
        self.retry.setProperty("role", "small")
        self.retry.clicked.connect(desk.execution.retry_failed)
        theme.icon_on(self.retry, "arrow-clockwise")
        self.list = _columns()
        head = QHBoxLayout()
        head.addWidget(self.said, 1)
        head.addWidget(self.retry)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.list, 1)
        soon = Later(self, self.refresh, 150)
        desk.execution.queue_changed.connect(soon)
        desk.execution.state_changed.connect(soon)

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is now."""
        if not self.isVisible():
            return
        queue, state = self._desk.execution.queue, self._desk.execution.state
        while self.list.topLevelItemCount() > len(queue):
            self.list.takeTopLevelItem(self.list.topLevelItemCount() - 1)
        while self.list.topLevelItemCount() < len(queue):
            self.list.addTopLevelItem(QTreeWidgetItem())
        requests = self._desk.experiment.requests
        titles = row_titles(requests) if len(requests) > 1 else [f"seed {item.seed}" for item in requests]
        for row, entry in enumerate(queue):
            if entry.row < len(titles):
                item = self.list.topLevelItem(row)
                if item is not None:
                    self._show(item, entry, titles[entry.row])
        cells = self._desk.experiment.cells.values()
        self.retry.setVisible(any(cell.phase in ("failed", "cancelled") for cell in cells))
        self.said.setText(_words(state))

    def _show(self, item: QTreeWidgetItem, entry: Entry, which: str) -> None:
        experiment = self._desk.experiment
        if entry.column >= len(experiment.columns):
            return
        column = experiment.columns[entry.column]
        state = self._desk.execution.state
        doing = {"done": "", "failed": "failed", "cancelled": "cancelled", "waiting": "waiting"}.get(
            entry.step, ""
        )
        if entry.step == "done" and entry.milliseconds is not None:
            doing = format_ms(entry.milliseconds)
        elif entry.step == "active":
            share = f" {state.fraction:.0%}" if state.fraction is not None and state.what else ""
            doing = f"{state.what}{share}" if state.what else f"iteration {state.index} of {state.count}"
        variant = column.variant
        repeat = (
            f", repeat {entry.repeat + 1}"
            if (experiment.comparison and experiment.comparison.repeats > 1)
            else ""
        )
        texts = (f"{short_title(variant)} {differences(variant)}".strip(), f"{which}{repeat}", doing)
        if texts != tuple(item.text(place) for place in range(len(COLUMNS))):
            item.setIcon(0, badge_icon(column.badge, column.colour))
            for place, text in enumerate(texts):
                item.setText(place, text)
                font = item.font(place)
                font.setBold(entry.step == "active")
                item.setFont(place, font)
        if entry.step == "active":
            self.list.scrollToItem(item)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)


def _columns() -> QTreeWidget:
    """A line for every run."""
    runs = QTreeWidget()
    runs.setObjectName("queueList")
    runs.setAccessibleName("Queue of runs")
    runs.setUniformRowHeights(True)
    runs.setRootIsDecorated(False)
    runs.setAllColumnsShowFocus(True)
    runs.setHeaderLabels(COLUMNS)
    header = runs.header()
    header.setStretchLastSection(True)
    for place in range(len(COLUMNS) - 1):
        header.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
    return runs


def _words(state: State) -> str:
    if not state.total:
        return "Nothing was run yet"
    words, left = runs_done(state), state.seconds_left_in_all
    if state.active:
        words += (
            f", {format_left(left)}"
            if left is not None
            else ", time left is known once every variant has run"
        )
    return words
