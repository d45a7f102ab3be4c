"""The mark of a variant everywhere: its number on its colour."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QLabel

from ui.theme import VARIANT_COLOURS, ink_on

SIDE = 20


def badge_pixmap(number: int, colour: int, side: int = SIDE, ratio: float = 1.0) -> QPixmap:
    """A rounded square with the number."""
    ground = VARIANT_COLOURS[colour]
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(QRectF(0, 0, side, side), side * 0.28, side * 0.28)
    font = QFont(QApplication.font())
    font.setPixelSize(round(side * 0.6))
    font.setWeight(QFont.Weight.Bold)
    painter.setFont(font)
    painter.setPen(QColor(ink_on(ground)))
    painter.drawText(QRectF(0, 0, side, side), Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return pixmap


def badge_icon(number: int, colour: int) -> QIcon:
    """The badge as an icon that no state tints."""
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Disabled):
        icon.addPixmap(badge_pixmap(number, colour, SIDE, 2.0), mode)
    return icon


class Badge(QLabel):
    """The badge as a label."""

    def __init__(self, side: int = SIDE):
        super().__init__()
        self._side = side
        self.setFixedSize(side, side)

    def show_badge(self, number: int, colour: int) -> None:
        """Show a number on a colour."""
        self.setPixmap(badge_pixmap(number, colour, self._side, max(2.0, self.devicePixelRatioF())))
