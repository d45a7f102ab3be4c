"""The pictures of this session, newest first; a click shows one again."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QListWidget, QListWidgetItem

from backends.contract import Picture
from backends.variants import format_variant
from ui.pictures import to_pixmap
from ui.theme import Theme
from workbench.generation import Generation, Outcome
from workbench.progress import Progress
from workbench.timeline import format_ms

SIDE = 60
NUMBER = Qt.ItemDataRole.UserRole
LIVE = 0


class Filmstrip(QFrame):
    """Mirrors ``generation.history``; while a run is on, its live preview stands first."""

    def __init__(self, generation: Generation, theme: Theme):
        super().__init__()
        self.setObjectName("filmstripPanel")
        self._generation = generation
        self._theme = theme
        self.list = QListWidget()
        self.list.setObjectName("filmstrip")
        self.list.setAccessibleName("Pictures of this session")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setGridSize(QSize(SIDE + 12, SIDE + 10))
        self.list.setUniformItemSizes(True)
        self.list.setFixedHeight(SIDE + 24)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 4, 14, 2)
        layout.addWidget(self.list)
        self.list.currentItemChanged.connect(lambda item, _: self._chosen(item))
        generation.history_changed.connect(self.show_history)
        generation.shown_changed.connect(lambda _: self._select())
        generation.progress_changed.connect(self._show_progress)
        generation.preview_changed.connect(self._show_preview)
        self.hide()

    def show_history(self, history: tuple[Outcome, ...]) -> None:
        """Add what is new, drop what has fallen out."""
        with QSignalBlocker(self.list):
            known = {self.list.item(row).data(NUMBER) for row in range(self.list.count())}
            first = 1 if LIVE in known else 0
            for outcome in history:
                if outcome.number not in known:
                    self.list.insertItem(first, _item(outcome))
            while self.list.count() - first > len(history):
                self.list.takeItem(self.list.count() - 1)
        self.setVisible(bool(self.list.count()))
        self._select()

    def _show_progress(self, progress: Progress) -> None:
        live = self._row(LIVE)
        with QSignalBlocker(self.list):
            if progress.active and live is None:
                item = QListWidgetItem(self._theme.icon("hourglass-medium"), "")
                item.setData(NUMBER, LIVE)
                item.setToolTip("The picture being made")
                item.setData(Qt.ItemDataRole.AccessibleTextRole, "The picture being made")
                self.list.insertItem(0, item)
            elif not progress.active and live is not None:
                self.list.takeItem(live)
        self.setVisible(progress.active or bool(self.list.count()))
        self._select()

    def _show_preview(self, preview: Picture | None) -> None:
        row = self._row(LIVE)
        if row is not None and preview is not None:
            self.list.item(row).setIcon(_icon(preview))

    def _select(self) -> None:
        shown = self._generation.shown
        row = self._row(shown.number if shown else LIVE)
        with QSignalBlocker(self.list):
            if row is None:
                self.list.setCurrentRow(-1)
            else:
                self.list.setCurrentRow(row)
                self.list.scrollToItem(self.list.item(row))

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        number = item.data(NUMBER)
        self._generation.show(next((one for one in self._generation.history if one.number == number), None))

    def _row(self, number: int) -> int | None:
        rows = range(self.list.count())
        return next((row for row in rows if self.list.item(row).data(NUMBER) == number), None)


def _item(outcome: Outcome) -> QListWidgetItem:
    request = outcome.result.request
    words = (
        f"{request.prompt}\nseed {request.seed}, {request.steps} steps, {format_variant(outcome.result.variant)}, "
        f"{format_ms(outcome.result.total_ms)}"
    )
    item = QListWidgetItem(_icon(outcome.picture), "")
    item.setData(NUMBER, outcome.number)
    item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
    item.setToolTip(words)
    return item


def _icon(picture: Picture) -> QIcon:
    """An icon that is not tinted when it is selected: the frame around it says so."""
    pixmap, icon = to_pixmap(picture, SIDE * 2), QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(pixmap, mode)
    return icon
