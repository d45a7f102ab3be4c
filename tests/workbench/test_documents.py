"""Summaries and documents: what is written can be read back, and every number in it is one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import Arena, MemorySample, Request, Span, Tensor
from backends.variants import parse_variant
from workbench.document import (
    Document,
    Model,
    Recorded,
    UnreadableDocument,
    dumps,
    from_json,
    read_document,
    to_json,
    write_document,
)
from workbench.environment import environment
from workbench.files import CannotWrite, check_writable, check_writable_folder, write_whole
from workbench.results import Memory, Quality, Result
from workbench.summary import stage_statistics, summarize

FP32, BF16 = parse_variant("pytorch"), parse_variant("pytorch:bf16")
REQUEST = Request("a creature", seed=2**64 - 1)
MS = 1_000_000


def run(variant=FP32, total_ms: int = 100, unet_ms: tuple[int, ...] = (10, 20, 30), **changes) -> Result:
    spans, at = [], 0
    for index, length in enumerate(unet_ms):
        spans.append(Span("unet", "unet", at, at + length * MS, index))
        spans.append(Span("conv", "unet", at, at + MS, index, "kernel", {"flops": 3, "module": "down"}))
        at += length * MS
    result = Result(
        request=REQUEST,
        variant=variant,
        status="ok",
        load_seconds=1.5,
        end_ns=total_ms * MS,
        spans=tuple(spans),
        warmup=(Span("unet", "unet", 0, 5, 0),),
        samples=(MemorySample(3, 4), MemorySample(5, 6)),
        memory=Memory(2**30, 2**20, None),
        quality=Quality(30.5, 0.9, 0.75, {"species": "bird"}, {"species": "bird"}),
        device_name="a processor",
        notices=("a notice",),
        latents_sha256="aa",
        picture_sha256="bb",
        arenas=(Arena("unet", 2048, 3, (Tensor("silu", "down", 10, 1024, 0, 3),)),),
        overhead_ms=1.25,
    )
    return replace(result, **changes)


def document(*results: Result) -> Document:
    runs = tuple(Recorded(0, result, f"{index}.png") for index, result in enumerate(results))
    return Document(Model("critters", False, "cc"), (REQUEST,), FP32, environment(), runs)


def test_stages_are_counted_per_run_and_timed_over_all_calls() -> None:
    found = stage_statistics([run().spans, run(unet_ms=(40, 50, 60)).spans])["unet"]
    assert (found.count, found.median_ms, found.min_ms, found.max_ms) == (3, 35, 10, 60)
    assert found.total_ms == (60 + 150) / 2
    assert found.quartiles_ms == (22.5, 47.5)


def test_speedup_compares_medians_over_the_repeats() -> None:
    results = [(0, run(total_ms=ms)) for ms in (100, 300, 200)] + [(0, run(BF16, ms)) for ms in (40, 50, 60)]
    baseline, other = summarize(results, FP32)
    assert (baseline.speedup, other.speedup) == (1.0, 4.0)
    assert (baseline.total_ms, other.total_ms) == (200, 50)


def test_a_unet_only_speedup_is_that_of_single_iterations() -> None:
    results = [(0, run(unet_only=True, total_ms=999)), (0, run(BF16, unet_ms=(5, 5, 5), unet_only=True))]
    assert summarize(results, FP32)[1].speedup == 4.0


def test_failed_repeats_fail_the_variant_and_leave_the_figures_of_the_others() -> None:
    failed = Result(REQUEST, BF16, "error", error="it broke")
    summary = summarize([(0, run()), (0, run(BF16)), (0, failed)], FP32)[1]
    assert (summary.status, summary.error, summary.total_ms, summary.speedup) == (
        "error",
        "it broke",
        100,
        1.0,
    )
    only = summarize([(0, run()), (0, failed)], FP32)[1]
    assert (only.total_ms, only.speedup, only.stages) == (None, None, {})


def test_repeats_with_different_pictures_are_noticed() -> None:
    summary = summarize([(0, run()), (0, run(picture_sha256="other"))], FP32)[0]
    assert any("different pictures" in notice for notice in summary.notices)


def test_a_document_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    identical = run(BF16, quality=Quality(math.inf, 1.0, None))
    failed = Result(
        REQUEST, parse_variant("pytorch:fp16"), "error", error="no", detail="traceback", log_tail="log"
    )
    written = document(run(), run(), identical, failed)
    written = replace(
        written,
        runs=tuple(replace(item, image=None) if n == 1 else item for n, item in enumerate(written.runs)),
    )
    path = tmp_path / "a.json"
    write_document(path, written)
    assert read_document(path) == written
    assert list(tmp_path.iterdir()) == [path]


def test_the_json_has_every_key_of_schema_1() -> None:
    data = to_json(document(run(), run(BF16, 50)))
    assert {"schema", "model", "request", "baseline", "environment", "results"} <= set(data)
    assert data["schema"] == 1 and data["model"] == {
        "name": "critters",
        "synthetic": False,
        "weights_sha256": "cc",
        "reference": None,
    }
    assert {"cpu", "cores", "memory_mb", "os", "python", "packages", "devices"} <= set(data["environment"])
    entry = data["results"][1]
    assert (entry["variant"], entry["backend"], entry["device"], entry["precision"]) == (
        "pytorch:bf16",
        "pytorch",
        None,
        "bf16",
    )
    assert entry["optimizations"]["sdpa"] is True and entry["status"] == "ok" and entry["error"] is None
    assert (entry["load_seconds"], entry["total_ms"], entry["speedup"]) == (1.5, 50, 2.0)
    assert entry["stages"]["unet"] == {
        "count": 3,
        "median_ms": 20,
        "min_ms": 10,
        "max_ms": 30,
        "total_ms": 60,
        "quartiles_ms": [15.0, 25.0],
    }
    assert entry["memory"] == {"peak_rss_mb": 1024.0, "weights_mb": 1.0, "tensors_mb": None}
    assert entry["quality"]["psnr_db"] == 30.5 and entry["quality"]["prompt_fidelity"] == 0.75
    assert entry["image"] == "1.png"
    assert entry["runs"][0]["spans"][1]["kind"] == "kernel" and entry["runs"][0]["samples"] == [
        [3, 4],
        [5, 6],
    ]


@given(st.floats(), st.floats(), st.floats())
@settings(max_examples=50, deadline=None)
def test_no_number_makes_the_json_invalid(psnr_db: float, ssim: float, seconds: float) -> None:
    kernel = Span("conv", "unet", 0, 1, 0, "kernel", {"flops": seconds})
    result = run(quality=Quality(psnr_db, ssim, None), load_seconds=seconds, spans=(kernel,))
    text = dumps(document(result))
    assert from_json(json.loads(text, parse_constant=pytest.fail)).requests == (REQUEST,)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema", "model", "results", "requests", "baseline", "runs"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_what_is_no_document_is_said_to_be_none(data: object) -> None:
    for candidate in (data, {"schema": 1, "results": data}):
        with pytest.raises(UnreadableDocument):
            from_json(candidate)


def test_an_unreadable_file_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text(dumps(document(run()))[:500])
    with pytest.raises(UnreadableDocument, match=r"half\.json") as caught:
        read_document(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableDocument, match=r"missing\.json"):
        read_document(tmp_path / "missing.json")


ROOT = Path(__file__).parents[2]

WRITES_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from workbench.files import WriteFailed, write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    write_whole(Path(sys.argv[1]), bytes(20_000))
except WriteFailed as error:
    print(error)
"""


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    """In a process of its own: the limit is the whole process's, and kills one whose handlers a library changed."""
    pytest.importorskip("resource", reason="limits of POSIX")
    path = tmp_path / "a.json"
    write_whole(path, b"before")
    command = [sys.executable, "-c", WRITES_TOO_MUCH, str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "a.json cannot be written" in ended.stdout, ended.stderr
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "a.json"
    path.symlink_to(Path("folder", "b.json"))
    check_writable(path)
    write_whole(path, b"content")
    assert path.is_symlink() and (tmp_path / "folder" / "b.json").read_bytes() == b"content"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    check_writable(path)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(path.read_bytes)
        write_whole(path, b"content")
        assert read.result(10) == b"content"
    assert path.is_fifo()


def test_outputs_that_cannot_be_written_are_told_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    too_long = tmp_path / f"{'a' * 300}.png"
    for path in (
        tmp_path,
        tmp_path / "none" / "a.png",
        tmp_path / "file" / "a.png",
        too_long,
        Path("/proc/a.png"),
    ):
        with pytest.raises(CannotWrite):
            check_writable(path)
    for path in (tmp_path / "file", tmp_path / "file" / "folder", too_long, Path("/proc/folder")):
        with pytest.raises(CannotWrite):
            check_writable_folder(path)
    check_writable(tmp_path / "a.png")
    check_writable_folder(tmp_path / "new" / "folder")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
