"""Two pictures on one canvas: under a wipe, in turn, or as the difference between them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap

from ui.canvas import Canvas, paint_tag
from ui.pictures import to_image
from ui.theme import Theme
from workbench.desk.experiment import Cell
from workbench.desk.viewport import Viewport

GRIP = 12


class AbCanvas(Canvas):
    """``split`` is where the wipe stands, 0..1; ``flipped`` whether blink shows B."""

    split_moved = Signal(float)

    def __init__(self, theme: Theme, viewport: Viewport):
        super().__init__(theme, viewport)
        self.setObjectName("abCanvas")
        self.setAccessibleName("Two pictures compared")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.mode = "wipe"
        self.split = 0.5
        self.flipped = False
        self._pair: tuple[Cell, Cell] | None = None
        self._images = (QPixmap(), QPixmap())
        self._heat = QPixmap()
        self._wiping = False

    def show_pair(self, pair: tuple[Cell, Cell] | None) -> None:
        """Show the pictures of two cells."""
        before = self._pair
        self._pair = pair
        if pair is None:
            self._images, self._heat = (QPixmap(), QPixmap()), QPixmap()
            self.update()
            return
        if before is None or any(
            one.picture is not other.picture for one, other in zip(before, pair, strict=True)
        ):
            first, second = (cell.picture for cell in pair)
            self._images = tuple(
                QPixmap.fromImage(to_image(picture)) if picture else QPixmap() for picture in (first, second)
            )  # type: ignore[assignment]
            picture = first or second
            if picture is not None:
                self._shape = (picture.width, picture.height)
            self._heat = QPixmap()
        self.update()

    def set_mode(self, mode: str) -> None:
        """``wipe``, ``blink`` or ``difference``."""
        self.mode = mode
        self.update()

    def flip(self) -> None:
        """The other picture of the two."""
        self.flipped = not self.flipped
        self.update()

    def show_heat(self, heat: QImage) -> None:
        """Where the two differ, in colours; a null image while that is not known."""
        self._heat = QPixmap.fromImage(heat)
        self.update()

    def paint_picture(self, painter: QPainter, frame: QRectF) -> None:
        first, second = self._images
        if self.mode == "difference":
            self.paint_pixmap(painter, self._heat, frame)
        elif self.mode == "blink":
            self.paint_pixmap(painter, second if self.flipped else first, frame)
            self._tag(painter, frame, "B" if self.flipped else "A", left=True)
        else:
            self._paint_wipe(painter, frame)

    def _paint_wipe(self, painter: QPainter, frame: QRectF) -> None:
        first, second = self._images
        at = frame.x() + self.split * frame.width()
        painter.save()
        painter.setClipRect(QRectF(frame.x(), frame.y(), at - frame.x(), frame.height()))
        self.paint_pixmap(painter, first, frame)
        painter.setClipRect(QRectF(at, frame.y(), frame.right() - at, frame.height()))
        self.paint_pixmap(painter, second, frame)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 4))
        painter.drawLine(QPointF(at, frame.y()), QPointF(at, frame.bottom()))
        painter.setPen(QPen(QColor("#FFFFFF"), 2))
        painter.drawLine(QPointF(at, frame.y()), QPointF(at, frame.bottom()))
        middle = QPointF(at, frame.center().y())
        painter.setBrush(QColor("#FFFFFF"))
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
        painter.drawEllipse(middle, 13, 13)
        painter.setPen(QPen(QColor("#1A1C23"), 2))
        for side in (-1, 1):
            tip, back = middle + QPointF(side * 8, 0), middle + QPointF(side * 4, 0)
            painter.drawLine(tip, back + QPointF(0, -4))
            painter.drawLine(tip, back + QPointF(0, 4))
        self._tag(painter, frame, "A", left=True)
        self._tag(painter, frame, "B", left=False)

    def _tag(self, painter: QPainter, frame: QRectF, text: str, left: bool) -> None:
        colours = self._theme.colours
        y = frame.bottom() - 28
        at = QPointF(frame.x() + 8, y) if left else QPointF(frame.right() - 8, y)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_tag(painter, at, text, colours.raised, colours.text, not left)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        frame = self.frame()
        at = frame.x() + self.split * frame.width()
        near = abs(event.position().x() - at) <= GRIP
        if self.mode == "wipe" and (near or self.viewport_model.fitted):
            self._wiping = True
            self._wipe_to(event.position().x())
            event.accept()
            return
        super().mousePressEvent(event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._wiping:
            self._wipe_to(event.position().x())
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._wiping = False
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.mode != "wipe":
            self.viewport_model.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -0.02, Qt.Key.Key_Right: 0.02}.get(Qt.Key(event.key()))
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if step is not None and plain and self.mode == "wipe":
            self.move_split(self.split + step)
        else:
            super().keyPressEvent(event)  # A/B takes the other keys, whichever of its ways is shown

    def hasZoom(self) -> bool:
        return True

    def move_split(self, split: float) -> None:
        """Put the wipe at a share of the width."""
        self.split = min(max(split, 0.0), 1.0)
        self.split_moved.emit(self.split)
        self.update()

    def _wipe_to(self, x: float) -> None:
        frame = self.frame()
        self.move_split((x - frame.x()) / max(1.0, frame.width()))
