"""Comparisons as JSON, schema 1, written and read back.

Every entry of ``results`` is one request as one variant: the figures of the design's schema, over all repeats, and in
``runs`` each repeat with its spans and memory samples, from which the figures can be made again. Sizes are in MiB.
Numbers that JSON cannot hold do not occur: what is not finite is null, and ``identical`` says where PSNR is infinite.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backends.contract import Arena, MemorySample, Request, Span, Tensor, Variant
from backends.models import ModelCard, weights_sha256
from backends.registry import BACKENDS
from backends.variants import InvalidVariant, format_variant, parse_variant
from workbench.environment import MEBIBYTE
from workbench.files import write_whole
from workbench.results import Memory, Quality, Result
from workbench.summary import Summary, summarize

SCHEMA = 1


class UnreadableDocument(ValueError):
    """A file that is no comparison of ours, in one line."""


@dataclass(frozen=True)
class Model:
    """The model of a document. ``reference`` is what names it on the command line: a name, folder, file or hub id."""

    name: str
    synthetic: bool
    weights_sha256: str | None
    reference: str | None = None

    @classmethod
    def of(cls, card: ModelCard) -> Model:
        """The model of a card; hashes its weights, once for every state of its files."""
        own = card.kind in ("folder", "file")
        return cls(card.name, card.synthetic, weights_sha256(card), str(card.path) if own else card.name)


@dataclass(frozen=True)
class Recorded:
    """One run in a document: the index of its request, what came of it, and its picture's file where there is one."""

    request: int
    result: Result
    image: str | None = None


@dataclass(frozen=True)
class Document:
    """A whole comparison, as it is kept in a file. ``unet_only`` as in :class:`workbench.comparison.Comparison`.

    Where it climbed a ladder, ``ladder`` names that (:mod:`workbench.ladders`), and ``rows`` each variant's row of it.
    """

    model: Model
    requests: tuple[Request, ...]
    baseline: Variant
    environment: Mapping[str, Any]
    runs: tuple[Recorded, ...]
    unet_only: bool = False
    ladder: str | None = None
    rows: Mapping[Variant, str] = field(default_factory=dict)

    def summaries(self) -> list[Summary]:
        """The figures of every request and variant."""
        return summarize(((run.request, run.result) for run in self.runs), self.baseline)

    def image(self, request: int, variant: Variant) -> str | None:
        """The picture's file of a request and variant."""
        found = (run.image for run in self.runs if run.request == request and run.result.variant == variant)
        return next((image for image in found if image), None)


def to_json(document: Document) -> dict[str, Any]:
    """The document as plain values of JSON, every number finite."""
    return _finite(
        {
            "schema": SCHEMA,
            "model": asdict(document.model),
            "request": asdict(document.requests[0]),
            "requests": [asdict(request) for request in document.requests],
            "baseline": format_variant(document.baseline),
            "unet_only": document.unet_only,
            "ladder": document.ladder,
            "environment": dict(document.environment),
            "results": [_entry(document, summary) for summary in document.summaries()],
        }
    )


def brief(document: Document) -> Document:
    """The document less what its figures are not made from: memory samples, kernels, warm-up, arenas. A twentieth of the file."""
    runs = tuple(
        replace(run, result=replace(run.result, spans=_stages(run.result), samples=(), warmup=(), arenas=()))
        for run in document.runs
    )
    return replace(document, runs=runs)


def from_json(data: object) -> Document:
    """Read what :func:`to_json` made. Raises :class:`UnreadableDocument` for anything else."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        given = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise UnreadableDocument(f"it is no comparison of schema {SCHEMA} (its schema is {given})")
    try:
        requests = tuple(Request(**request) for request in data["requests"])
        said = data["model"]
        model = Model(said["name"], said["synthetic"], said["weights_sha256"], said.get("reference"))
        variant = recorded_variants(data)
        runs = [run for entry in data["results"] for run in _runs(entry, requests, variant(entry["variant"]))]
        return Document(
            model,
            requests,
            variant(data["baseline"]),
            data["environment"],
            tuple(runs),
            bool(data.get("unet_only")),
            data.get("ladder"),
            {variant(entry["variant"]): entry["row"] for entry in data["results"] if entry.get("row")},
        )
    except InvalidVariant as error:
        raise UnreadableDocument(f"it has a variant that this version does not know: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UnreadableDocument(f"it is damaged: {type(error).__name__} {error}") from error


def recorded_variants(data: Mapping[str, Any]) -> Callable[[str], Variant]:
    """What a variant's line meant when this document was written, by its entry's ``optimizations``: one that they do not name
    was not there yet, and is off, whatever it is by default today. A line without an entry is read as today's."""
    found = {
        entry["variant"]: _recorded(parse_variant(entry["variant"]), entry["optimizations"])
        for entry in data["results"]
        if entry.get("optimizations") is not None
    }
    return lambda line: found.get(line) or parse_variant(line)


def _recorded(variant: Variant, said: Mapping[str, Any]) -> Variant:
    options = []
    for item in BACKENDS[variant.backend].optimizations:
        value = said.get(item.name, item.off)
        if isinstance(value, bool) is bool(item.ratio) or not isinstance(value, bool | int | float):
            raise TypeError(f"{item.name} is {value!r}")
        options.append((item.name, value))
    return replace(variant, optimizations=tuple(options))


def dumps(document: Document) -> str:
    """The document as the text of its file."""
    return json.dumps(to_json(document), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def write_document(path: Path, document: Document) -> None:
    """Write whole or not at all. Raises :class:`workbench.files.CannotWrite`."""
    write_whole(path, dumps(document).encode("utf-8", "replace"))


def read_document(path: Path) -> Document:
    """Read a file of :func:`write_document`. Raises :class:`UnreadableDocument`, which names the file."""
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except UnreadableDocument as error:
        raise UnreadableDocument(f"{path} cannot be read: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableDocument(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error


def result_to_json(result: Result) -> dict[str, Any]:
    """One run, all of it but its request and variant, which the document holds once."""
    kept = {name: getattr(result, name) for name in _PLAIN}
    arenas = {"arenas": [_arena_to_json(arena) for arena in result.arenas]} if result.arenas else {}
    return (
        kept
        | arenas
        | {
            "total_ms": result.total_ms,
            "memory": asdict(result.memory),
            "quality": _quality_to_json(result.quality),
            "spans": [_span_to_json(span) for span in result.spans],
            "warmup": [_span_to_json(span) for span in result.warmup],
            "samples": [[sample.time_ns, sample.rss_bytes] for sample in result.samples],
            "notices": list(result.notices),
        }
    )


def result_from_json(data: Mapping[str, Any], request: Request, variant: Variant) -> Result:
    """The run that :func:`result_to_json` wrote."""
    return Result(
        request=request,
        variant=variant,
        memory=Memory(**data["memory"]),
        quality=_quality_from_json(data["quality"]),
        spans=tuple(Span(**span) for span in data["spans"]),
        warmup=tuple(Span(**span) for span in data["warmup"]),
        samples=tuple(MemorySample(*sample) for sample in data["samples"]),
        notices=tuple(data["notices"]),
        arenas=tuple(_arena_from_json(arena) for arena in data.get("arenas", ())),
        **{name: data[name] for name in _PLAIN},
    )


_PLAIN = (
    "status",
    "error",
    "load_seconds",
    "start_ns",
    "end_ns",
    "device_name",
    "latents_sha256",
    "log_tail",
    "detail",
    "invalid_field",
    "picture_sha256",
    "unet_only",
    "overhead_ms",
)


def _stages(result: Result) -> tuple[Span, ...]:
    return tuple(span for span in result.spans if span.kind == "stage")


def _entry(document: Document, summary: Summary) -> dict[str, Any]:
    variant = summary.variant
    row = {"row": document.rows[variant]} if variant in document.rows else {}
    return row | {
        "request": summary.request,
        "variant": format_variant(variant),
        "backend": variant.backend,
        "device": variant.device,
        "device_name": summary.device_name,
        "precision": variant.precision,
        "optimizations": dict(variant.optimizations),
        "status": summary.status,
        "error": summary.error,
        "load_seconds": summary.load_seconds,
        "total_ms": summary.total_ms,
        "totals_ms": list(summary.totals_ms),
        "speedup": summary.speedup,
        "stages": {
            name: {
                "count": stage.count,
                "median_ms": stage.median_ms,
                "min_ms": stage.min_ms,
                "max_ms": stage.max_ms,
                "total_ms": stage.total_ms,
                "quartiles_ms": list(stage.quartiles_ms),
            }
            for name, stage in summary.stages.items()
        },
        "memory": {
            "peak_rss_mb": _mebibytes(summary.memory.peak_rss_bytes),
            "weights_mb": _mebibytes(summary.memory.weights_bytes),
            "tensors_mb": _mebibytes(summary.memory.tensors_bytes),
        },
        "quality": _quality_to_json(summary.quality),
        "image": document.image(summary.request, variant),
        "notices": list(summary.notices),
        "runs": [result_to_json(run) for run in summary.runs],
    }


def _runs(entry: Mapping[str, Any], requests: tuple[Request, ...], variant: Variant) -> list[Recorded]:
    index = int(entry["request"])
    results = [result_from_json(run, requests[index], variant) for run in entry["runs"]]
    images = [entry["image"], *[None] * (len(results) - 1)]
    return [Recorded(index, result, image) for result, image in zip(results, images, strict=True)]


def _quality_to_json(quality: Quality | None) -> dict[str, Any] | None:
    if quality is None:
        return None
    return asdict(quality) | {"identical": quality.psnr_db == math.inf}


def _quality_from_json(data: Mapping[str, Any] | None) -> Quality | None:
    if data is None:
        return None
    quality = Quality(data["psnr_db"], data["ssim"], data["prompt_fidelity"], data["found"], data["named"])
    return replace(quality, psnr_db=math.inf) if data["identical"] else quality


def _span_to_json(span: Span) -> dict[str, Any]:
    short = {"name": span.name, "stage": span.stage, "start_ns": span.start_ns, "end_ns": span.end_ns}
    if span.iteration is not None:
        short["iteration"] = span.iteration
    if span.kind != "stage":
        short["kind"] = span.kind
    return short | ({"detail": dict(span.detail)} if span.detail else {})


def _arena_to_json(arena: Arena) -> dict[str, Any]:
    tensors = [list(vars(tensor).values()) for tensor in arena.tensors]  # asdict takes fifty times as long
    return vars(arena) | {"tensors": tensors}


def _arena_from_json(data: Mapping[str, Any]) -> Arena:
    tensors = tuple(Tensor(*tensor) for tensor in data["tensors"])
    return Arena(data["stage"], data["size"], data["operations"], tensors)


def _mebibytes(count: int | None) -> float | None:
    return None if count is None else round(count / MEBIBYTE, 1)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
