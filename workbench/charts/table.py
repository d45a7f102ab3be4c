"""All figures as a table: for the eye, for a document (Markdown), for a spreadsheet (TSV, CSV)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backends.variants import format_variant
from workbench.charts.figures import Figures, Spread, figures
from workbench.desk.experiment import SYNTHETIC_MARK, Experiment

NONE = "–"


@dataclass(frozen=True)
class Value:
    """A cell: what is read, what it is sorted by (None sorts last), and the plain number for a spreadsheet."""

    text: str
    key: float | str | None
    plain: str


@dataclass(frozen=True)
class Heading:
    """A column: its heading, its unit, and a sentence about it."""

    title: str
    unit: str
    meaning: str

    @property
    def text(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Table:
    """``columns`` are the experiment's columns that the rows are about; ``note`` is said with every copy."""

    headings: tuple[Heading, ...]
    rows: tuple[tuple[Value, ...], ...]
    columns: tuple[int, ...]
    note: str = ""


def table(experiment: Experiment, row: int | None = None) -> Table:
    """A row for every variant, over all seeds and prompts or over one."""
    made = [_MAKERS[name] for name in _names(experiment)]
    found = figures(experiment, row)
    baseline = experiment.baseline
    rows = tuple(tuple(make(item, item.column == baseline) for _, make in made) for item in found)
    note = f"{SYNTHETIC_MARK}: for latency and memory only" if experiment.synthetic else ""
    return Table(tuple(heading for heading, _ in made), rows, tuple(item.column for item in found), note)


def to_markdown(shown: Table) -> str:
    """A table of GitHub's Markdown; numbers stand on the right."""
    titles = [heading.text.replace("|", r"\|") for heading in shown.headings]
    lines = [
        "| " + " | ".join(titles) + " |",
        "| " + " | ".join(["---", *["---:"] * (len(titles) - 1)]) + " |",
        *("| " + " | ".join(_escaped(value.text) for value in row) + " |" for row in shown.rows),
    ]
    return "\n".join([*lines, *([f"\n{shown.note}"] if shown.note else [])]) + "\n"


def to_tsv(shown: Table) -> str:
    """Tabs between plain numbers, for a spreadsheet."""
    return _separated(shown, "\t")


def to_csv(shown: Table) -> str:
    """Commas between plain numbers, quoted where need be."""
    return _separated(shown, ",")


def _separated(shown: Table, delimiter: str) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    extra = ["weights"] if shown.note else []
    writer.writerow([heading.text for heading in shown.headings] + extra)
    for row in shown.rows:
        writer.writerow([value.plain for value in row] + (["synthetic"] if shown.note else []))
    return file.getvalue()


def _escaped(text: str) -> str:
    return text.replace("|", r"\|")


def _names(experiment: Experiment) -> Sequence[str]:
    return [name for name in _MAKERS if not (experiment.synthetic and name in _QUALITY)]


Make = Callable[[Figures, bool], Value]


def _number(value: float | None, digits: int, unit: str = "") -> Value:
    if value is None:
        return Value(NONE, None, "")
    return Value(f"{value:,.{digits}f}{unit}", value, f"{value:.{digits + 2}f}".rstrip("0").rstrip("."))


def _time(spread: Spread | None, with_spread: bool = True) -> Value:
    if spread is None:
        return Value(NONE, None, "")
    digits = 2 if spread.median < 10 else 1 if spread.median < 1000 else 0
    text = f"{spread.median:,.{digits}f}"
    if with_spread and spread.count > 1:
        text += f" ± {spread.half:,.{digits}f}"
    return Value(text, spread.median, f"{spread.median:.3f}")


def _stage(name: str) -> Make:
    return lambda item, _: _time(item.stages.get(name))


def _megabytes(name: str) -> Make:
    def make(item: Figures, _: bool) -> Value:
        count: int | None = getattr(item.memory, name)
        return _number(None if count is None else count / 1e6, 1 if count and count < 1e7 else 0)

    return make


def _variant(item: Figures, is_baseline: bool) -> Value:
    line = format_variant(item.variant)
    return Value(f"{line} (baseline)" if is_baseline else line, line, line)


def _psnr(item: Figures, is_baseline: bool) -> Value:
    if is_baseline or item.psnr_db is None:
        return Value(NONE, None, "")
    if math.isinf(item.psnr_db):
        return Value("identical", math.inf, "identical")
    return _number(item.psnr_db, 1)


def _ssim(item: Figures, is_baseline: bool) -> Value:
    return Value(NONE, None, "") if is_baseline else _number(item.ssim, 3)


def _state(item: Figures, _: bool) -> Value:
    text = f"{item.runs} run{'s' if item.runs != 1 else ''}"
    if item.failed:
        text = f"{item.failed} failed" if not item.runs else f"{text}, {item.failed} failed"
    return Value(text, item.runs, str(item.runs))


_MAKERS: dict[str, tuple[Heading, Make]] = {
    "variant": (Heading("Variant", "", "Backend, device, precision and optimizations in one line"), _variant),
    "runs": (Heading("Runs", "", "How many runs the figures are of"), _state),
    "total": (
        Heading(
            "Total",
            "ms",
            "From the call to the picture, without load and warm-up; ± is half the interquartile range",
        ),
        lambda item, _: _time(item.total),
    ),
    "speedup": (
        Heading("Speed-up", "×", "The baseline's median total over this one's"),
        lambda item, _: _number(item.speedup, 2, "×"),
    ),
    "iteration": (
        Heading("UNet iteration", "ms", "Median of the single iterations"),
        lambda item, _: _time(item.iteration),
    ),
    "tokenizer": (Heading("Tokenizer", "ms", "Its share of a run"), _stage("tokenizer")),
    "text_encoder": (Heading("Text encoder", "ms", "Its share of a run"), _stage("text_encoder")),
    "unet": (Heading("UNet", "ms", "All its iterations of a run"), _stage("unet")),
    "scheduler": (Heading("Scheduler", "ms", "All its steps of a run"), _stage("scheduler")),
    "vae_decoder": (Heading("VAE decoder", "ms", "Its share of a run"), _stage("vae_decoder")),
    "load": (
        Heading("Load", "s", "Reading, converting and compiling, the first time; apart from the total"),
        lambda item, _: _number(item.load_seconds, 1),
    ),
    "peak": (
        Heading("Peak memory", "MB", "Resident set of the worker at its highest"),
        _megabytes("peak_rss_bytes"),
    ),
    "weights": (Heading("Weights", "MB", "What the model's weights take"), _megabytes("weights_bytes")),
    "tensors": (
        Heading("Tensors", "MB", "Peak of the intermediate buffers, where it is told"),
        _megabytes("tensors_bytes"),
    ),
    "psnr": (Heading("PSNR", "dB", "Against the baseline's picture; higher is closer"), _psnr),
    "ssim": (Heading("SSIM", "", "Against the baseline's picture; 1 is equal"), _ssim),
    "fidelity": (
        Heading("Fidelity", "%", "Of the attributes that the prompt names, the share found in the picture"),
        lambda item, _: _number(None if item.fidelity is None else 100 * item.fidelity, 0),
    ),
}
_QUALITY = ("psnr", "ssim", "fidelity")
