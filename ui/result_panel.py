"""The figures of the picture that is shown, each with its unit, and what they were measured on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from superqt import QElidingLabel

from backends.variants import format_variant
from ui.fields import mark, rule, text_label
from workbench.generation import Generation, Outcome
from workbench.timeline import blocks, format_bytes, format_ms, stage_totals
from workbench.versions import versions_of

GOOD_FIDELITY, FAIR_FIDELITY = 0.9, 0.6
ROWS = {
    "load": (
        "Load",
        "Reading and preparing the model; apart from the picture's time, and only the first time",
    ),
    "warmup": ("Warm-up", "A first iteration that is not counted: it fills caches and allocates memory"),
    "iteration": ("Iteration", "Median of the UNet's iterations"),
    "peak": ("Peak memory", "Resident set of the worker process at its highest"),
    "weights": ("Weights", "What the model's weights take"),
    "tensors": ("Tensors", "Peak of the intermediate buffers, where the backend can tell"),
    "steps": ("Steps", "Denoising iterations"),
    "guidance": ("Guidance", "Guidance scale: how much the prompt pulls"),
    "size": ("Size", "Width and height in pixels"),
    "seed": ("Seed", "The number that the noise was drawn from"),
    "scheduler": ("Scheduler", "What turns predicted noise into the next step"),
    "model": ("Model", "Where the weights came from"),
    "variant": ("Variant", "Backend, precision and optimizations in one line"),
    "device": ("Device", "What it ran on"),
    "versions": ("Versions", "The libraries that ran it"),
}
GROUPS = (
    ("load", "warmup", "iteration"),
    ("peak", "weights", "tensors"),
    ("size", "steps", "guidance", "seed", "scheduler"),
    ("model", "variant", "device", "versions"),
)
LONG = ("model", "variant", "device", "versions")


class ResultPanel(QWidget):
    """Mirrors ``generation.shown``; empty while there is none."""

    def __init__(self, generation: Generation):
        super().__init__()
        self.setObjectName("resultPanel")
        self._values: dict[str, QLabel] = {}
        self._build()
        generation.shown_changed.connect(self.show_outcome)
        self.show_outcome(generation.shown)

    def show_outcome(self, outcome: Outcome | None) -> None:
        """Show the figures of one picture, or say where they will be."""
        self._figures.setVisible(outcome is not None)
        self.empty.setVisible(outcome is None)
        if outcome is None:
            return
        self.total.setText(format_ms(outcome.result.total_ms))
        for name, text in figures(outcome).items():
            self._values[name].setText(text)
            self._values[name].setToolTip(text if name in LONG else "")
        self._show_fidelity(outcome)

    def _build(self) -> None:
        self.empty = text_label(
            "Time, memory and prompt fidelity of a picture appear here, with what they were measured on.",
            "faint",
            wrap=True,
        )
        self.total = text_label("", "figure")
        self.total.setObjectName("totalLabel")
        self.badge = QLabel()
        self.badge.setObjectName("fidelityBadge")
        head = QHBoxLayout()
        head.addWidget(self.total)
        head.addStretch(1)
        head.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)
        self._figures = QWidget()
        inside = QVBoxLayout(self._figures)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.setSpacing(10)
        inside.addLayout(head)
        for group in GROUPS:
            inside.addWidget(rule())
            inside.addLayout(self._group(group))
        inside.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text_label("Result", "section"))
        layout.addWidget(self.empty)
        layout.addWidget(scroll, 1)

    def _group(self, names: tuple[str, ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(names):
            title, meaning = ROWS[name]
            label = text_label(title, "muted")
            label.setToolTip(meaning)
            value = QElidingLabel() if name in LONG else QLabel()
            value.setProperty("role", "value")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setObjectName(f"{name}Value")
            value.setAccessibleName(title)
            self._values[name] = value
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
        return grid

    def _show_fidelity(self, outcome: Outcome) -> None:
        quality = outcome.result.quality
        fidelity = quality.prompt_fidelity if quality else None
        self.badge.setVisible(fidelity is not None)
        if fidelity is None:
            return
        self.badge.setText(f"fidelity {fidelity:.0%}")
        self.badge.setToolTip(
            "Prompt fidelity: of the attributes that the prompt names, the share found in the picture"
        )
        mark(
            self.badge,
            "level",
            "good" if fidelity >= GOOD_FIDELITY else "fair" if fidelity >= FAIR_FIDELITY else "poor",
        )


def figures(outcome: Outcome) -> dict[str, str]:
    """Every figure of the panel as text; an en dash where there is none."""
    result, request = outcome.result, outcome.result.request
    totals = {
        total.stage: total for total in stage_totals(blocks(result.spans, result.start_ns), result.total_ms)
    }
    warmup = sum(span.milliseconds for span in result.warmup if span.kind == "stage")
    unet = totals.get("unet")
    return {
        "load": format_ms(result.load_seconds * 1000) if result.load_seconds is not None else "–",
        "warmup": format_ms(warmup) if warmup else "–",
        "iteration": format_ms(unet.median_ms) if unet else "–",
        "peak": format_bytes(result.memory.peak_rss_bytes),
        "weights": format_bytes(result.memory.weights_bytes),
        "tensors": format_bytes(result.memory.tensors_bytes),
        "size": f"{request.width} × {request.height}",
        "steps": str(request.steps),
        "guidance": f"{request.guidance_scale:g}",
        "seed": str(request.seed),
        "scheduler": request.scheduler,
        "model": outcome.model.title,
        "variant": format_variant(result.variant),
        "device": result.device_name or "–",
        "versions": versions_of(result.variant.backend),
    }
