"""A picture in a frame; all canvases on one viewport zoom and move together."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from backends.contract import Picture
from ui.pictures import smooth, to_image
from ui.theme import Theme
from workbench.desk.experiment import SYNTHETIC_MARK
from workbench.desk.viewport import Viewport

SMOOTH_FROM = 250
PIXELS_SHOW_FROM = 3.0
CLICK_SLACK = 4
PAN_SHARE = 0.1
DIMMED = 0.18
WORDS_MARGIN = 10
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
"""Columns and rows that an arrow key goes."""


class Canvas(QWidget):
    """Shows one picture, as large as fits, in the part that ``viewport`` shows. The wheel zooms, dragging moves."""

    hovered = Signal(object)
    """The place under the cursor in shares of the picture, or None."""
    clicked = Signal(object)

    def __init__(self, theme: Theme, viewport: Viewport):
        super().__init__()
        self._theme = theme
        self.viewport_model = viewport
        self._picture: Picture | None = None
        self._pixmap = QPixmap()
        self._shape = (1, 1)
        self.mark = ""
        self.tag = ""
        self.note = ""
        self.dimmed = False
        """Whether the picture is only a reminder: of what was here before, under words that say what is going on."""
        self.progress: float | None = None
        self.cross: tuple[float, float] | None = None
        """Where a pixel is read by keyboard, in shares of the picture."""
        self._pressed_at: QPointF | None = None
        self._dragged = False
        self.setMouseTracking(True)
        self.setMinimumSize(48, 48)
        viewport.changed.connect(self.redraw)
        theme.changed.connect(self.redraw)

    @property
    def picture(self) -> Picture | None:
        """What is shown."""
        return self._picture

    @property
    def pixmap(self) -> QPixmap:
        """What is drawn, before it is scaled."""
        return self._pixmap

    def redraw(self, *_: object) -> None:
        """Draw again: the viewport or the colours have changed."""
        self.update()

    def release(self) -> None:
        """Follow the viewport no longer; to be called before the widget is deleted."""
        self.viewport_model.changed.disconnect(self.redraw)

    def show_picture(self, picture: Picture | None, shape: tuple[int, int] | None = None) -> None:
        """Show a picture, or an empty frame; a preview is laid over the frame of its final ``shape``."""
        if shape is not None:
            self._shape = shape
        elif picture is not None:
            self._shape = (picture.width, picture.height)
        if picture is not self._picture:
            self._picture = picture
            self._pixmap = (
                QPixmap() if picture is None else QPixmap.fromImage(smooth(to_image(picture), SMOOTH_FROM))
            )
        self.update()

    def show_pixmap(self, pixmap: QPixmap, shape: tuple[int, int]) -> None:
        """Show what is no picture of the model: a heat map."""
        self._picture, self._pixmap, self._shape = None, pixmap, shape
        self.update()

    def set_synthetic(self, synthetic: bool) -> None:
        """Mark the picture as made of synthetic weights."""
        self.mark = SYNTHETIC_MARK if synthetic else ""
        self.update()

    def frame(self) -> QRectF:
        """Where the picture stands in the widget."""
        width, height = self._shape
        scale = min(self.width() / max(1, width), self.height() / max(1, height))
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def place_of(self, position: QPointF) -> tuple[float, float] | None:
        """A position in the widget as a place in shares of the picture; None outside."""
        frame = self.frame()
        if not frame.contains(position) or frame.isEmpty():
            return None
        left, top, width, height = self.viewport_model.visible()
        return (
            left + width * (position.x() - frame.x()) / frame.width(),
            top + height * (position.y() - frame.y()) / frame.height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        frame = self.frame()
        painter.fillRect(frame, QColor(self._theme.colours.track))
        painter.setOpacity(DIMMED if self.dimmed else 1.0)
        self.paint_picture(painter, frame)
        painter.setOpacity(1.0)
        if self.cross is not None:
            self._paint_cross(painter, frame, *self.cross)
        self._paint_marks(painter, frame)
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._theme.colours.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(frame.adjusted(1, 1, -1, -1))
        painter.end()

    def paint_picture(self, painter: QPainter, frame: QRectF) -> None:
        """Draw the visible part of the picture over the frame."""
        self.paint_pixmap(painter, self._pixmap, frame)

    def paint_pixmap(self, painter: QPainter, pixmap: QPixmap, frame: QRectF) -> None:
        """Draw the visible part of a pixmap; enlarged far enough, its pixels are squares."""
        if pixmap.isNull():
            return
        left, top, width, height = self.viewport_model.visible()
        source = QRectF(
            left * pixmap.width(), top * pixmap.height(), width * pixmap.width(), height * pixmap.height()
        )
        enlarged = frame.width() / max(1.0, width * self._shape[0])
        painter.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform,
            enlarged < PIXELS_SHOW_FROM or self.viewport_model.fitted,
        )
        painter.drawPixmap(frame, pixmap, source)

    def _paint_cross(self, painter: QPainter, frame: QRectF, x: float, y: float) -> None:
        """Hair lines over the whole frame that leave the pixel itself free, light on dark so that they show on anything."""
        left, top, width, height = self.viewport_model.visible()
        at = QPointF(
            frame.x() + (x - left) / width * frame.width(), frame.y() + (y - top) / height * frame.height()
        )
        free = max(4.0, 0.5 * frame.width() / max(1.0, width * self._shape[0]) + 2)
        for colour, thickness in ((QColor(0, 0, 0, 170), 3), (QColor("#FFFFFF"), 1)):
            painter.setPen(QPen(colour, thickness))
            for start, end in (
                (QPointF(frame.x(), at.y()), QPointF(at.x() - free, at.y())),
                (QPointF(at.x() + free, at.y()), QPointF(frame.right(), at.y())),
                (QPointF(at.x(), frame.y()), QPointF(at.x(), at.y() - free)),
                (QPointF(at.x(), at.y() + free), QPointF(at.x(), frame.bottom())),
            ):
                painter.drawLine(start, end)

    def _paint_marks(self, painter: QPainter, frame: QRectF) -> None:
        colours = self._theme.colours
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(11)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        at = frame.topLeft() + QPointF(6, 6)
        if self.mark:
            paint_tag(painter, at, self.mark, colours.warning_soft, colours.warning)
            at += QPointF(0, 24)
        if self.note:
            paint_tag(painter, at, self.note, colours.raised, colours.muted)
        if self.tag:
            paint_tag(
                painter,
                QPointF(frame.right() - 6, frame.top() + 6),
                self.tag,
                colours.raised,
                colours.text,
                True,
            )
        if self.progress is not None:
            rail = QRectF(frame.x(), frame.bottom() - 4, frame.width(), 4)
            painter.fillRect(rail, QColor(0, 0, 0, 90))
            rail.setWidth(rail.width() * min(max(self.progress, 0.0), 1.0))
            painter.fillRect(rail, QColor(colours.accent))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        words, side = self.layout(), round(self.frame().x()) + WORDS_MARGIN
        if words is not None:  # what is written over the picture stays within its frame
            words.setContentsMargins(side, WORDS_MARGIN, side, WORDS_MARGIN)

    def wheelEvent(self, event: QWheelEvent) -> None:
        place = self._share_of_view(event.position())
        if place is None or (
            not event.modifiers() & Qt.KeyboardModifier.ControlModifier and not self.hasZoom()
        ):
            event.ignore()  # an unzoomed grid scrolls; Ctrl and the wheel begin to zoom
            return
        self.viewport_model.zoom_at(1.2 ** (event.angleDelta().y() / 120), *place)
        event.accept()

    def hasZoom(self) -> bool:
        """Whether the wheel zooms here without Ctrl: once zoomed in, it does."""
        return not self.viewport_model.fitted

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at, self._dragged = event.position(), False
        event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hovered.emit(self.place_of(event.position()))
        if self._pressed_at is not None and not self.viewport_model.fitted:
            moved = event.position() - self._pressed_at
            if self._dragged or moved.manhattanLength() > CLICK_SLACK:
                frame = self.frame()
                self._dragged = True
                self._pressed_at = event.position()
                self.viewport_model.pan(moved.x() / frame.width(), moved.y() / frame.height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed_at = self._pressed_at, None
        if pressed is not None and not self._dragged:
            self.clicked.emit(event.modifiers())
        event.ignore()

    def leaveEvent(self, event: object) -> None:
        self.hovered.emit(None)

    def _share_of_view(self, position: QPointF) -> tuple[float, float] | None:
        frame = self.frame()
        if frame.isEmpty() or not frame.contains(position):
            return None
        return (position.x() - frame.x()) / frame.width(), (position.y() - frame.y()) / frame.height()


def zoom_by_key(viewport: Viewport, event: QKeyEvent) -> bool:
    """``+``, ``-`` and ``0`` zoom in, out and fit, Shift and an arrow moves; whether it was one of them."""
    way = ARROWS.get(Qt.Key(event.key()))
    if way is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        viewport.pan(-PAN_SHARE * way[0], -PAN_SHARE * way[1])
    elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        viewport.zoom_at(1.25)
    elif event.key() == Qt.Key.Key_Minus:
        viewport.zoom_at(0.8)
    elif event.key() == Qt.Key.Key_0:
        viewport.fit()
    else:
        return False
    return True


def paint_tag(
    painter: QPainter, at: QPointF, text: str, ground: str, ink: str, from_right: bool = False
) -> None:
    """A few words on a rounded ground, at its top left (or right) corner."""
    width = painter.fontMetrics().horizontalAdvance(text) + 14
    box = QRectF(at.x() - width if from_right else at.x(), at.y(), width, 20)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(box, 5, 5)
    painter.setPen(QPen(QColor(ink)))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
