"""The figures of the cell that is looked at, each with its unit, and what they were measured on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from backends.contract import Request, Span, Variant
from backends.machine import compute_threads
from backends.variants import format_variant
from ui.badge import Badge
from ui.fields import mark, rule, text_label
from ui.later import Later
from ui.titles import SCHEDULER_TITLES
from workbench.desk.captions import cell_speedup, cell_status
from workbench.desk.desk import Desk
from workbench.desk.experiment import SYNTHETIC_NOTICE, Cell
from workbench.desk.naming import short_title
from workbench.results import Result
from workbench.timeline import format_bytes, format_ms
from workbench.versions import versions_of

GOOD_FIDELITY, FAIR_FIDELITY = 0.9, 0.6
ROWS = {
    "speedup": ("Speed-up", "The baseline's total over this one's, in the same row"),
    "load": (
        "Load",
        "Reading and preparing the model; apart from the picture's time, and only the first time",
    ),
    "warmup": ("Warm-up", "A first iteration that is not counted: it fills caches and allocates memory"),
    "iteration": ("Per iteration", "Median of the UNet's iterations"),
    "psnr": ("PSNR", "Against the baseline's picture, in dB; higher is closer"),
    "ssim": ("SSIM", "Against the baseline's picture; 1 is equal"),
    "peak": ("Peak memory", "Resident set of the worker process at its highest"),
    "weights": ("Weights", "What the model's weights take"),
    "tensors": ("Tensors", "Peak of the intermediate buffers, where the backend can tell"),
    "size": ("Size", "Width and height in pixels"),
    "steps": ("Steps", "Denoising iterations"),
    "guidance": ("Guidance", "Guidance scale: how much the prompt pulls"),
    "seed": ("Seed", "The number that the noise was drawn from"),
    "scheduler": ("Scheduler", "What turns predicted noise into the next step"),
    "model": ("Model", "Where the weights came from"),
    "variant": ("Variant", "Backend, precision and optimizations in one line"),
    "device": ("Device", "What it ran on"),
    "threads": ("Threads", "How many threads a backend computes with on the processor"),
    "versions": ("Versions", "The libraries that ran it"),
}
GROUPS = (
    ("speedup", "iteration", "load", "warmup"),
    ("psnr", "ssim"),
    ("peak", "weights", "tensors"),
    ("size", "steps", "guidance", "seed", "scheduler"),
    ("model", "variant", "device", "threads", "versions"),
)
FIDELITY_MEANING = "Prompt fidelity: of the attributes that the prompt names, the share found in the picture"
NONE = "–"
LONG = ("model", "variant", "device", "versions")


class Inspector(QFrame):
    """Mirrors the current cell of ``desk.selection``."""

    def __init__(self, desk: Desk):
        super().__init__()
        self.setObjectName("inspector")
        self._desk = desk
        self._values: dict[str, QLabel] = {}
        self._build()
        soon = Later(self, self.refresh, 120)
        experiment = desk.experiment
        for signal in (
            experiment.began,
            experiment.cell_changed,
            experiment.restated,
            desk.selection.changed,
        ):
            signal.connect(soon)
        self.refresh()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def refresh(self) -> None:
        """Show the current cell as it is now."""
        place = self._desk.selection.current
        cell = self._desk.experiment.cells.get(place) if place else None
        self._figures.setVisible(cell is not None)
        if cell is None:
            self.title.setText("Nothing to look at yet")
            self.badge.hide()
            return
        column = self._desk.experiment.columns[cell.column]
        self.badge.show()
        self.badge.show_badge(column.badge, column.colour)
        self.title.setText(short_title(column.variant))
        result = cell.result
        self.total.setText(format_ms(cell.total_ms or 0.0) if result else cell_status(cell))
        runs = len(cell.results)
        self.total.setToolTip(f"Median of {runs} runs" if runs > 1 else "One run")
        mark(self.total, "role", "figure" if result else "value")
        for name, text in self._texts(cell).items():
            self._values[name].setText(text)
        quality = result.quality if result and not self._desk.experiment.synthetic else None
        self._show_fidelity(quality.prompt_fidelity if quality else None)
        notices = list(result.notices) if result else []
        if self._desk.experiment.synthetic:
            notices = [SYNTHETIC_NOTICE, *(text for text in notices if "synthetic" not in text.lower())]
        self.notice.setText("\n".join(f"{text[:1].upper()}{text[1:]}" for text in notices))
        self.notice.setVisible(bool(notices))

    def _texts(self, cell: Cell) -> dict[str, str]:
        experiment = self._desk.experiment
        column, request = experiment.columns[cell.column], experiment.requests[cell.row]
        settings = _settings(request, column.variant, experiment.model.title if experiment.model else NONE)
        texts = dict.fromkeys(ROWS, NONE) | settings
        result = cell.result
        if result is None:
            return texts
        is_baseline = cell.column == experiment.baseline
        speedup = cell_speedup(experiment, cell)
        quality = result.quality if not (experiment.synthetic or is_baseline) else None
        return texts | {
            "speedup": "baseline" if is_baseline else NONE if speedup is None else f"{speedup:.2f}×",
            "load": _load(cell.results),
            "warmup": _warmup(result),
            "iteration": _iteration(result.spans),
            "psnr": _psnr(quality.psnr_db if quality else None),
            "ssim": NONE if quality is None or quality.ssim is None else f"{quality.ssim:.3f}",
            "peak": format_bytes(result.memory.peak_rss_bytes),
            "weights": format_bytes(result.memory.weights_bytes),
            "tensors": format_bytes(result.memory.tensors_bytes),
            "device": result.device_name or NONE,
            "threads": str(compute_threads()),
        }

    def _build(self) -> None:
        self.badge = Badge()
        self.title = text_label("", "section")
        self.fidelity = QLabel()
        self.fidelity.setObjectName("fidelityBadge")
        self.fidelity.setToolTip(FIDELITY_MEANING)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.badge)
        head.addWidget(self.title, 1)
        self.total = text_label("", "figure")
        self.total.setObjectName("totalLabel")
        self.notice = text_label("", "notice", wrap=True)
        self.notice.setObjectName("noticeLabel")
        self._figures = QWidget()
        inside = QVBoxLayout(self._figures)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.setSpacing(9)
        inside.addWidget(self.total)
        inside.addWidget(self.fidelity, 0, Qt.AlignmentFlag.AlignLeft)
        inside.addWidget(self.notice)
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
        layout.setContentsMargins(16, 14, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
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
        self.fidelity.setVisible(fidelity is not None)
        if fidelity is not None:
            self.fidelity.setText(f"fidelity {fidelity:.0%}")
            level = "good" if fidelity >= GOOD_FIDELITY else "fair" if fidelity >= FAIR_FIDELITY else "poor"
            mark(self.fidelity, "level", level)


def _settings(request: Request, variant: Variant, model: str) -> dict[str, str]:
    return {
        "size": f"{request.width} × {request.height}",
        "steps": str(request.steps),
        "guidance": f"{request.guidance_scale:g}",
        "seed": str(request.seed),
        "scheduler": SCHEDULER_TITLES.get(request.scheduler, request.scheduler),
        "model": model,
        "variant": _breakable(format_variant(variant)),
        "versions": "\n".join(versions_of(variant.backend)),
    }


def _load(results: Sequence[Result]) -> str:
    known = [result.load_seconds for result in results if result.load_seconds is not None]
    return format_ms(known[0] * 1000) if known else "already loaded"


def _warmup(result: Result) -> str:
    milliseconds = sum(span.milliseconds for span in result.warmup if span.kind == "stage")
    return format_ms(milliseconds) if milliseconds else NONE


def _iteration(spans: Sequence[Span]) -> str:
    times = [span.milliseconds for span in spans if span.kind == "stage" and span.stage == "unet"]
    return format_ms(median(times)) if times else NONE


def _psnr(value: float | None) -> str:
    return NONE if value is None else "identical" if value == float("inf") else f"{value:.1f} dB"


def _breakable(line: str) -> str:
    """A variant's line that may wrap before each option."""
    return line.replace("+", "\u200b+").replace("-", "\u200b-")
