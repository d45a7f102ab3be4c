"""The picture: live while it is made, then as it is; it fades from one to the next."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSizeF, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPixmap, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsPixmapItem, QGraphicsRectItem, QGraphicsScene, QGraphicsView

from backends.contract import Picture
from ui.pictures import smooth, to_image
from ui.theme import Colours, Theme
from workbench.generation import Generation, Outcome

FADE_MILLISECONDS = 220
LARGEST_ZOOM = 16.0
UNIT = 1024.0
SMOOTH_FROM = 250


class ImageView(QGraphicsView):
    """Mirrors what ``generation`` shows: an outcome's picture, or the preview of the run.

    Every picture is laid over the same frame whatever its pixel count, so that a small preview grows into the final one.
    The wheel and + - zoom, dragging pans, 0 and a double click fit again.
    """

    def __init__(self, generation: Generation, theme: Theme):
        super().__init__()
        self.setObjectName("imageView")
        self.setAccessibleName("Picture")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self._generation = generation
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._frame = QGraphicsRectItem()
        self._below, self._above = QGraphicsPixmapItem(), QGraphicsPixmapItem()
        for item in (self._frame, self._below, self._above):
            self._scene.addItem(item)
        for item in (self._below, self._above):
            item.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        self._zoom = 1.0
        self._fade = QVariantAnimation(self)
        self._fade.setDuration(FADE_MILLISECONDS)
        self._fade.setStartValue(0.0)
        self._fade.setEndValue(1.0)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(lambda value: self._above.setOpacity(value))
        self._show_colours(theme.colours)
        theme.changed.connect(self._show_colours)
        generation.preview_changed.connect(self._show_preview)
        generation.shown_changed.connect(self._show_outcome)
        self._lay_out(1, 1)

    @property
    def picture_shown(self) -> QPixmap:
        """The pixmap on top, as it is, not as it is scaled."""
        return self._above.pixmap()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom_by(1.15 ** (event.angleDelta().y() / 120))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom_by(1.25)
        elif event.key() == Qt.Key.Key_Minus:
            self._zoom_by(0.8)
        elif event.key() == Qt.Key.Key_0:
            self._fit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: object) -> None:
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _show_preview(self, preview: Picture | None) -> None:
        if self._generation.shown is not None:
            return
        if preview is None:
            self._clear()
        else:
            self._put(preview, self._generation.requested_size)

    def _show_outcome(self, outcome: Outcome | None) -> None:
        if outcome is None:
            self._show_preview(self._generation.preview)
            return
        picture = outcome.picture
        self._put(picture, (picture.width, picture.height))
        self.setAccessibleDescription(outcome.result.request.prompt)

    def _put(self, picture: Picture, shape: tuple[int, int]) -> None:
        before, frame = self._above.pixmap(), self._frame.rect()
        self._above.setPixmap(QPixmap.fromImage(smooth(to_image(picture), SMOOTH_FROM)))
        self._lay_out(*shape)
        if before.isNull() or frame != self._frame.rect():
            self._below.setPixmap(QPixmap())
        else:
            self._below.setPixmap(before)
            self._stretch(self._below)
        self._fade.stop()
        self._fade.start()

    def _clear(self) -> None:
        self._fade.stop()
        for item in (self._above, self._below):
            item.setPixmap(QPixmap())
        self._lay_out(*self._generation.requested_size)

    def _lay_out(self, width: int, height: int) -> None:
        size = QSizeF(width, height) * (UNIT / max(width, height))
        rect = QRectF(0, 0, size.width(), size.height())
        if rect != self._frame.rect():
            self._frame.setRect(rect)
            self._scene.setSceneRect(rect)
            self._fit()
        self._stretch(self._above)

    def _stretch(self, item: QGraphicsPixmapItem) -> None:
        pixmap, rect = item.pixmap(), self._frame.rect()
        if not pixmap.isNull():
            item.setTransform(
                QTransform.fromScale(rect.width() / pixmap.width(), rect.height() / pixmap.height())
            )

    def _fit(self) -> None:
        self._zoom = 1.0
        self.fitInView(self._frame.rect(), Qt.AspectRatioMode.KeepAspectRatio)

    def _zoom_by(self, factor: float) -> None:
        wanted = min(max(self._zoom * factor, 1.0), LARGEST_ZOOM)
        if wanted == 1.0:
            self._fit()
        else:
            self.scale(wanted / self._zoom, wanted / self._zoom)
            self._zoom = wanted

    def _show_colours(self, colours: Colours) -> None:
        pen = QPen(QColor(colours.border), 1)
        pen.setCosmetic(True)
        self._frame.setPen(pen)
        self._frame.setBrush(QColor(colours.surface))
