"""One optimization on a card: a switch, and a slider where it is a ratio."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from backends.registry import Optimization
from backends.variants import Value
from ui.switch import Switch
from ui.theme import Theme

RATIO_STEP = 0.05


class OptionRow(QWidget):
    """``moved`` is emitted when a person changed it. What a precision lacks is off, disabled, and says why."""

    moved = Signal(str, object)

    def __init__(self, optimization: Optimization, theme: Theme):
        super().__init__()
        self._optimization = optimization
        self.setObjectName(f"option_{optimization.name}")
        self.switch = Switch(optimization.title, theme)
        self.switch.setObjectName(f"{optimization.name}Switch")
        self.slider: Any = None
        self.reason = QLabel()
        self.reason.setProperty("role", "faint")
        source = QToolButton()
        source.setObjectName(f"{optimization.name}Source")
        source.setProperty("role", "quiet")
        source.setAccessibleName(f"Where {optimization.title} comes from")
        source.setToolTip(f"Open its source: {optimization.source}")
        source.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(optimization.source)))
        theme.icon_on(source, "arrow-square-out", "faint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.switch)
        line.addStretch(1)
        line.addWidget(self.reason)
        line.addWidget(source)
        layout.addLayout(line)
        if optimization.ratio:
            layout.addWidget(self._make_slider(optimization.ratio))
        self.switch.toggled.connect(lambda _: self._tell())

    def value(self) -> Value:
        """What the controls say."""
        if self.slider is None or self._optimization.ratio is None:
            return self.switch.isChecked()
        return round(self.slider.value(), 2) if self.switch.isChecked() else 0.0

    def show_value(self, value: Value, reason: str) -> None:
        """Show a value, or why there is none here."""
        with QSignalBlocker(self.switch):
            self.switch.setChecked(bool(value))
        self.switch.setEnabled(not reason)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        tip = _tip(self._optimization, reason)
        if self.toolTip() != tip:
            self.setToolTip(tip)
            self.switch.setAccessibleDescription(
                f"{self._optimization.gain} {self._optimization.cost} {reason}".strip()
            )
        if self.slider is not None:
            self.slider.setVisible(bool(value))
            if value:
                with QSignalBlocker(self.slider):
                    self.slider.setValue(float(value))

    def _tell(self) -> None:
        self.moved.emit(self._optimization.name, self.value())

    def _make_slider(self, ratio: tuple[float, float, float]) -> Any:
        slider: Any = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"{self._optimization.name}Slider")
        slider.setAccessibleName(f"{self._optimization.title}, ratio")
        slider.setRange(max(ratio[0], RATIO_STEP), ratio[1])  # none at all is what the switch is for
        slider.setSingleStep(RATIO_STEP)
        slider.setDecimals(2)
        slider.setValue(ratio[2])
        slider.valueChanged.connect(lambda _: self._tell())
        slider.hide()
        self.slider = slider
        return slider


def _tip(optimization: Optimization, reason: str) -> str:
    unavailable = f"<p><b>Not here: {escape(reason)}.</b></p>" if reason else ""
    return (
        f"{unavailable}<p><b>{escape(optimization.title)}</b> ({optimization.name})</p>"
        f"<p>{escape(optimization.gain)}</p><p><b>Cost:</b> {escape(optimization.cost)}</p>"
        f"<p>{escape(optimization.source)}</p>"
    )
