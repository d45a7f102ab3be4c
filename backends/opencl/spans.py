"""Kernel spans from the device's profiling events, on the spans' clock and inside their stages."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyopencl as cl

from backends.contract import Span
from backends.opencl.runtime import Engine, KernelTime
from backends.staged import Recorder


@contextmanager
def profiled(recorder: Recorder, engine: Engine) -> Iterator[None]:
    """Record every kernel that runs inside, and add it to ``recorder`` as a span on leaving."""
    with engine.profiled() as times:
        yield
    offset = clock_offset(engine)
    for span in inside_stages(times, offset, recorder.spans):
        recorder.add(span)


def clock_offset(engine: Engine) -> int:
    """What to add to the device's clock to get ``time.perf_counter_ns``: a marker's end, seen from both."""
    event = cl.enqueue_marker(engine.timed_queue)
    event.wait()
    return time.perf_counter_ns() - event.profile.end


def inside_stages(times: Iterable[KernelTime], offset: int, spans: Iterable[Span]) -> list[Span]:
    """Kernel spans of the stages they ran in, cut at the stages' borders."""
    stages = sorted((span for span in spans if span.kind == "stage"), key=lambda span: span.start_ns)
    starts, found = [stage.start_ns for stage in stages], []
    for item in times:
        start, end = item.start_ns + offset, item.end_ns + offset
        index = bisect_right(starts, (start + end) // 2) - 1
        if index < 0:
            continue
        stage = stages[index]
        start, end = max(start, stage.start_ns), min(end, stage.end_ns)
        if start > end:
            continue
        launch = item.launch
        detail: dict[str, str | int | float] = {"flops": launch.flops, "bytes": launch.bytes}
        if launch.operation.module:
            detail["module"] = launch.operation.module.partition(".")[2]
        found.append(Span(launch.operation.name, stage.name, start, end, stage.iteration, "kernel", detail))
    return found
