"""The middle of the window: the pictures above, as a grid or two by two, and the charts below."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from ui.empty_state import EmptyState
from ui.image_grid import ImageGrid
from ui.later import Later
from ui.segments import Segments
from ui.theme import Theme
from workbench.desk.desk import Desk
from workbench.desk.experiment import SYNTHETIC_MARK, SYNTHETIC_NOTICE

LOWEST_STACK = 200
EDGE, TOP = 16, 10
CHARTS_MILLISECONDS = 30
VIEWS = (
    ("grid", "squares-four", "Grid", "The pictures side by side  (Ctrl+1)"),
    ("ab", "square-half", "A/B", "Two pictures against each other  (Ctrl+2)"),
)


class WorkArea(QWidget):
    """Views of the experiment. The charts, and A/B with its library, are built after the first paint."""

    details_asked = Signal()

    def __init__(self, desk: Desk, theme: Theme, bars: tuple[QWidget, QWidget]):
        """``bars``: what went wrong, and what was done."""
        super().__init__()
        self._desk = desk
        self._theme = theme
        self._chart_wanted = "Timeline"
        self._view_wanted = "grid"
        self.grid = ImageGrid(desk, theme)
        self.grid.compared.connect(self.show_ab)
        self.empty = EmptyState(desk, theme)
        self.empty.earlier_asked.connect(lambda: self.open_chart("Sessions"))
        self._charts_wanted = False
        self.stack = QStackedWidget()
        self.stack.setObjectName("pictureStack")
        self.stack.setMinimumHeight(
            LOWEST_STACK
        )  # not what the empty state needs, which is seen without charts only
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.grid)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(EDGE, TOP, EDGE, TOP)
        column.setSpacing(8)
        self.bar = self._bar()
        column.addWidget(self.bar)
        column.addWidget(bars[0])
        column.addWidget(self.stack, 1)
        self._top, self._notice = top, bars[1]
        self._notice.setParent(top)
        self._notice.installEventFilter(self)
        self.chart_panel = QFrame()
        self.chart_panel.setObjectName("chartPanel")
        self._chart_layout = QVBoxLayout(self.chart_panel)
        self._chart_layout.setContentsMargins(0, 0, 0, 0)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(top)
        self.splitter.addWidget(self.chart_panel)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self._arranged_by_hand = False
        self._arrange_soon = Later(self, self._arrange_unless_by_hand, CHARTS_MILLISECONDS)
        self.splitter.splitterMoved.connect(self._moved_by_hand)
        desk.experiment.began.connect(self._show_title)
        desk.viewport.changed.connect(self._show_zoom)
        self._show_zoom()

    def finish(self) -> None:
        """Build the charts and A/B."""
        from ui.ab_view import AbView
        from ui.charts import Charts

        self.charts = Charts(self._desk, self._theme)
        self._chart_layout.addWidget(self.charts)
        self.ab = AbView(self._desk, self._theme)
        self.stack.addWidget(self.ab)
        self.charts.arrange(self.width())
        self.charts.open(self._chart_wanted)
        if self._view_wanted == "ab":
            self.show_ab()

    def arrange(self) -> None:
        """The usual heights: pictures as high as their columns are wide, charts the rest, each at least four tenths."""
        whole = self.height()
        most, around = whole * 6 // 10, self.bar.sizeHint().height() + 34
        wanted = most if self.view() == "ab" else self.grid.ideal_height(most - around) + around
        pictures = min(max(wanted, whole * 4 // 10), most)
        self.splitter.setSizes([pictures, whole - pictures])

    def restore(self, halves: QByteArray, view: str, chart: str) -> None:
        """Bring back how it was left."""
        self._arranged_by_hand = not halves.isEmpty() and self.splitter.restoreState(halves)
        self._view_wanted = "ab" if view == "ab" else "grid"
        self._chart_wanted = chart if chart and chart != "None" else "Timeline"
        if hasattr(self, "charts") and self._chart_wanted in self.charts.pages:
            self.charts.open(self._chart_wanted)

    def halves(self) -> QByteArray:
        """The heights that a person chose; empty where they are the usual ones."""
        return self.splitter.saveState() if self._arranged_by_hand else QByteArray()

    def view(self) -> str:
        """``grid`` or ``ab``."""
        return "ab" if hasattr(self, "ab") and self.stack.currentWidget() is self.ab else "grid"

    def chart(self) -> str:
        """The title of the chart in front."""
        return self.charts.current() if hasattr(self, "charts") else self._chart_wanted

    def show_grid(self) -> None:
        """The pictures side by side."""
        self._view_wanted = "grid"
        self._views.show_chosen("grid")
        if self._desk.experiment.comparison is not None:
            self.stack.setCurrentWidget(self.grid)
            self._arrange_unless_by_hand()
            current = self.grid.cells.get(self._desk.selection.current or (0, 0))
            if current is not None:
                current.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_ab(self) -> None:
        """Two pictures against each other."""
        self._view_wanted = "ab"
        self._views.show_chosen("ab")
        if self._desk.experiment.comparison is not None and hasattr(self, "ab"):
            self.stack.setCurrentWidget(self.ab)
            self._arrange_unless_by_hand()
            self.ab.focus_pictures()

    def open_chart(self, title: str) -> None:
        """Bring a chart to the front; in the empty state, too, where sessions are opened from."""
        self.charts.open(title)
        if not self._charts_wanted:
            self._charts_wanted = True
            self.show_populated(self._desk.experiment.comparison is not None)

    def show_populated(self, populated: bool) -> None:
        """Pictures and charts, or the empty state, with charts only where one was asked for."""
        if self._charts_shown():
            QTimer.singleShot(CHARTS_MILLISECONDS, self, self._show_charts)
        else:
            self.chart_panel.hide()
        self.bar.setVisible(populated)
        if not populated:
            self.stack.setCurrentWidget(self.empty)
        elif self.stack.currentWidget() is self.empty:
            self.stack.setCurrentWidget(
                self.ab if self._view_wanted == "ab" and hasattr(self, "ab") else self.grid
            )
        self._show_title()
        if populated and not self._arranged_by_hand:
            QTimer.singleShot(0, self.arrange)  # the grid has its width then

    def _charts_shown(self) -> bool:
        populated = self._desk.experiment.comparison is not None
        return (populated or self._charts_wanted) and hasattr(self, "charts")

    def _show_charts(self) -> None:
        """A moment after the pictures: both at once would hold the window up for longer than is felt."""
        if self.chart_panel.isHidden() and self._charts_shown():
            self.chart_panel.show()
            self._arrange_unless_by_hand()

    def _arrange_unless_by_hand(self) -> None:
        if not self._arranged_by_hand and not self.chart_panel.isHidden():
            self.arrange()

    def _moved_by_hand(self) -> None:
        self._arranged_by_hand = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "charts"):
            self.charts.arrange(self.width())
        self._arrange_soon()
        self._place_notice()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._place_notice()
        return super().eventFilter(watched, event)

    def _place_notice(self) -> None:
        """Over the title for a moment: a notice that took room of its own would make every picture smaller and large again."""
        left = self.title.mapTo(self._top, self.title.rect().topLeft()).x() if self.bar.isVisible() else EDGE
        width = self._top.width() - left - EDGE
        high = max(self._notice.heightForWidth(width), self._notice.sizeHint().height())
        self._notice.setGeometry(left, TOP, width, max(high, self.bar.height()))
        self._notice.raise_()

    def _bar(self) -> QWidget:
        bar = QWidget()
        line = QHBoxLayout(bar)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(10)
        self._views = Segments(self._theme, VIEWS)
        self._views.chosen.connect(lambda name: self.show_grid() if name == "grid" else self.show_ab())
        self.title = QElidingLabel()
        self.title.setProperty("role", "muted")
        self.synthetic = QLabel(SYNTHETIC_MARK)
        self.synthetic.setObjectName("syntheticMark")
        self.synthetic.setProperty("role", "synthetic")
        self.synthetic.setToolTip(SYNTHETIC_NOTICE)
        self.synthetic.hide()
        self.zoom = QToolButton()
        self.zoom.setObjectName("zoomButton")
        self.zoom.setToolTip("All of every picture again  (Ctrl+0)")
        self.zoom.clicked.connect(self._desk.viewport.fit)
        details = QToolButton()
        details.setObjectName("detailsButton")
        details.setAccessibleName("Details")
        details.setToolTip("The figures of the picture that is looked at  (Ctrl+I)")
        details.clicked.connect(self.details_asked)
        self._theme.icon_on(details, "info")
        line.addWidget(self._views)
        line.addWidget(self.title, 1)
        for widget in (self.synthetic, self.zoom, details):
            line.addWidget(widget)
        return bar

    def _show_title(self) -> None:
        experiment = self._desk.experiment
        self.synthetic.setVisible(experiment.synthetic)
        if not experiment.requests:
            self.title.setText("")
            return
        prompts = list(dict.fromkeys(request.prompt for request in experiment.requests))
        first = experiment.requests[0]
        what = f"“{prompts[0]}”" if len(prompts) == 1 else f"{len(prompts)} prompts"
        seeds = len({request.seed for request in experiment.requests})
        seed = f"seed {first.seed}" if seeds == 1 else f"{seeds} seeds"
        text = f"{what} · {first.width} × {first.height} · {first.steps} steps · {seed}"
        self.title.setText(" ".join(text.split()))
        self.title.setToolTip("\n".join([*prompts, self.title.text().rpartition("”")[2].lstrip(" ·")]))

    def _show_zoom(self) -> None:
        zoom = self._desk.viewport.zoom
        self.zoom.setVisible(zoom > 1)
        self.zoom.setText(f"{zoom:.1f}×")
