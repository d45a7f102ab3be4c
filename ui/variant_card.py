"""How it is run: backend, precision and a switch per optimization, as a card that mirrors one variant."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget
from superqt import QElidingLabel, QLabeledDoubleSlider

from backends.contract import Variant
from backends.registry import BACKENDS, Backend, Optimization
from backends.variants import format_variant
from ui.fields import Choice, Field, FieldRow, mark, sentence, text_label
from ui.switch import Switch
from ui.theme import Theme
from workbench.generation import Generation

Value = bool | float


class VariantCard(QFrame):
    """Shows ``generation.draft.variant``; a switch that the precision lacks is off, disabled, and says why."""

    def __init__(self, generation: Generation, theme: Theme):
        super().__init__()
        self.setObjectName("variantCard")
        self._generation = generation
        self._theme = theme
        self._options: dict[str, OptionRow] = {}
        self._backend_name = ""
        self._showing = False
        self._build()
        generation.draft_changed.connect(lambda draft: self.show_variant(draft.variant))
        generation.problems_changed.connect(self.show_problems)
        self.show_variant(generation.draft.variant)

    def show_variant(self, variant: Variant) -> None:
        """Bring every control in line with the variant."""
        self._showing = True
        backend = BACKENDS[variant.backend]
        if self._backend_name != variant.backend:
            self._show_backend(backend)
        self.backend.setCurrentIndex(self.backend.findData(variant.backend))
        self.precision.setCurrentIndex(self.precision.findData(variant.precision))
        for name, value in variant.optimizations:
            self._options[name].show_value(value, variant.precision)
        self.line.setText(format_variant(variant))
        self._showing = False

    def show_problems(self, problems: dict[str, str]) -> None:
        """Show what is wrong with the variant on the card."""
        text = sentence(problems.get("variant", ""))
        self.error.setText(text)
        self.error.setVisible(bool(text))
        mark(self, "invalid", bool(text))

    def _build(self) -> None:
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 10, 12, 10)
        self._layout.setSpacing(8)
        self.line = QElidingLabel()
        self.line.setProperty("role", "muted")
        self.line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.line.setAccessibleName("Variant in one line")
        self.line.setObjectName("variantLine")
        copy = QToolButton()
        copy.setObjectName("copyVariantButton")
        copy.setToolTip("Copy the variant as one line, for the command line")
        copy.setAccessibleName("Copy the variant as one line")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.line.text()))
        self._theme.icon_on(copy, "copy")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(text_label("Variant", "section"))
        head.addWidget(self.line, 1)
        head.addWidget(copy)
        self._layout.addLayout(head)
        self.backend = Choice()
        self.backend.setObjectName("backendCombo")
        for backend in BACKENDS.values():
            self.backend.addItem(backend.title, backend.name)
        self.precision = Choice()
        self.precision.setObjectName("precisionCombo")
        row = FieldRow(
            [Field("backend", "&Backend", self.backend), Field("precision", "Prec&ision", self.precision)]
        )
        self._layout.addWidget(row)
        self._switches = QVBoxLayout()
        self._switches.setSpacing(2)
        self._layout.addLayout(self._switches)
        self.error = text_label("", "error", wrap=True)
        self.error.setObjectName("variantError")
        self.error.hide()
        self._layout.addWidget(self.error)
        self.backend.activated.connect(lambda _: self._choose_backend())
        self.precision.activated.connect(lambda _: self._choose())

    def _show_backend(self, backend: Backend) -> None:
        self._backend_name = backend.name
        with QSignalBlocker(self.precision):
            self.precision.clear()
            for precision in backend.precisions:
                self.precision.addItem(
                    precision.upper() if precision.startswith("int") else precision, precision
                )
        for row in self._options.values():
            self._switches.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._options = {item.name: OptionRow(item, self._theme) for item in backend.optimizations}
        for row in self._options.values():
            row.changed = self._choose
            self._switches.addWidget(row)

    def _choose_backend(self) -> None:
        self._generation.set_variant(
            self.backend.currentData(), None, BACKENDS[self.backend.currentData()].precisions[0], {}
        )

    def _choose(self) -> None:
        if self._showing:
            return
        variant = self._generation.draft.variant
        precision = self.precision.currentData()
        values = {name: row.value() for name, row in self._options.items() if row.allowed(precision)}
        self._generation.set_variant(variant.backend, variant.device, precision, values)


class OptionRow(QWidget):
    """One optimization: a switch, and a slider where it is a ratio. ``changed`` is called when a person moved it."""

    def __init__(self, optimization: Optimization, theme: Theme):
        super().__init__()
        self._optimization = optimization
        self.changed = lambda: None
        self.setObjectName(f"option_{optimization.name}")
        self.switch = Switch(optimization.title, theme)
        self.switch.setObjectName(f"{optimization.name}Switch")
        self.slider: QLabeledDoubleSlider | None = None
        self.reason = QLabel()
        self.reason.setProperty("role", "faint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        line = QHBoxLayout()
        line.addWidget(self.switch)
        line.addStretch(1)
        line.addWidget(self.reason)
        layout.addLayout(line)
        if optimization.ratio:
            layout.addWidget(self._make_slider(optimization.ratio))
        self.switch.toggled.connect(lambda _: self.changed())

    def allowed(self, precision: str) -> bool:
        """Whether this optimization exists at a precision."""
        return self._optimization.precisions is None or precision in self._optimization.precisions

    def value(self) -> Value:
        """What the controls say."""
        if self.slider is None or self._optimization.ratio is None:
            return self.switch.isChecked()
        return (
            (round(self.slider.value(), 2) or self._optimization.ratio[2]) if self.switch.isChecked() else 0.0
        )

    def show_value(self, value: Value, precision: str) -> None:
        """Show a value, or why there is none at this precision."""
        allowed = self.allowed(precision)
        only = "" if allowed else f"{' and '.join(self._optimization.precisions or ())} only"
        with QSignalBlocker(self.switch):
            self.switch.setChecked(bool(value))
        self.switch.setEnabled(allowed)
        self.reason.setText(only)
        self.reason.setVisible(not allowed)
        self.setToolTip(_tip(self._optimization, only))
        self.switch.setAccessibleDescription(
            f"{self._optimization.gain} {self._optimization.cost} {only}".strip()
        )
        if self.slider is not None:
            self.slider.setVisible(bool(value))
            if value:
                with QSignalBlocker(self.slider):
                    self.slider.setValue(float(value))

    def _make_slider(self, ratio: tuple[float, float, float]) -> QLabeledDoubleSlider:
        slider: Any = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(f"{self._optimization.name}Slider")
        slider.setAccessibleName(f"{self._optimization.title}, ratio")
        slider.setRange(ratio[0], ratio[1])
        slider.setSingleStep(0.05)
        slider.setDecimals(2)
        slider.setValue(ratio[2])
        slider.valueChanged.connect(lambda _: self.changed())
        slider.hide()
        self.slider = slider
        return slider


def _tip(optimization: Optimization, reason: str) -> str:
    unavailable = f"<p><b>Not here: {reason}.</b></p>" if reason else ""
    return (
        f"{unavailable}<p><b>{optimization.title}</b> ({optimization.name})</p>"
        f"<p>{optimization.gain}</p><p>{optimization.cost}</p><p>{optimization.source}</p>"
    )
