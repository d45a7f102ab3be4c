"""The window: panels around the pictures, each a view of a part of one :class:`workbench.desk.desk.Desk`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QIcon,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ui.actions import Actions
from ui.board_panel import BoardPanel
from ui.exporting import Exporter
from ui.fields import has_picture
from ui.header import Header
from ui.importing import Importer
from ui.inspector import Inspector
from ui.message_bar import MessageBar
from ui.prompt_panel import PromptPanel
from ui.run_bar import RunBar
from ui.shortcuts import ShortcutSheet
from ui.theme import ASSETS, Theme
from ui.work_area import WorkArea
from workbench.desk.board import are_variants
from workbench.desk.desk import Desk

if TYPE_CHECKING:
    from workbench.history import Entry

SMALLEST = QSize(1080, 660)
USUAL = QSize(1280, 800)
WIDE = 1700
NOTICE_MILLISECONDS = 6000
LATEST_FINISH_MILLISECONDS = 500


class MainWindow(QMainWindow):
    """``closed`` is emitted once, after the window is hidden; what runs in the background is ended by who listens."""

    closed = Signal()
    painted = Signal()

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Diffusion Workbench")
        self.setWindowIcon(QIcon(str(ASSETS / "icons" / "workbench.svg")))
        self.setMinimumSize(SMALLEST)
        self.setAcceptDrops(True)
        self.desk = desk
        self.theme = theme
        self._finished = False
        self._closing = False
        self._details_wanted: bool | None = None
        self.exporter = Exporter(desk, self)
        self.importer = Importer(desk, self)
        self.actions_ = Actions(self, desk, theme)
        self._build()
        desk.said.connect(self.say)
        desk.execution.refused.connect(self._refused)
        desk.execution.broke.connect(self._broke)
        desk.experiment.began.connect(self._show_panels)
        for field in (self.prompt_panel.prompt, self.prompt_panel.negative):
            field.picture_given.connect(self.importer.take)
        self._show_panels()
        self.prompt_panel.prompt.setFocus()

    # What the actions call

    def run(self) -> None:
        """Run every variant, or put the cursor where something is wrong."""
        if not self.desk.execution.run():
            self.prompt_panel.focus_problem(self.desk.form.problems)

    def show_grid(self) -> None:
        """The pictures side by side."""
        self.work.show_grid()

    def show_ab(self) -> None:
        """Two pictures against each other."""
        self.work.show_ab()

    def open_chart(self, title: str) -> None:
        """Bring a chart to the front."""
        self.work.open_chart(title)

    def toggle_details(self) -> None:
        """Show or hide the figures of the current cell."""
        self._details_wanted = not self.inspector.isVisible()
        self._show_panels()

    def show_shortcuts(self) -> None:
        """The sheet of shortcuts."""
        ShortcutSheet(self.actions_.menu(), self).open()

    def show_sessions(self, entries: tuple[Entry, ...]) -> None:
        """The comparisons that were kept, in their list and as a way out of the empty state."""
        self.work.charts.sessions.show_entries(entries)
        self.work.empty.show_earlier(len(entries))

    def save_current(self) -> None:
        """Save the picture that is looked at."""
        cell = self.actions_.current()
        if cell is not None and cell.picture is not None:
            self.exporter.save_cell(cell)

    def paste(self) -> None:
        """Take what is on the clipboard: variants in their one-line form, or a picture's settings."""
        data = QGuiApplication.clipboard().mimeData()
        if data is None:  # an empty clipboard, on some systems
            self.say("The clipboard is empty", "notice")
        elif not has_picture(data) and are_variants(data.text()):
            self.desk.board.paste(data.text())
        else:
            self.importer.take(data)

    def say(self, text: str, level: str) -> None:
        """Tell the person something; a notice goes by itself."""
        bar = self.error_bar if level == "error" else self.notice_bar
        bar.show_message(text)
        if level != "error":
            self._notice_timer.start()

    # Layout

    def finish(self) -> None:
        """Build what the first paint did without: the charts and the library behind them."""
        if self._finished:
            return
        self._finished = True
        self.work.finish()
        self._show_panels()
        self.painted.emit()

    def layout_state(self) -> dict[str, str]:
        """Geometry, panel widths and what is in front, as text."""
        states = {
            "geometry": self.saveGeometry(),
            "panels": self._splitter.saveState(),
            "halves": self.work.halves(),
        }
        text = {name: bytes(state.toBase64().data()).decode("ascii") for name, state in states.items()}
        details = "" if self._details_wanted is None else str(int(self._details_wanted))
        return text | {"details": details, "view": self.work.view(), "chart": self.work.chart()}

    def restore_layout(self, state: dict[str, str]) -> None:
        """Bring back what :meth:`layout_state` gave; anything else leaves the usual size."""
        geometry = _bytes(state.get("geometry"))
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            available = self.screen().availableGeometry().size()
            self.resize(USUAL.boundedTo(available).expandedTo(SMALLEST))
        panels = _bytes(state.get("panels"))
        if panels.isEmpty() or not self._splitter.restoreState(panels):
            self.arrange_panels()
        self.work.restore(_bytes(state.get("halves")), str(state.get("view")), str(state.get("chart")))
        details = state.get("details")
        self._details_wanted = bool(int(details)) if details in ("0", "1") else None
        self._show_panels()

    def arrange_panels(self) -> None:
        """Give the panels beside the pictures their usual widths."""
        left, right = (400, 320) if self.width() > WIDE else (340, 272)
        self._splitter.setSizes([left, self.width() - left - right, right])
        self.work.arrange()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(LATEST_FINISH_MILLISECONDS, self.finish)  # a window that is covered is not painted

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._finished:
            QTimer.singleShot(0, self.finish)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_panels()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.desk.execution.state.active and not self._closing:
            event.ignore()
            self._ask_to_close()
            return
        event.accept()
        self.hide()
        self.closed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if has_picture(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if has_picture(event.mimeData()):
            event.acceptProposedAction()
            self.importer.take(event.mimeData())

    def _ask_to_close(self) -> None:
        if self.findChild(QMessageBox, "closeDialog") is not None:
            return
        ask = QMessageBox(self)
        ask.setObjectName("closeDialog")
        ask.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        ask.setWindowTitle("Diffusion Workbench")
        ask.setText("A comparison is running")
        ask.setInformativeText("Closing the window stops it. What is finished is kept.")
        stop = ask.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
        stay = ask.addButton("Keep running", QMessageBox.ButtonRole.RejectRole)
        stop.setObjectName("stopAndCloseButton")
        stay.setObjectName("keepRunningButton")
        ask.setDefaultButton(stay)  # type: ignore[arg-type]
        ask.setEscapeButton(stay)
        stop.clicked.connect(self._close_now)
        ask.open()

    def _close_now(self) -> None:
        self._closing = True
        self.desk.execution.cancel()
        QTimer.singleShot(0, self.close)

    def _build(self) -> None:
        self.header = Header(self.theme, self.actions_.menu(), self.exporter.fill)
        self.header.help.clicked.connect(self.show_shortcuts)
        self.error_bar = MessageBar(self.theme, "error", "errorBar")
        self.notice_bar = MessageBar(self.theme, "notice", "noticeBar")
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(NOTICE_MILLISECONDS)
        self._notice_timer.timeout.connect(self.notice_bar.hide)
        self.work = WorkArea(self.desk, self.theme, (self.error_bar, self.notice_bar))
        self.work.grid.saving.connect(self.exporter.save_cell)
        self.work.grid.copying.connect(self.exporter.copy_cell)
        self.work.details_asked.connect(self.toggle_details)
        self.inspector = Inspector(self.desk)
        self.inspector.setMinimumWidth(240)
        self.inspector.setMaximumWidth(460)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        for index, panel in enumerate((self._sidebar(), self.work, self.inspector)):
            self._splitter.addWidget(panel)
            self._splitter.setStretchFactor(index, int(index == 1))
        central = QWidget()
        central.setObjectName("centralArea")
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self._splitter, 1)
        self.setCentralWidget(central)

    def _sidebar(self) -> QWidget:
        sidebar = QFrame()
        sidebar.setObjectName("sidebar")
        sidebar.setMinimumWidth(316)
        sidebar.setMaximumWidth(520)
        self.prompt_panel = PromptPanel(self.desk.form, self.desk.samples, self.theme)
        self.board_panel = BoardPanel(self.desk, self.theme)
        self.desk.board.opened.connect(self._bring_card_into_view)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 14, 12)
        column.setSpacing(12)
        column.addWidget(self.prompt_panel)
        column.addWidget(self.board_panel)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        self._sidebar_scroll = scroll
        self.run_bar = RunBar(self.desk, self.theme, self.actions_)
        layout = QVBoxLayout(sidebar)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.run_bar)
        return sidebar

    def _bring_card_into_view(self, number: int | None) -> None:
        card = self.board_panel.cards.get(number or 0)
        if card is not None:
            # Before the next paint, which would show what the card got squeezed into its old height.
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
            self._sidebar_scroll.ensureWidgetVisible(card, 0, 8)

    def _refused(self, problems: dict[str, str]) -> None:
        self.board_panel.show_problem(problems.get("variant", ""))

    def _broke(self, message: str, detail: str) -> None:
        self.error_bar.show_message(message, detail)

    def _show_panels(self) -> None:
        populated = self.desk.experiment.comparison is not None
        wanted = self._details_wanted if self._details_wanted is not None else self.width() > WIDE
        if self.inspector.isHidden() == (populated and wanted):
            self.inspector.setVisible(populated and wanted)
            left, _, right = self._splitter.sizes()
            if populated and wanted:
                right = right or (320 if self.width() > WIDE else 256)
                self._splitter.setSizes([left, self.width() - left - right, right])
        self.work.show_populated(populated)


def _bytes(text: object) -> QByteArray:
    return QByteArray.fromBase64(str(text or "").encode("ascii", "ignore"))
