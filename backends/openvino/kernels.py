"""Per-operation spans from OpenVINO's performance counters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openvino import ProfilingInfo

from backends.contract import Span
from backends.openvino.shapes import StaticShapes
from backends.staged import Recorder

_MODULE = "__module."
_EXECUTED = ProfilingInfo.Status.EXECUTED


@contextmanager
def profiled(recorder: Recorder, shapes: StaticShapes) -> Iterator[None]:
    """Count what every operation takes that runs inside, and add kernel spans to ``recorder`` on leaving.

    OpenVINO tells an operation's mean time over all runs, and the order, not when it began: so every run of a stage shows
    the same operations, one after the other from the stage's start, each as long as its mean (shrunk alike where
    together they are longer than that run). ``detail`` has ``layer``, the operation that it began as, and its ``module`` in
    PyTorch; ``type``, what it became; ``exec``, the code that ran and its precision.
    """
    with shapes.profiling() as requests:
        first = {part: request.profiling_info for part, request in requests.items()}
        yield
        stages = [span for span in recorder.spans if span.kind == "stage"]
        for part, request in requests.items():
            runs = [stage for stage in stages if stage.name == part]
            operations = _means(first[part], request.profiling_info, len(runs)) if runs else []
            for stage in runs:
                for span in _laid_out(operations, stage):
                    recorder.add(span)


def _means(
    first: list[ProfilingInfo], all_runs: list[ProfilingInfo], runs: int
) -> list[tuple[ProfilingInfo, float]]:
    """Every operation that ran, with its mean nanoseconds in the ``runs`` after the first: OpenVINO's own means are over all
    ``runs + 1``, of which the first allocated memory."""
    means = [
        (after, (after.real_time * (runs + 1) - before.real_time).total_seconds() * 1e9 / runs)
        for before, after in zip(first, all_runs, strict=True)
        if after.status == _EXECUTED
    ]
    return [(operation, mean) for operation, mean in means if mean > 0]


def _laid_out(operations: list[tuple[ProfilingInfo, float]], stage: Span) -> Iterator[Span]:
    total = sum(mean for _, mean in operations)
    share = min(1.0, (stage.end_ns - stage.start_ns) / max(total, 1))
    moment = float(stage.start_ns)
    for operation, mean in operations:
        end = moment + mean * share
        kind, detail = operation.node_type, _detail(operation)
        yield Span(kind, stage.name, int(moment), int(end), stage.iteration, "kernel", detail)
        moment = end


def _detail(operation: ProfilingInfo) -> dict[str, Any]:
    name = operation.node_name
    detail = {"layer": name, "type": operation.node_type, "exec": operation.exec_type}
    if name.startswith(_MODULE):
        detail["module"] = name.removeprefix(_MODULE).partition("/")[0]
    return detail
