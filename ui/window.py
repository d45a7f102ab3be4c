"""The window: panels around the picture, each a view of one :class:`workbench.generation.Generation`."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QIcon, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.actions import Actions
from ui.empty_state import EmptyState
from ui.filmstrip import Filmstrip
from ui.header import Header
from ui.image_view import ImageView
from ui.message_bar import failure_bar, notice_bar
from ui.progress_panel import ProgressPanel
from ui.prompt_panel import PromptPanel
from ui.result_panel import ResultPanel
from ui.theme import ASSETS, Theme
from ui.variant_card import VariantCard
from workbench.generation import Generation
from workbench.progress import Progress

SMALLEST = QSize(1080, 660)
USUAL = QSize(1280, 800)
WIDE = 1900


class MainWindow(QMainWindow):
    """``closed`` is emitted once, after the window is hidden; what runs in the background is ended by who listens."""

    closed = Signal()
    painted = Signal()

    def __init__(self, generation: Generation, theme: Theme, sample_prompts: list[str]):
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Diffusion Workbench")
        self.setWindowIcon(QIcon(str(ASSETS / "icons" / "workbench.svg")))
        self.setMinimumSize(SMALLEST)
        self.generation = generation
        self.theme = theme
        self._finished = False
        self.actions_ = Actions(self, generation, theme)
        self._build(sample_prompts)
        generation.progress_changed.connect(self._show_progress)
        generation.history_changed.connect(lambda _: self._show_panels())
        self._show_progress(generation.progress)
        self.prompt_panel.prompt.setFocus()

    def finish(self) -> None:
        """Build what the first paint did without: the plot and the library behind it."""
        if self._finished:
            return
        self._finished = True
        from ui.stage_bar import StageBar

        self.stage_bar = StageBar(self.generation, self.theme)
        self._stage_layout.addWidget(self.stage_bar)
        for panel in (self.stage_panel, self.inspector, self.filmstrip):
            panel.grab()  # styled and laid out now, so that the first run does not have to
        self.painted.emit()

    def layout_state(self) -> dict[str, str]:
        """Geometry and panel widths, as text."""
        states = {"geometry": self.saveGeometry(), "panels": self._splitter.saveState()}
        return {name: bytes(state.toBase64().data()).decode("ascii") for name, state in states.items()}

    def restore_layout(self, state: dict[str, str]) -> None:
        """Bring back what :meth:`layout_state` gave; anything else leaves the usual size."""
        geometry = QByteArray.fromBase64(str(state.get("geometry", "")).encode("ascii", "ignore"))
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            available = self.screen().availableGeometry().size()
            self.resize(USUAL.boundedTo(available).expandedTo(SMALLEST))
        panels = QByteArray.fromBase64(str(state.get("panels", "")).encode("ascii", "ignore"))
        if panels.isEmpty() or not self._splitter.restoreState(panels):
            self.arrange_panels()

    def arrange_panels(self) -> None:
        """Give the panels beside the picture their usual widths."""
        left, right = (420, 360) if self.width() > WIDE else (340, 272)
        self._splitter.setSizes([left, self.width() - left - right, right])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self.finish)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.hide()
        self.closed.emit()

    def _build(self, sample_prompts: list[str]) -> None:
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        for index, panel in enumerate((self._sidebar(), self._centre(sample_prompts), self._inspector())):
            self._splitter.addWidget(panel)
            self._splitter.setStretchFactor(index, int(index == 1))
        central = QWidget()
        central.setObjectName("centralArea")
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Header(self.theme, self.actions_.menu()))
        layout.addWidget(self._splitter, 1)
        self.setCentralWidget(central)

    def _sidebar(self) -> QWidget:
        sidebar = QFrame()
        sidebar.setObjectName("sidebar")
        sidebar.setMinimumWidth(316)
        sidebar.setMaximumWidth(520)
        self.prompt_panel = PromptPanel(self.generation, self.theme)
        self.variant_card = VariantCard(self.generation, self.theme)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(13)
        column.addWidget(self.prompt_panel)
        column.addWidget(self.variant_card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        layout = QVBoxLayout(sidebar)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addWidget(self._run_bar())
        return sidebar

    def _run_bar(self) -> QFrame:
        bar = QFrame()
        bar.setObjectName("runBar")
        self.run_button = _button("Generate", "runButton", "Make the picture  (Ctrl+Enter)", self.generate)
        self.theme.icon_on(self.run_button, "sparkle", "on_accent")
        self.cancel_button = _button(
            "Cancel", "cancelButton", "Stop before the next iteration  (Esc)", self.generation.cancel
        )
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.run_button, 1)
        layout.addWidget(self.cancel_button)
        return bar

    def _centre(self, sample_prompts: list[str]) -> QWidget:
        self.image_view = ImageView(self.generation, self.theme)
        self.stack = QStackedWidget()
        self.stack.setObjectName("previewView")
        self.stack.addWidget(EmptyState(self.generation, self.theme, sample_prompts))
        self.stack.addWidget(self.image_view)
        self.error_bar = failure_bar(self.generation, self.theme)
        self.notice_bar = notice_bar(self.generation, self.theme)
        self.progress_panel = ProgressPanel(self.generation)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(12)
        column.addWidget(self.error_bar)
        column.addWidget(self.notice_bar)
        column.addWidget(self.stack, 1)
        column.addWidget(self.progress_panel)
        self.stage_panel = QFrame()
        self.stage_panel.setObjectName("stagePanel")
        self._stage_layout = QVBoxLayout(self.stage_panel)
        self._stage_layout.setContentsMargins(20, 12, 20, 12)
        self.filmstrip = Filmstrip(self.generation, self.theme)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top, 1)
        layout.addWidget(self.stage_panel)
        layout.addWidget(self.filmstrip)
        return centre

    def _inspector(self) -> QWidget:
        self.inspector = QFrame()
        self.inspector.setObjectName("inspector")
        self.inspector.setMinimumWidth(240)
        self.inspector.setMaximumWidth(460)
        layout = QVBoxLayout(self.inspector)
        layout.setContentsMargins(16, 14, 12, 14)
        layout.setSpacing(12)
        layout.addWidget(ResultPanel(self.generation), 1)
        layout.addWidget(self.actions_.bar())
        return self.inspector

    def generate(self) -> None:
        """Generate, or put the cursor where something is wrong."""
        if not self.generation.generate():
            self.prompt_panel.focus_problem(self.generation.problems)

    def _show_progress(self, progress: Progress) -> None:
        self.run_button.setEnabled(not progress.active)
        self.run_button.setText("Generating…" if progress.active else "Generate")
        self.cancel_button.setEnabled(progress.phase in ("preparing", "running"))
        self._show_panels()

    def _show_panels(self) -> None:
        populated = self.generation.progress.active or bool(self.generation.history)
        self.stack.setCurrentIndex(1 if populated else 0)
        self.stage_panel.setVisible(populated)
        self.inspector.setVisible(populated)
        self.progress_panel.setVisible(populated)


def _button(text: str, object_name: str, tip: str, pressed: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(object_name)
    button.setToolTip(tip)
    button.setAutoDefault(True)
    button.clicked.connect(lambda: pressed())
    return button
