"""The charts under the pictures: one deck of tabs, and where there is room a second one beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QTabWidget, QVBoxLayout, QWidget

from ui.memory_view import MemoryView
from ui.queue_view import QueueView
from ui.rounds_view import RoundsView
from ui.sessions_view import SessionsView
from ui.stage_bars import StageBars
from ui.table_view import TableView
from ui.theme import Theme
from ui.timeline_view import TimelineView
from ui.tradeoff_view import TradeoffView
from workbench.desk.desk import Desk
from workbench.desk.experiment import SYNTHETIC_MARK, SYNTHETIC_NOTICE

WIDE = 1300
SECOND = ("Table", "Trade-off", "Rounds", "Queue", "Sessions")


class Charts(QWidget):
    """The pages by title; Alt and a number opens one."""

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("charts")
        self.timeline = TimelineView(desk, theme)
        self.stages = StageBars(desk, theme)
        self.memory = MemoryView(desk, theme)
        self.tradeoff = TradeoffView(desk, theme)
        self.table = TableView(desk, theme)
        self.rounds = RoundsView(desk, theme)
        self.queue = QueueView(desk, theme)
        self.sessions = SessionsView(desk, theme)
        self.pages: dict[str, QWidget] = {
            "Timeline": self.timeline,
            "Stages": self.stages,
            "Memory": self.memory,
            "Trade-off": self.tradeoff,
            "Table": self.table,
            "Rounds": self.rounds,
            "Queue": self.queue,
            "Sessions": self.sessions,
        }
        self._wide: bool | None = None
        self._first, self._second = _deck("chartTabs"), _deck("secondChartTabs")
        self._holders = {title: _holder(page) for title, page in self.pages.items()}
        self._marks = [synthetic_mark(deck) for deck in (self._first, self._second)]
        self._experiment = desk.experiment
        desk.experiment.began.connect(self._show_mark)
        self._show_mark()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(1)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._first)
        self._split.addWidget(self._second)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._split)
        self.arrange(0)

    def arrange(self, width: int) -> None:
        """One deck or two, by the room there is."""
        wide = width >= WIDE
        if wide == self._wide:
            return
        self._wide = wide
        current = self.current()
        for title, holder in self._holders.items():
            deck = self._second if wide and title in SECOND else self._first
            deck.addTab(holder, title)  # a page that is in the other deck moves
        if wide:
            self._second.tabBar().moveTab(self._second.indexOf(self._holders["Table"]), 0)
            self._second.setCurrentIndex(0)
            self._split.setSizes([width // 2, width // 2])
        self._second.setVisible(wide)
        self.open(current or "Timeline")

    def _show_mark(self) -> None:
        for mark in self._marks:
            mark.setVisible(self._experiment.synthetic)

    def open(self, title: str) -> None:
        """Bring a page to the front."""
        holder = self._holders[title]
        for deck in (self._first, self._second):
            if deck.indexOf(holder) >= 0:
                deck.setCurrentWidget(holder)

    def current(self) -> str:
        """The title of the page in front, in the first deck."""
        return self._first.tabText(self._first.currentIndex()) if self._first.count() else ""


def _deck(name: str) -> QTabWidget:
    deck = QTabWidget()
    deck.setObjectName(name)
    deck.setDocumentMode(True)
    deck.tabBar().setExpanding(False)
    deck.tabBar().setDrawBase(False)
    return deck


def synthetic_mark(deck: QTabWidget) -> QLabel:
    """The mark of synthetic weights, beside the tabs of every chart."""
    mark = QLabel(SYNTHETIC_MARK)
    mark.setProperty("role", "synthetic")
    mark.setToolTip(SYNTHETIC_NOTICE)
    corner = QWidget()
    line = QHBoxLayout(corner)
    line.setContentsMargins(0, 4, 16, 2)
    line.addWidget(mark)
    deck.setCornerWidget(corner)
    return mark


def _holder(page: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(16, 10, 16, 10)
    layout.addWidget(page)
    return holder
