"""The pictures side by side: a column per variant under its heading, a row per seed or prompt."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from superqt import QElidingLabel

from ui.badge import Badge
from ui.cell_view import CAPTION_HEIGHT, CellView
from ui.fields import mark
from ui.later import Later
from ui.theme import Theme
from workbench.charts.figures import figures
from workbench.desk.desk import Desk
from workbench.desk.experiment import Cell
from workbench.desk.naming import differences, row_titles, short_title

GAP = 8
ENDS = 12
ROW_TITLE = 100
ROW_CHARACTERS = 70
NARROWEST = 148
SHORTEST = 170
ROWS_IN_VIEW = 2
FRAME_HEIGHT = 9
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
        """Lay the cells out: one row fills the height, several share what the width allows and scroll."""
        rows, columns = len(self._desk.experiment.requests), len(self._headings)
        if not rows or not columns:
            return
        inset = ROW_TITLE if rows > 1 else 0
        view = self._scroll.viewport()
        width = max(NARROWEST, (view.width() - inset - GAP * (columns - 1)) // columns)
        request = self._desk.experiment.requests[0]
        ideal = round((width - 8) * request.height / request.width) + CAPTION_HEIGHT + FRAME_HEIGHT
        height = min(ideal, max(view.height() // min(rows, ROWS_IN_VIEW) - GAP * (rows > 1), SHORTEST))
        for place, heading in enumerate(self._headings):
            heading.setGeometry(inset + place * (width + GAP), 0, width, self._heads.height())
        for (row, column), cell in self.cells.items():
            cell.setGeometry(inset + column * (width + GAP), row * (height + GAP), width, height)
        for row, title in enumerate(self._titles):
            title.setGeometry(0, row * (height + GAP) + 4, inset - 8, height - 8)
            title.setVisible(rows > 1)
        whole = inset + columns * (width + GAP) - GAP
        self._inside.setFixedSize(max(whole, 1), rows * (height + GAP) - GAP)
        self._heads_inside.setFixedSize(max(whole, 1), self._heads.height())

    def ideal_height(self) -> int:
        """The height at which the rows in view show their pictures as large as the columns allow."""
        requests, columns = self._desk.experiment.requests, len(self._headings)
        first = next(iter(requests), None)
        if first is None or not columns:
            return 0
        inset = ROW_TITLE if len(requests) > 1 else 0
        width = max(NARROWEST, (self.width() - inset - GAP * (columns - 1)) // columns)
        picture = round((width - 8) * first.height / first.width)
        rows = min(len(requests), ROWS_IN_VIEW)
        return self._heads.height() + 6 + rows * (picture + CAPTION_HEIGHT + FRAME_HEIGHT + 4)

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
        self._heads.setFixedHeight(46)
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
        layout.setSpacing(6)
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
