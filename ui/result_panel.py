"""The figures of the picture that is shown, each with its unit, and what they were measured on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from backends.contract import Span
from backends.variants import format_variant
from ui.fields import mark, rule, text_label
from ui.titles import SCHEDULER_TITLES
from workbench.generation import Generation, Outcome, Run
from workbench.timeline import blocks, format_bytes, format_ms
from workbench.versions import versions_of

GOOD_FIDELITY, FAIR_FIDELITY = 0.9, 0.6
ROWS = {
    "load": (
        "Load",
        "Reading and preparing the model; apart from the picture's time, and only the first time",
    ),
    "warmup": ("Warm-up", "A first iteration that is not counted: it fills caches and allocates memory"),
    "iteration": ("Per iteration", "Median of the UNet's iterations"),
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
FIDELITY_MEANING = "Prompt fidelity: of the attributes that the prompt names, the share found in the picture"
NONE = "–"
LONG = ("model", "variant", "device", "versions")


class ResultPanel(QWidget):
    """Mirrors ``generation.shown``; empty while there is none."""

    def __init__(self, generation: Generation):
        super().__init__()
        self.setObjectName("resultPanel")
        self._generation = generation
        self._values: dict[str, QLabel] = {}
        self._build()
        generation.shown_changed.connect(self.show_outcome)
        generation.spans_changed.connect(self._show_live)
        self.show_outcome(generation.shown)

    def show_outcome(self, outcome: Outcome | None) -> None:
        """Show the figures of one picture, or those that the run in progress has already."""
        if outcome is None:
            self._show_live()
            return
        self.title.setText("Result")
        self.total.setText(format_ms(outcome.result.total_ms))
        self._show_figures(figures_of(outcome))
        quality = outcome.result.quality
        self._show_fidelity(quality.prompt_fidelity if quality else None)

    def _show_live(self, _: object = None) -> None:
        if self._generation.shown is not None:
            return
        parts = blocks(self._generation.spans)
        self.title.setText("So far")
        self.total.setText(format_ms(parts[-1].end_ms) if parts else "…")
        self._show_figures(figures_so_far(self._generation))
        self._show_fidelity(None)

    def _show_figures(self, figures: dict[str, str]) -> None:
        for name, text in figures.items():
            self._values[name].setText(text)

    def _build(self) -> None:
        self.total = text_label("", "figure")
        self.total.setObjectName("totalLabel")
        self.badge = QLabel()
        self.badge.setObjectName("fidelityBadge")
        self.badge.setToolTip(FIDELITY_MEANING)
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
        self.title = text_label("Result", "section")
        layout.addWidget(self.title)
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
            value = text_label("", "value", wrap=name in LONG)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            value.setObjectName(f"{name}Value")
            value.setAccessibleName(title)
            self._values[name] = value
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1)
        return grid

    def _show_fidelity(self, fidelity: float | None) -> None:
        self.badge.setVisible(fidelity is not None)
        if fidelity is None:
            return
        self.badge.setText(f"fidelity {fidelity:.0%}")
        mark(
            self.badge,
            "level",
            "good" if fidelity >= GOOD_FIDELITY else "fair" if fidelity >= FAIR_FIDELITY else "poor",
        )


def figures_of(outcome: Outcome) -> dict[str, str]:
    """Every figure of a finished picture as text; an en dash where there is none."""
    result = outcome.result
    warmup = sum(span.milliseconds for span in result.warmup if span.kind == "stage")
    return _settings(Run(result.request, result.variant, outcome.model)) | {
        "load": format_ms(result.load_seconds * 1000)
        if result.load_seconds is not None
        else "already loaded",
        "warmup": format_ms(warmup) if warmup else NONE,
        "iteration": _iteration(result.spans),
        "peak": format_bytes(result.memory.peak_rss_bytes),
        "weights": format_bytes(result.memory.weights_bytes),
        "tensors": format_bytes(result.memory.tensors_bytes),
        "device": result.device_name or NONE,
    }


def figures_so_far(generation: Generation) -> dict[str, str]:
    """The figures that a run in progress has already."""
    nothing = dict.fromkeys(ROWS, NONE)
    if generation.run is None:
        return nothing
    measured = {"iteration": _iteration(generation.spans), "peak": format_bytes(generation.peak_rss_bytes)}
    return nothing | _settings(generation.run) | measured


def _settings(run: Run) -> dict[str, str]:
    request = run.request
    return {
        "size": f"{request.width} × {request.height}",
        "steps": str(request.steps),
        "guidance": f"{request.guidance_scale:g}",
        "seed": str(request.seed),
        "scheduler": SCHEDULER_TITLES.get(request.scheduler, request.scheduler),
        "model": run.model.title,
        "variant": _breakable(format_variant(run.variant)),
        "versions": "\n".join(versions_of(run.variant.backend)),
    }


def _iteration(spans: Sequence[Span]) -> str:
    times = [span.milliseconds for span in spans if span.kind == "stage" and span.stage == "unet"]
    return format_ms(median(times)) if times else NONE


def _breakable(line: str) -> str:
    """A variant's line that may wrap before each option."""
    return line.replace("+", "\u200b+").replace("-", "\u200b-")
