"""One cell of the grid: the picture as it comes, what the cell is doing, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout
from superqt import QElidingLabel

from ui.canvas import ARROWS, Canvas, zoom_by_key
from ui.fields import mark, sentence, text_label
from ui.grid_layout import CAPTION, caption_height
from ui.theme import Theme
from workbench.desk.captions import cell_speedup, cell_status, quality_parts
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell
from workbench.timeline import format_ms

EARLIER = "Last run"
Place = tuple[int, int]


class CellView(QFrame):
    """Mirrors one cell. A click looks at it, with Ctrl it becomes B; a double click opens A/B; the menu has the rest."""

    compared = Signal()
    """Its picture is to be seen in A/B."""
    saving = Signal(object)
    copying = Signal(object)

    def __init__(self, desk: Desk, theme: Theme, place: Place):
        super().__init__()
        self.setObjectName("gridCell")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._desk = desk
        self._under: bool | None = None
        self._parts: list[str] = []
        self.place = place
        self.line_length = 0
        """How many cells stand side by side where the variants of a row are broken into lines, else 0."""
        self.canvas = Canvas(theme, desk.viewport)
        self.canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.canvas.clicked.connect(self._clicked)
        self.status = text_label("", "overlay", wrap=True)
        self.status.setObjectName("cellStatus")
        self.status.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.retry = QPushButton("Retry")
        self.retry.setObjectName("retryButton")
        self.retry.setToolTip("Run this cell anew")
        self.retry.clicked.connect(lambda: desk.execution.retry(*self.place))
        theme.icon_on(self.retry, "arrow-clockwise")
        over = QVBoxLayout(self.canvas)
        over.addStretch(1)
        over.addWidget(self.status)
        over.addWidget(self.retry, 0, Qt.AlignmentFlag.AlignHCenter)
        over.addStretch(1)
        self.time = text_label("", "value")
        self.speedup = QLabel()
        self.speedup.setProperty("role", "speedup")
        self.quality = QElidingLabel()
        self.quality.setProperty("role", "faint")
        caption = QGridLayout()
        caption.setContentsMargins(2, 0, 2, 0)
        caption.setHorizontalSpacing(8)
        caption.setVerticalSpacing(0)
        caption.setColumnStretch(2, 1)
        caption.addWidget(self.time, 0, 0)
        caption.addWidget(self.speedup, 0, 1)
        self._caption = caption
        self._arrange_caption()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 2)
        layout.setSpacing(3)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(caption)
        self.show_cell(desk.experiment.cell(*place))

    def show_cell(self, cell: Cell) -> None:
        """Show the cell as it is now."""
        experiment = self._desk.experiment
        request = experiment.requests[cell.row]
        running = cell.phase == "running"
        coming = cell.phase in ("waiting", "preparing")
        earlier = cell.earlier if running or coming else None
        picture = cell.shown or earlier
        self.canvas.note = EARLIER if picture is not None and picture is earlier else ""
        self.canvas.show_picture(picture, (request.width, request.height))
        self.canvas.set_synthetic(experiment.synthetic and picture is not None)
        self.canvas.progress = cell.index / cell.count if running and cell.count else cell.fraction
        covered = (coming and cell.shown is None) or cell.phase in ("failed", "cancelled", "empty")
        self.canvas.dimmed = covered or bool(self.canvas.note)  # for the words over it to be read
        words = sentence(cell.error) if cell.phase == "failed" else cell_status(cell)
        self.status.setText(words if covered else "")
        over = "over" if picture is not None else "plain"
        mark(self.status, "level", "error" if cell.phase == "failed" else over)
        self.status.setVisible(covered)
        self.status.setToolTip(cell.detail[-1500:] if cell.phase == "failed" else "")
        self.retry.setVisible(cell.phase in ("failed", "cancelled"))
        self._show_caption(cell, running)
        self.setAccessibleName(self._words(cell, words))
        self.canvas.update()

    def show_chosen(self) -> None:
        """Show whether it is looked at, and whether it is A or B."""
        selection = self._desk.selection
        mark(self, "current", selection.current == self.place)
        tag = "A" if selection.a == self.place else "B" if selection.b == self.place else ""
        several = len(self._desk.experiment.cells) > 1
        if self.canvas.tag != (tag if several else ""):
            self.canvas.tag = tag if several else ""
            self.canvas.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_caption()
        if self._parts:
            self._fit_quality()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._menu(event.globalPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._compare()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._desk.selection.look_at(self.place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        selection, key = self._desk.selection, Qt.Key(event.key())
        if zoom_by_key(self._desk.viewport, event):
            return
        if key in ARROWS:
            columns, rows = ARROWS[key]
            if self.line_length:
                rows, columns = 0, columns + rows * self.line_length
            selection.step(rows, columns)
        elif key == Qt.Key.Key_A:
            selection.set_a(self.place)
        elif key == Qt.Key.Key_B:
            selection.set_b(self.place)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._compare()
        elif key == Qt.Key.Key_Menu:
            self._menu(self.mapToGlobal(self.rect().center()))
        else:
            super().keyPressEvent(event)

    def _clicked(self, modifiers: Qt.KeyboardModifier) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self._desk.selection.set_b(self.place)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._desk.selection.set_a(self.place)
        self._desk.selection.look_at(self.place)

    def _compare(self) -> None:
        selection = self._desk.selection
        base = (self.place[0], self._desk.experiment.baseline)
        if self.place != base:
            selection.set_a(base)
            selection.set_b(self.place)
        self.compared.emit()

    def _menu(self, at: QPoint) -> None:
        selection, cell = self._desk.selection, self._desk.experiment.cell(*self.place)
        has_picture = cell.picture is not None
        menu = QMenu(self)
        menu.addAction("Compare with the baseline", self._compare).setEnabled(has_picture)
        menu.addAction("Take as A", lambda: selection.set_a(self.place))
        menu.addAction("Take as B", lambda: selection.set_b(self.place))
        menu.addSeparator()
        menu.addAction("Use these settings", lambda: self._reuse(cell))
        menu.addAction("Copy picture", lambda: self.copying.emit(cell)).setEnabled(has_picture)
        menu.addAction("Save picture…", lambda: self.saving.emit(cell)).setEnabled(has_picture)
        menu.addSeparator()
        menu.addAction("Run again", lambda: self._desk.execution.retry(*self.place)).setEnabled(
            cell.phase in ("done", "failed", "cancelled", "empty")
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def _reuse(self, cell: Cell) -> None:
        self._desk.form.take(self._desk.experiment.requests[cell.row])

    def _show_caption(self, cell: Cell, running: bool) -> None:
        """Figures, also while it waits for another run of the same; else what it is doing."""
        experiment, result = self._desk.experiment, cell.result
        if running or (cell.phase in ("preparing", "waiting") and not cell.between_runs):
            self.time.setText(cell_status(cell) if running or cell.shown is not None else "")
            self.speedup.hide()
            left = cell.seconds_left if running else None
            self._parts = []
            self.quality.setText("" if left is None else f"{left:.0f} s left" if left >= 1 else "")
            return
        if result is None or cell.phase in ("failed", "cancelled"):
            self._parts = []
            self.time.setText("")
            self.quality.setText("")
            self.speedup.hide()
            return
        self.time.setText(format_ms(cell.total_ms or result.total_ms))
        runs = len(cell.results)
        of = f"Median of {runs} runs" if runs > 1 else "One run; repeats make it truer"
        self.time.setToolTip(f"{of}. Waiting for the next" if cell.between_runs else of)
        speedup = cell_speedup(experiment, cell)
        is_baseline = cell.column == experiment.baseline
        self.speedup.setVisible(speedup is not None and not is_baseline)
        if speedup is not None:
            self.speedup.setText(f"{speedup:.2f}×")
            mark(self.speedup, "level", "good" if speedup > 1.02 else "poor" if speedup < 0.98 else "even")
            word = "faster" if speedup > 1 else "slower"
            self.speedup.setToolTip(f"{speedup:.2f} times the baseline's pace: {word} than the baseline")
        parts = quality_parts(None if experiment.synthetic else result.quality)
        self._parts = parts
        self._fit_quality()
        self.quality.setToolTip("\n".join(parts))

    def _arrange_caption(self) -> None:
        """Quality beside time and speed-up, or under them in a narrow cell: none is shown without the other."""
        under = caption_height(self.width()) > CAPTION
        if under is self._under:
            return
        self._under = under
        side = Qt.AlignmentFlag.AlignLeft if under else Qt.AlignmentFlag.AlignRight
        self.quality.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self._caption.removeWidget(self.quality)
        self._caption.addWidget(self.quality, *((1, 0, 1, 3) if under else (0, 2)))

    def _fit_quality(self) -> None:
        """As much of the quality as there is room for; the tool tip has all of it."""
        used = 16
        if not self._under:
            used = 40 + self.time.sizeHint().width()
            used += 0 if self.speedup.isHidden() else self.speedup.sizeHint().width()
        room, parts = self.width() - used, list(self._parts)
        while parts and self.quality.fontMetrics().horizontalAdvance("  ".join(parts)) > room:
            parts.pop(min(1, len(parts) - 1))
        self.quality.setText("  ".join(parts))

    def _words(self, cell: Cell, words: str) -> str:
        column = self._desk.experiment.columns[cell.column]
        figures = f"{self.time.text()} {self.quality.text()}".strip()
        what = figures if cell.phase == "done" else f"{words} {figures}" if cell.between_runs else words
        return f"Variant {column.badge}, row {cell.row + 1}: {what}".strip()
