"""Pictures of the contract as Qt images."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap

from backends.contract import Picture


def to_image(picture: Picture) -> QImage:
    """An image that owns its pixels."""
    rows = QImage(
        picture.pixels, picture.width, picture.height, picture.width * 3, QImage.Format.Format_RGB888
    )
    return rows.convertToFormat(QImage.Format.Format_RGB32)


def smooth(image: QImage, side: int) -> QImage:
    """A small preview grown to at least ``side`` pixels: doubled again and again, which leaves no squares behind."""
    while 0 < max(image.width(), image.height()) < side:
        image = image.scaled(
            image.size() * 2, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
    return image


def to_pixmap(picture: Picture, side: int | None = None) -> QPixmap:
    """A pixmap, scaled smoothly so that its longer side is ``side`` pixels where that is given."""
    image = to_image(picture)
    if side is not None:
        image = image.scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
    return QPixmap.fromImage(image)
