"""The comparisons that were kept: opened again, compared with what is on the desk, named, deleted."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from ui.theme import Theme
from workbench.changes import Changes
from workbench.desk.desk import Desk
from workbench.history import Entry

HEADINGS = ("When", "Name", "Prompt", "Model", "Variants", "")
COMPARED = ("Variant", "Figure", "Then", "Now", "Change", "")
NAME = 1
PROMPT_CHARACTERS = 48
VERDICTS = {
    "lower": "▼ lower",
    "higher": "▲ higher",
    "same": "= within the spread",
    "unclear": "? one value each",
}


class SessionsView(QWidget):
    """Mirrors ``desk.sessions``. A double click on a name edits it, on anything else opens the record."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("sessionsView")
        self._desk = desk
        self._entries: tuple[Entry, ...] = ()
        self.said = QElidingLabel()
        self.said.setProperty("role", "muted")
        self.said.setObjectName("sessionsMessage")
        self.open = self._button("Open", "openSessionButton", "folder-open", self._open, theme)
        self.compare = self._button(
            "Compare with today's", "compareSessionButton", "scales", self._compare, theme
        )
        self.delete = self._button("Delete", "deleteSessionButton", "trash", self._delete, theme)
        self.back = self._button(
            "Back to the list", "backToSessionsButton", "arrow-left", self._show_list, theme
        )
        self.table = _table("sessionsTable", "Kept comparisons", HEADINGS, 4)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.itemSelectionChanged.connect(self._show_states)
        self.table.itemChanged.connect(self._renamed)
        self.table.cellDoubleClicked.connect(self._double_clicked)
        self.changes = _table("changesTable", "Then and now", COMPARED, 0)
        self.changes.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.changes)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.said, 1)
        for button in (self.back, self.open, self.compare, self.delete):
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.pages, 1)
        self._show_list()

    def show_entries(self, entries: tuple[Entry, ...]) -> None:
        """List the records."""
        self._entries = entries
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(entries))
            for row, entry in enumerate(entries):
                for column, text in enumerate(_texts(entry)):
                    item = QTableWidgetItem(text)
                    item.setToolTip("\n".join(entry.variants) if column == 4 else text)
                    if column == 2 and len(text) > PROMPT_CHARACTERS:
                        item.setText(f"{text[: PROMPT_CHARACTERS - 1]}…")
                    if column != NAME:
                        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                    self.table.setItem(row, column, item)
        self._show_states()

    def show_changes(self, number: int, found: Changes) -> None:
        """A record against what is on the desk."""
        self.changes.setRowCount(len(found.changes))
        for row, change in enumerate(found.changes):
            percent = "" if change.percent is None else f"{change.percent:+.1f} %"
            digits = change.after.digits
            texts = (
                change.variant,
                f"{change.title}, {change.after.unit}" if change.after.unit else change.title,
                f"{change.before.value:,.{digits}f}",
                f"{change.after.value:,.{digits}f}",
                percent,
                VERDICTS[change.verdict],
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if 2 <= column <= 4:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.changes.setItem(row, column, item)
        self.pages.setCurrentWidget(self.changes)
        other = f"; what else differs: {'; '.join(found.differences)}" if found.differences else ""
        self.said.setText(f"Record {number} (then) and what is on the screen (now){other}")
        self.said.setToolTip(self.said.text())
        self._show_states()

    def _button(self, text: str, name: str, icon: str, act: object, theme: Theme) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setProperty("role", "small")
        button.clicked.connect(act)
        theme.icon_on(button, icon)
        return button

    def _chosen(self) -> list[Entry]:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._entries[row] for row in rows if row < len(self._entries)]

    def _open(self) -> None:
        for entry in self._chosen()[:1]:
            if self._desk.execution.state.active:
                self._desk.said.emit(
                    "Something runs; cancel it before another comparison is opened", "notice"
                )
            else:
                self._desk.sessions.open(entry.id)

    def _compare(self) -> None:
        for entry in self._chosen()[:1]:
            self._desk.sessions.compare(entry.id, self._desk.experiment)

    def _delete(self) -> None:
        chosen = [entry.id for entry in self._chosen()]
        if self.delete.property("armed") != chosen:  # a second click on the same records deletes them
            self.delete.setProperty("armed", chosen)
            self.delete.setText(f"Delete {len(chosen)} for good?")
            return
        self._desk.sessions.delete(chosen)

    def _show_list(self) -> None:
        self.pages.setCurrentWidget(self.table)
        self._show_states()

    def _show_states(self) -> None:
        listing = self.pages.currentWidget() is self.table
        chosen = self._chosen() if listing else []
        self.back.setVisible(not listing)
        for button in (self.open, self.compare, self.delete):
            button.setVisible(listing)
        self.open.setEnabled(len(chosen) == 1)
        self.compare.setEnabled(len(chosen) == 1 and self._desk.experiment.has_results)
        self.delete.setEnabled(bool(chosen))
        self.delete.setProperty("armed", None)
        self.delete.setText("Delete")
        if listing:
            count = len(self._entries)
            words = (
                f"{count} comparison{'s' if count != 1 else ''} kept; a double click opens one, or names it"
            )
            self.said.setText(words if count else "Every comparison that ends is kept here")

    def _double_clicked(self, row: int, column: int) -> None:
        item = self.table.item(row, column)
        if column == NAME and item is not None:
            self.table.editItem(item)
        else:
            self._open()

    def _renamed(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self._desk.sessions.tag(self._entries[item.row()].id, item.text().strip())


def _texts(entry: Entry) -> tuple[str, ...]:
    when = datetime.fromisoformat(entry.recorded_at).strftime("%d %b %Y, %H:%M")
    synthetic = " (synthetic weights)" if entry.synthetic else ""
    kind = "" if entry.kind == "compare" else f"{entry.kind}: "
    status = "" if entry.status == "ok" else {"error": "some failed"}.get(entry.status, entry.status)
    return (
        when,
        entry.tag,
        f"{kind}{entry.prompt}",
        f"{entry.model}{synthetic}",
        ", ".join(entry.variants),
        status,
    )


def _table(name: str, accessible: str, headings: tuple[str, ...], stretch: int) -> QTableWidget:
    table = QTableWidget(0, len(headings))
    table.setObjectName(name)
    table.setAccessibleName(accessible)
    table.setHorizontalHeaderLabels(list(headings))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(32)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return table
