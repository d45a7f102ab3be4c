"""The pictures side by side: a column per variant under its heading, a row per seed or prompt."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from superqt import QElidingLabel

from ui.badge import Badge
from ui.cell_view import CellView
from ui.fields import mark
from ui.grid_layout import GAP, HEADING, Grid, grid, ideal_height
from ui.later import Later
from ui.theme import Theme
from workbench.charts.figures import figures
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell
from workbench.desk.naming import differences, row_titles, short_title

ENDS = 12
ROW_TITLE = 100
ROW_CHARACTERS = 70
SPACING = 6
PREVIEW_MILLISECONDS = 40


class ColumnHeading(QFrame):
    """A variant above its pictures: number, name, what is special, and its speed-up over all rows."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("columnHeading")
        self.badge = Badge()
        self.title = QElidingLabel()
        self.title.setProperty("role", "section")
        self.detail = QElidingLabel()
        self.detail.setProperty("role", "faint")
        self.figure = QLabel()
        self.figure.setProperty("role", "headline")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.detail)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(8)
        layout.addWidget(self.badge)
        layout.addLayout(words, 1)
        layout.addWidget(self.figure)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """The name goes before the speed-up, which stands under the picture, too, where there is no room for both."""
        needed = self.badge.width() + self.figure.sizeHint().width() + 3 * GAP + ENDS
        needed += self.title.fontMetrics().horizontalAdvance(self.title.text())
        self.figure.setVisible(bool(self.figure.text()) and needed <= self.width())


class ImageGrid(QWidget):
    """Mirrors ``desk.experiment``; every cell is drawn by a :class:`CellView`."""

    compared = Signal()
    saving = Signal(object)
    copying = Signal(object)

    def __init__(self, desk: Desk, theme: Theme):
        super().__init__()
        self.setObjectName("imageGrid")
        self.setAccessibleName("Pictures, a column for every variant")
        self._desk = desk
        self._theme = theme
        self.cells: dict[tuple[int, int], CellView] = {}
        self._headings: list[ColumnHeading] = []
        self._titles: list[QLabel] = []
        self._dirty: dict[tuple[int, int], Cell] = {}
        self._build()
        self._soon = Later(self, self._show_dirty, PREVIEW_MILLISECONDS)
        self._figures_soon = Later(self, self._show_figures, 120)
        experiment = desk.experiment
        experiment.began.connect(self._rebuild)
        experiment.cell_changed.connect(self._cell_changed)
        experiment.finished.connect(self._finished)
        experiment.restated.connect(self._rebuild)
        desk.selection.changed.connect(self._show_selection)
        self._rebuild()

    def arrange(self) -> None:
        """Lay the cells out: one row fills the height, in lines where that helps; several share the width and scroll."""
        rows, columns = len(self._desk.experiment.requests), len(self._headings)
        if not rows or not columns:
            return
        inset = self._inset()
        found = grid(
            rows, columns, (self._scroll.viewport().width() - inset, self.height() - SPACING), self._aspect()
        )
        self._head_lines(found)
        across, down = found.width + GAP, found.height + GAP
        line = down + HEADING * (found.lines > 1)
        for (row, column), cell in self.cells.items():
            at = divmod(column, found.per_line) if found.lines > 1 else (row, column)
            top = at[0] * line + (line - down)
            cell.line_length = found.per_line if found.lines > 1 else 0
            cell.setGeometry(inset + at[1] * across, top, found.width, found.height)
        for row, title in enumerate(self._titles):
            title.setGeometry(0, row * down + 4, inset - 8, found.height - 8)
            title.setVisible(rows > 1)
        whole = max(1, inset + found.per_line * across - GAP)
        self._inside.setFixedSize(whole, (found.lines if found.lines > 1 else rows) * line - GAP)
        self._heads_inside.setFixedSize(whole, HEADING)

    def ideal_height(self, most: int) -> int:
        """The height, of at most ``most``, at which the rows in view show their pictures as large as can be."""
        rows, columns = len(self._desk.experiment.requests), len(self._headings)
        if not rows or not columns:
            return 0
        area = (self.width() - self._inset(), most - SPACING)
        return ideal_height(rows, columns, area, self._aspect()) + SPACING

    def _inset(self) -> int:
        return ROW_TITLE if len(self._desk.experiment.requests) > 1 else 0

    def _aspect(self) -> float:
        first = self._desk.experiment.requests[0]
        return first.height / first.width

    def _head_lines(self, found: Grid) -> None:
        """Headings stay above a grid that scrolls; where variants are broken into lines, each line has its own."""
        broken, inset = found.lines > 1, self._inset()
        parent = self._inside if broken else self._heads_inside
        self._heads.setVisible(not broken)
        for place, heading in enumerate(self._headings):
            line, column = divmod(place, found.per_line)
            top = line * (HEADING + found.height + GAP)
            if heading.parent() is not parent:
                heading.setParent(parent)
                heading.show()
            heading.setGeometry(inset + column * (found.width + GAP), top, found.width, HEADING)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.arrange()
        return super().eventFilter(watched, event)

    def _build(self) -> None:
        self._heads = QScrollArea()
        self._heads.setObjectName("gridHeadings")
        self._heads.setFixedHeight(HEADING)
        self._heads_inside = QWidget()
        self._heads.setWidget(self._heads_inside)
        self._scroll = QScrollArea()
        self._scroll.setObjectName("gridScroll")
        self._inside = QWidget()
        self._scroll.setWidget(self._inside)
        for area in (self._heads, self._scroll):
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._heads.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._heads.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.horizontalScrollBar().valueChanged.connect(self._heads.horizontalScrollBar().setValue)
        self._scroll.viewport().installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._heads)
        layout.addWidget(self._scroll, 1)

    def _rebuild(self) -> None:
        experiment = self._desk.experiment
        self._dirty.clear()
        places = set(experiment.cells)
        for place in [place for place in self.cells if place not in places]:
            gone = self.cells.pop(place)
            gone.canvas.release()
            gone.hide()
            gone.deleteLater()
        for place in sorted(places):
            if place not in self.cells:
                cell = CellView(self._desk, self._theme, place)
                cell.setParent(self._inside)
                cell.compared.connect(self.compared)
                cell.saving.connect(self.saving)
                cell.copying.connect(self.copying)
                cell.show()
                self.cells[place] = cell
            self.cells[place].show_cell(experiment.cells[place])
        self._fit_list(self._headings, len(experiment.columns), self._heads_inside, ColumnHeading)
        self._fit_list(self._titles, len(experiment.requests), self._inside, _row_title)
        words = row_titles(experiment.requests, ROW_CHARACTERS)
        for title, request, text in zip(self._titles, experiment.requests, words, strict=True):
            title.setText(text.replace(", seed ", "\n\nseed "))
            title.setToolTip(f"{request.prompt}\nseed {request.seed}")
        self._show_figures()
        self._show_selection()
        self.arrange()

    def _fit_list(self, widgets: list, count: int, parent: QWidget, make: type | object) -> None:
        while len(widgets) > count:
            gone = widgets.pop()
            gone.hide()
            gone.deleteLater()
        while len(widgets) < count:
            widget = make()  # type: ignore[operator]
            widget.setParent(parent)
            widget.show()
            widgets.append(widget)

    def _cell_changed(self, cell: Cell) -> None:
        self._dirty[cell.place] = cell
        if cell.phase in ("failed", "done", "cancelled"):
            self._show_dirty()
        else:
            self._soon()

    def _show_dirty(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for place, cell in dirty.items():
            if place in self.cells and place in self._desk.experiment.cells:
                self.cells[place].show_cell(cell)

    def _finished(self, cell: Cell) -> None:
        self._figures_soon()
        if cell.column == self._desk.experiment.baseline:  # the whole row is compared with it
            for place, view in self.cells.items():
                if place[0] == cell.row and place != cell.place:
                    view.show_cell(self._desk.experiment.cells[place])

    def _show_figures(self) -> None:
        experiment = self._desk.experiment
        for item, column, heading in zip(
            figures(experiment), experiment.columns, self._headings, strict=False
        ):
            is_baseline = item.column == experiment.baseline
            heading.badge.show_badge(column.badge, column.colour)
            heading.title.setText(short_title(column.variant))
            special = differences(column.variant)
            heading.detail.setText(
                " · ".join(part for part in ("baseline" if is_baseline else "", special) if part)
            )
            heading.detail.setVisible(bool(heading.detail.text()))
            shown = item.speedup is not None and not is_baseline
            heading.figure.setText(f"{item.speedup:.2f}×" if shown else "")
            pace = item.speedup or 1.0
            mark(heading.figure, "level", "good" if pace > 1.02 else "poor" if pace < 0.98 else "even")
            heading.figure.setToolTip(
                "Speed-up: the baseline's median total over this one's, all rows" if shown else ""
            )
            heading.fit()

    def _show_selection(self) -> None:
        for cell in self.cells.values():
            cell.show_chosen()
        current = self.cells.get(self._desk.selection.current or (-1, -1))
        if current is not None:
            if any(cell.hasFocus() for cell in self.cells.values()) and not current.hasFocus():
                current.setFocus(Qt.FocusReason.OtherFocusReason)
            self._scroll.ensureWidgetVisible(current, 0, 0)


def _row_title() -> QLabel:
    title = QLabel()
    title.setProperty("role", "faint")
    title.setWordWrap(True)
    title.setTextFormat(Qt.TextFormat.PlainText)
    title.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return title
