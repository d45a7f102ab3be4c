"""Per-operation spans from torch.profiler, on the spans' clock and inside their stages."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from backends.contract import Span
from backends.staged import Recorder, bare

_ANCHOR = "workbench anchor"
_MODULE = "module:"


@contextmanager
def profiled(recorder: Recorder, pipeline: Any, device: torch.device) -> Iterator[None]:
    """Record every operation that runs inside, and add it to ``recorder`` as a kernel span on leaving.

    On the processor an operation is what a model calls (``conv2d``, ``linear``); on a card it is a kernel of the card.
    Each names the module that called it, and its floating-point operations where the profiler counts them.
    """
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with ExitStack() as stack:
        for model in (pipeline.text_encoder, pipeline.unet, pipeline.vae):
            stack.enter_context(_named_modules(bare(model)))
        with profile(activities=activities, with_flops=True) as profiler:
            before = time.perf_counter_ns()
            with record_function(_ANCHOR):
                after = time.perf_counter_ns()
            yield
    events = list(profiler.events() or ())
    anchor = next(event for event in events if event.name == _ANCHOR)
    offset = (before + after) / 2 - anchor.time_range.start * 1000
    chosen = _card_kernels(events) if device.type == "cuda" else _operations(events)
    for span in _inside_stages(chosen, offset, recorder.spans):
        recorder.add(span)


@contextmanager
def _named_modules(model: torch.nn.Module) -> Iterator[None]:
    """While inside, every module's forward appears in the profile; a compiled model's is left alone."""
    handles, open_ranges = [], []
    for name, module in model.named_modules() if getattr(model, "_compiled_call_impl", None) is None else ():

        def enter(_: Any, __: Any, name: str = name) -> None:
            open_ranges.append(record_function(_MODULE + name))
            open_ranges[-1].__enter__()

        def leave(_: Any, __: Any, ___: Any) -> None:
            open_ranges.pop().__exit__(None, None, None)

        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _operations(events: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The outermost ATen operations, with the flops of those they call."""
    for event in events:
        parent = event.cpu_parent
        if event.name.startswith("aten::") and (parent is None or not parent.name.startswith("aten::")):
            yield event, _detail(event)


def _card_kernels(events: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What ran on the card, in its own time, with the module of the operation that launched it."""
    launchers = {event.id: event for event in events if event.device_type == DeviceType.CPU}
    for event in events:
        if (
            event.device_type == DeviceType.CUDA
            and not event.name.startswith(_MODULE)
            and event.name != _ANCHOR
        ):
            launcher = launchers.get(event.id)
            yield event, _detail(launcher) if launcher else {}


def _detail(event: Any) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    parent = event
    while parent is not None and not parent.name.startswith(_MODULE):
        parent = parent.cpu_parent
    if parent is not None and len(parent.name) > len(_MODULE):
        detail["module"] = parent.name.removeprefix(_MODULE)
    if flops := _flops(event):
        detail["flops"] = flops
    return detail


def _flops(event: Any) -> int:
    return int(event.flops or 0) or sum(_flops(child) for child in event.cpu_children)


def _inside_stages(
    chosen: Iterator[tuple[Any, dict[str, Any]]], offset: float, spans: list[Span]
) -> list[Span]:
    """Kernel spans of the stages they ran in, cut at the stages' borders; what ran between stages is left out."""
    stages = sorted((span for span in spans if span.kind == "stage"), key=lambda span: span.start_ns)
    starts = [stage.start_ns for stage in stages]
    found = []
    for event, detail in chosen:
        start = round(event.time_range.start * 1000 + offset)
        end = round(event.time_range.end * 1000 + offset)
        stage = stages[bisect_right(starts, (start + end) // 2) - 1]
        if not stage.start_ns <= (start + end) // 2 <= stage.end_ns:
            continue
        name = event.name.removeprefix("aten::")
        start, end = max(start, stage.start_ns), min(end, stage.end_ns)
        found.append(Span(name, stage.name, start, end, stage.iteration, "kernel", detail))
    return found
