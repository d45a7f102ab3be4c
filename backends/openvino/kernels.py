"""Per-operation spans from OpenVINO's performance counters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openvino import ProfilingInfo

from backends.contract import Span
from backends.openvino.shapes import StaticShapes
from backends.staged import Recorder

STAGE_OF = {"text_encoder": "text_encoder", "unet": "unet", "vae_decoder": "vae_decoder"}


@contextmanager
def profiled(recorder: Recorder, shapes: StaticShapes) -> Iterator[None]:
    """Count what every operation takes that runs inside, and add kernel spans to ``recorder`` on leaving.

    OpenVINO tells an operation's mean time over all runs, and the order, not when it began: so each run of a stage shows
    the same operations, one after the other from the stage's start, each as long as its mean (shrunk alike where
    together they are longer than that run). ``detail`` has ``layer`` (what the model calls it) and ``exec`` (the code that ran).
    """
    with shapes.profiling() as requests:
        yield
        stages = [span for span in recorder.spans if span.kind == "stage"]
        for part, request in requests.items():
            ran = [stage for stage in stages if stage.name == STAGE_OF[part]]
            if ran:
                operations = [info for info in request.profiling_info if _was_run(info)]
                for stage in ran:
                    for span in _laid_out(operations, stage):
                        recorder.add(span)


def _was_run(info: ProfilingInfo) -> bool:
    return info.status == ProfilingInfo.Status.EXECUTED and info.real_time.total_seconds() > 0


def _laid_out(operations: list[ProfilingInfo], stage: Span) -> Iterator[Span]:
    durations = [operation.real_time.total_seconds() * 1e9 for operation in operations]
    share = min(1.0, (stage.end_ns - stage.start_ns) / max(sum(durations), 1))
    moment = float(stage.start_ns)
    for operation, duration in zip(operations, durations, strict=True):
        end = moment + duration * share
        yield Span(
            operation.node_type,
            stage.name,
            int(moment),
            int(end),
            stage.iteration,
            "kernel",
            _detail(operation),
        )
        moment = end


def _detail(operation: ProfilingInfo) -> dict[str, Any]:
    return {"layer": operation.node_name, "exec": operation.exec_type}
