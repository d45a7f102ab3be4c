"""Results in the Chrome trace-event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

A process of the trace is a variant. Its threads are its denoising iterations, its stages, and its kernels on as many as
they need to not overlap; its counter is the resident set. All share the spans' clock, so that repeats lie where they ran.
Format: "Trace Event Format" (Google, 2016): complete events ``X``, counters ``C``, metadata ``M``; times in microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from backends.contract import Span
from backends.variants import format_variant
from workbench.document import Document, Recorded
from workbench.environment import MEBIBYTE
from workbench.files import write_whole
from workbench.rounds import SYNTHETIC_NOTICE

Event = dict[str, Any]

ITERATIONS, STAGES, KERNELS = 1, 2, 3
"""Threads of a process; kernels that overlap go on to the threads after the third."""
NANOSECONDS_PER_MICROSECOND = 1000


def write_trace(path: Path, document: Document) -> None:
    """Write the trace whole or not at all. Raises :class:`workbench.files.CannotWrite`."""
    write_whole(path, json.dumps(trace(document), allow_nan=False, separators=(",", ":")).encode())


def trace(document: Document) -> dict[str, Any]:
    """The trace of all runs that went through, its clock at zero where the first of their spans or samples begins."""
    variants = list(dict.fromkeys(run.result.variant for run in document.runs))
    origin = min(_times(document.runs), default=0)
    events: list[Event] = []
    for place, variant in enumerate(variants):
        runs = [run for run in document.runs if run.result.variant == variant]
        name = document.rows.get(variant)
        line = format_variant(variant)
        events += _process(place + 1, f"{name}: {line}" if name else line, runs, origin)
    said = {
        "model": document.model.name,
        "application": f"diffusion-workbench {document.environment.get('application')}",
        "cpu": document.environment.get("cpu"),
        "measured": document.environment.get("time"),
    }
    if document.model.synthetic:
        said["notice"] = SYNTHETIC_NOTICE
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": said}


def _process(pid: int, name: str, runs: Sequence[Recorded], origin: int) -> Iterator[Event]:
    yield _metadata("process_name", pid, 0, name=name)
    yield _metadata("process_sort_index", pid, 0, sort_index=pid)
    yield _metadata("thread_name", pid, ITERATIONS, name="iterations")
    yield _metadata("thread_name", pid, STAGES, name="stages")
    lanes = _lanes(span for run in runs for span in run.result.spans if span.kind == "kernel")
    for number in range(len(lanes)):
        title = "kernels" if number == 0 else f"kernels {number + 1}"
        yield _metadata("thread_name", pid, KERNELS + number, name=title)
    for repeat, run in enumerate(runs):
        yield from _run(pid, repeat, run, origin)
    for number, lane in enumerate(lanes):
        for span in lane:
            yield _complete(
                pid, KERNELS + number, span.name, "kernel", span.start_ns, span.end_ns, origin
            ) | {"args": {"stage": span.stage, **_iteration(span), **_rates(span)}}


def _run(pid: int, repeat: int, run: Recorded, origin: int) -> Iterator[Event]:
    result = run.result
    where = {"request": run.request, "repeat": repeat}
    for span in result.warmup:
        if span.kind == "stage":
            yield _complete(
                pid, STAGES, f"{span.stage} (warm-up)", "warmup", span.start_ns, span.end_ns, origin
            )
    for index, start_ns, end_ns in _iterations(result.spans):
        yield _complete(pid, ITERATIONS, f"iteration {index + 1}", "iteration", start_ns, end_ns, origin) | {
            "args": where | {"iteration": index}
        }
    for span in result.spans:
        if span.kind == "stage":
            yield _complete(pid, STAGES, span.stage, "stage", span.start_ns, span.end_ns, origin) | {
                "args": where | _iteration(span)
            }
    for sample in result.samples:
        yield {
            "name": "resident set",
            "cat": "memory",
            "ph": "C",
            "pid": pid,
            "ts": _microseconds(sample.time_ns - origin),
            "args": {"MiB": round(sample.rss_bytes / MEBIBYTE, 2)},
        }


def _iterations(spans: Iterable[Span]) -> list[tuple[int, int, int]]:
    """Index, start and end of every denoising iteration: from its first stage to its last."""
    found: dict[int, tuple[int, int]] = {}
    for span in spans:
        if span.kind == "stage" and span.iteration is not None:
            start, end = found.get(span.iteration, (span.start_ns, span.end_ns))
            found[span.iteration] = min(start, span.start_ns), max(end, span.end_ns)
    return [(index, *times) for index, times in sorted(found.items())]


def _lanes(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans on as few lanes as hold them without an overlap: each goes to the first lane that is free."""
    lanes: list[list[Span]] = []
    for span in sorted(spans, key=lambda item: (item.start_ns, item.end_ns)):
        free = next((lane for lane in lanes if lane[-1].end_ns <= span.start_ns), None)
        if free is None:
            lanes.append([span])
        else:
            free.append(span)
    return lanes


def _rates(span: Span) -> dict[str, Any]:
    """What a kernel knows of itself, and how fast it was: GFLOP/s and GB/s over its own time."""
    detail: dict[str, Any] = dict(span.detail)
    nanoseconds = span.end_ns - span.start_ns
    for counted, rate in (("flops", "GFLOP/s"), ("bytes", "GB/s")):
        if nanoseconds > 0 and isinstance(detail.get(counted), int | float):
            detail[rate] = round(detail[counted] / nanoseconds, 3)
    return detail


def _iteration(span: Span) -> dict[str, int]:
    return {} if span.iteration is None else {"iteration": span.iteration}


def _times(runs: Iterable[Recorded]) -> Iterator[int]:
    for run in runs:
        result = run.result
        yield from (span.start_ns for span in (*result.spans, *result.warmup))
        yield from (sample.time_ns for sample in result.samples)


def _complete(pid: int, tid: int, name: str, category: str, start_ns: int, end_ns: int, origin: int) -> Event:
    return {
        "name": name,
        "cat": category,
        "ph": "X",
        "pid": pid,
        "tid": tid,
        "ts": _microseconds(start_ns - origin),
        "dur": _microseconds(end_ns - start_ns),
    }


def _metadata(what: str, pid: int, tid: int, **values: Any) -> Event:
    return {"name": what, "ph": "M", "pid": pid, "tid": tid, "args": values}


def _microseconds(nanoseconds: int) -> float:
    return nanoseconds / NANOSECONDS_PER_MICROSECOND
