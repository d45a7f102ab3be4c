"""Traces keep the rules of the trace-event format, and hold all that was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.workbench import samples
from workbench.trace import ITERATIONS, KERNELS, STAGES, trace, write_trace

NAMES_OF_METADATA = {"process_name": "name", "process_sort_index": "sort_index", "thread_name": "name"}


def check_rules(data: Any) -> list[dict[str, Any]]:
    """The rules of "Trace Event Format": keys by phase, their types, and complete events that nest on a thread."""
    assert isinstance(data["traceEvents"], list) and data["displayTimeUnit"] in ("ms", "ns")
    for event in data["traceEvents"]:
        assert isinstance(event["name"], str) and isinstance(event["pid"], int)
        assert event["ph"] in ("X", "C", "M")
        assert isinstance(event.get("args", {}), dict)
        if event["ph"] == "M":
            assert set(event["args"]) == {NAMES_OF_METADATA[event["name"]]}
            continue
        assert isinstance(event["ts"], int | float) and event["ts"] >= 0
        assert isinstance(event["cat"], str)
        if event["ph"] == "C":
            assert event["args"] and all(isinstance(value, int | float) for value in event["args"].values())
        else:
            assert isinstance(event["tid"], int) and event["dur"] >= 0
    complete = [event for event in data["traceEvents"] if event["ph"] == "X"]
    for _, own in groupby(
        sorted(complete, key=lambda event: (event["pid"], event["tid"])),
        key=lambda event: (event["pid"], event["tid"]),
    ):
        open_until: list[float] = []
        for event in sorted(own, key=lambda event: (event["ts"], -event["dur"])):
            while open_until and open_until[-1] <= event["ts"]:
                open_until.pop()
            end = event["ts"] + event["dur"]
            assert not open_until or end <= open_until[-1], f"{event} overlaps what is open"
            open_until.append(end)
    return complete


@pytest.mark.parametrize("kernels", [False, True])
def test_a_trace_keeps_the_rules_of_the_format(kernels: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.trace.json"
    write_trace(path, samples.document(kernels=kernels))
    check_rules(json.loads(path.read_text(), parse_constant=pytest.fail))


def test_a_trace_holds_stages_iterations_kernels_and_memory_of_every_run() -> None:
    document = samples.document(kernels=True)
    data = trace(document)
    complete = check_rules(data)
    steps, runs = samples.REQUEST.steps, len(document.runs)
    assert sum(event["cat"] == "iteration" for event in complete) == steps * runs
    assert sum(event["name"] == "unet" and event["cat"] == "stage" for event in complete) == steps * runs
    kernels = [event for event in complete if event["cat"] == "kernel"]
    assert len(kernels) == 2 * steps * runs
    convolution = next(event for event in kernels if event["name"] == "conv")
    assert convolution["args"]["GFLOP/s"] == pytest.approx(1e9 / (convolution["dur"] * 1e3), rel=1e-3)
    counters = [event for event in data["traceEvents"] if event["ph"] == "C"]
    assert len(counters) == sum(len(run.result.samples) for run in document.runs)
    processes = [event["args"]["name"] for event in data["traceEvents"] if event["name"] == "process_name"]
    assert processes == list(samples.VARIANTS)
    threads = {event["tid"] for event in complete}
    assert threads == {ITERATIONS, STAGES, KERNELS}


def test_kernels_that_overlap_lie_on_threads_of_their_own() -> None:
    document = samples.document(kernels=True, repeats=1)
    run = document.runs[0]
    first = next(span for span in run.result.spans if span.kind == "kernel")
    result = replace(run.result, spans=(*run.result.spans, first))
    complete = check_rules(trace(replace(document, runs=(replace(run, result=result), *document.runs[1:]))))
    assert {event["tid"] for event in complete if event["cat"] == "kernel" and event["pid"] == 1} == {
        KERNELS,
        KERNELS + 1,
    }


def test_a_trace_of_synthetic_weights_says_so_and_a_ladder_names_its_rows() -> None:
    data = trace(samples.ladder("nncf", (12, 7, 6, 2, 1.7)))
    assert "synthetic" in data["otherData"]["notice"]
    names = [event["args"]["name"] for event in data["traceEvents"] if event["name"] == "process_name"]
    assert names[0] == "PyTorch FP32 of 2023: pytorch:fp32-sdpa"


def test_a_trace_of_nothing_is_still_one() -> None:
    document = samples.document()
    for place in range(3):
        document = samples.failed(document, place, "it broke")
    assert check_rules(trace(document)) == []
