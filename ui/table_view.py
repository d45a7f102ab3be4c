"""All figures as a table: sortable, and copied as Markdown or with tabs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ui.badge import badge_icon
from ui.fields import text_label
from ui.later import Later
from ui.theme import Theme
from workbench.charts.table import Table, table, to_markdown, to_tsv
from workbench.desk.desk import Desk
from workbench.desk.experiment import Experiment

Index = QModelIndex | QPersistentModelIndex


class FiguresModel(QAbstractTableModel):
    """A :class:`workbench.charts.table.Table` for Qt.

    It answers from what it was given alone: Qt asks at any time, also when the experiment has other columns already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown = Table((), (), ())
        self._badges: list[QIcon] = []

    def take(self, experiment: Experiment) -> None:
        """Show the figures of an experiment; a selection outlives a table of the same shape."""
        shown = table(experiment) if experiment.columns else Table((), (), ())
        columns = [experiment.columns[column] for column in shown.columns]
        badges = [badge_icon(column.badge, column.colour) for column in columns]
        fits = len(shown.rows) == len(self.shown.rows) and shown.headings == self.shown.headings
        if not fits:
            self.beginResetModel()
        self.shown, self._badges = shown, badges
        if not fits:
            self.endResetModel()
        elif shown.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(shown.rows) - 1, len(shown.headings) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.shown.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.shown.headings)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self.shown.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return value.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return value.text
        if role == Qt.ItemDataRole.UserRole:
            return value.key
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._badges[index.row()]
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.shown.headings):
            return None
        heading = self.shown.headings[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{heading.title}\n{heading.unit}" if heading.unit else heading.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return heading.meaning
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


class SortedFigures(QSortFilterProxyModel):
    """Sorts by the values behind the texts; what has none comes last whichever way."""

    def lessThan(self, left: Index, right: Index) -> bool:
        one, other = (index.data(Qt.ItemDataRole.UserRole) for index in (left, right))
        descending = self.sortOrder() == Qt.SortOrder.DescendingOrder
        if one is None or other is None:
            return (one is None) == descending if (one is None) != (other is None) else False
        return one < other


class TableView(QWidget):
    """Mirrors the figures over all rows."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self._desk = desk
        self._theme = theme
        self.model = FiguresModel()
        self.sorted = SortedFigures()
        self.sorted.setSourceModel(self.model)
        self.table = self._sorted_table()
        self.said = text_label("", "faint")
        self.said.setObjectName("tableMessage")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._head(theme))
        layout.addWidget(self.table, 1)
        self.table.clicked.connect(self._look_at)
        soon = Later(self, self.refresh, 150)
        for signal in (desk.experiment.began, desk.experiment.finished, desk.experiment.restated):
            signal.connect(soon)

    def _sorted_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("resultTable")
        table.setAccessibleName("All figures")
        table.setModel(self.sorted)
        table.setSortingEnabled(True)
        self.sorted.sort(-1)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(34)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        return table

    def _head(self, theme: Theme) -> QHBoxLayout:
        """What the figures are, and the buttons that copy them."""
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Medians; ± is half the interquartile range", "muted"))
        head.addStretch(1)
        head.addWidget(self.said)
        for text, name, act, icon in (
            ("Markdown", "copyMarkdownButton", self.copy_markdown, "hash"),
            ("TSV", "copyTsvButton", self.copy_tsv, "table"),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setProperty("role", "small")
            button.setToolTip(f"Copy the table as {text}")
            button.clicked.connect(act)
            theme.icon_on(button, icon)
            head.addWidget(button)
        return head

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Show the figures as they are now."""
        if self.isVisible():
            self.model.take(self._desk.experiment)

    def copy_markdown(self) -> None:
        """Put the table on the clipboard as Markdown, in the order that is shown."""
        self._copy(to_markdown(self._in_order()), "Copied as Markdown")

    def copy_tsv(self) -> None:
        """Put the table on the clipboard with tabs, in the order that is shown."""
        self._copy(to_tsv(self._in_order()), "Copied, with tabs")

    def _in_order(self) -> Table:
        shown = self.model.shown
        order = [
            self.sorted.mapToSource(self.sorted.index(row, 0)).row() for row in range(self.sorted.rowCount())
        ]
        return Table(
            shown.headings,
            tuple(shown.rows[row] for row in order),
            tuple(shown.columns[row] for row in order),
            shown.note,
        )

    def _copy(self, text: str, said: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.said.setText(said)

    def _look_at(self, index: QModelIndex) -> None:
        row = self.sorted.mapToSource(index).row()
        current = self._desk.selection.current
        self._desk.selection.look_at((current[0] if current else 0, self.model.shown.columns[row]))
