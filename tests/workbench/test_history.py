"""The history keeps what was measured, whatever happens to the process that writes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backends.contract import Picture
from backends.variants import format_variant, parse_variant
from tests.workbench import samples
from workbench.changes import compare_documents
from workbench.comparison import Comparison
from workbench.document import UnreadableDocument, from_json, to_json
from workbench.events import Finished
from workbench.history import History, HistoryError
from workbench.recording import keep
from workbench.results import Result

ROOT = Path(__file__).parents[2]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite3")


def test_a_record_is_read_back_as_it_was_written(history: History) -> None:
    document = samples.document()
    pictures = samples.pictures(document)
    number = history.add(document, pictures, kind="compare", tag="before")
    entry = history.entry(number)
    assert (entry.kind, entry.model, entry.status, entry.tag) == ("compare", "critters", "ok", "before")
    assert entry.prompt == samples.REQUEST.prompt and entry.variants == samples.VARIANTS
    assert history.document(number) == document
    assert history.pictures(number) == pictures


def test_an_optimization_that_came_after_a_record_is_off_in_it(history: History) -> None:
    document = samples.document(["openvino", "pytorch", "openvino:int8"])
    number = history.add(document, samples.pictures(document))
    with sqlite3.connect(history.path) as connection:
        (packed,) = connection.execute("SELECT document FROM record").fetchone()
        data = json.loads(zlib.decompress(packed))
        for entry in data["results"]:
            for newer in ("winograd", "polyphase"):
                entry["optimizations"].pop(newer, None)
        connection.execute("UPDATE record SET document = ?", (zlib.compress(json.dumps(data).encode()),))
    read = history.document(number)
    lines = [format_variant(variant) for variant in dict.fromkeys(run.result.variant for run in read.runs)]
    assert lines == ["openvino:fp32-all", "pytorch:fp32", "openvino:int8"]
    assert read.baseline == read.runs[0].result.variant
    assert set(history.pictures(number)) == {(0, run.result.variant) for run in read.runs}


def test_what_a_document_says_of_an_optimization_counts_whatever_the_default_is_today() -> None:
    data = to_json(samples.document(["openvino", "pytorch", "openvino:fp32-winograd"]))
    first, _, third = (entry["optimizations"] for entry in data["results"])
    first |= {"winograd": False, "polyphase": False}
    third |= {"winograd": True, "polyphase": True}
    found = [format_variant(run.result.variant) for run in from_json(data).runs]
    assert list(dict.fromkeys(found)) == ["openvino:fp32-all", "pytorch:fp32", "openvino:fp32"]
    for entry in data["results"]:
        del entry["optimizations"]
    found = [format_variant(run.result.variant) for run in from_json(data).runs]
    assert list(dict.fromkeys(found)) == ["openvino:fp32", "pytorch:fp32", "openvino:fp32-winograd"]
    for strange in ({"winograd": None}, {"tome": "much"}, {"tome": True}, ["winograd"], "winograd", 3):
        data["results"][0]["optimizations"] = strange
        with pytest.raises(UnreadableDocument, match="damaged"):
            from_json(data)


def test_the_newest_comes_first_and_a_tag_finds_its_own(history: History) -> None:
    first, second, third = (history.add(samples.document(repeats=1), kind="compare") for _ in range(3))
    history.tag(second, "release 1")
    assert [entry.id for entry in history.entries()] == [third, second, first]
    assert [entry.id for entry in history.entries(limit=1)] == [third]
    assert [entry.id for entry in history.entries(tag="release 1")] == [second]
    history.tag(second, "")
    assert history.entries(tag="release 1") == []


def test_deleting_takes_the_pictures_along_and_all_records_or_none(history: History) -> None:
    document = samples.document(repeats=1)
    first = history.add(document, samples.pictures(document))
    second = history.add(document, samples.pictures(document))
    with pytest.raises(HistoryError, match="no record 99"):
        history.delete([first, 99])
    assert len(history.entries()) == 2
    history.delete([first])
    assert [entry.id for entry in history.entries()] == [second]
    with sqlite3.connect(history.path) as connection:
        assert connection.execute("SELECT DISTINCT record FROM picture").fetchall() == [(second,)]


@pytest.mark.parametrize("call", ["entry", "document", "pictures"])
def test_a_record_that_is_not_there_is_one_line(call: str, history: History) -> None:
    with pytest.raises(HistoryError, match="there is no record 7"):
        getattr(history, call)(7)
    with pytest.raises(HistoryError, match="there is no record 7"):
        history.tag(7, "a")


def test_a_damaged_file_a_newer_one_and_a_long_tag_are_one_line(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(b"this is no database" * 200)
    with pytest.raises(HistoryError, match=r"damaged\.sqlite3 cannot be used"):
        History(damaged).entries()
    newer = History(tmp_path / "newer.sqlite3")
    newer.entries()
    with sqlite3.connect(newer.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match="newer version"):
        newer.entries()
    with pytest.raises(HistoryError, match="at most 100"):
        History(tmp_path / "a.sqlite3").add(samples.document(repeats=1), tag="x" * 101)


def test_half_a_surrogate_pair_in_a_prompt_is_kept_as_far_as_it_can_be(history: History) -> None:
    request = samples.Request("a cat \ud83d", steps=1, width=64, height=64)
    number = history.add(samples.document(repeats=1, request=request))
    assert history.entry(number).prompt == "a cat ?"


def test_threads_write_at_once_and_none_is_lost(history: History) -> None:
    document = samples.document(repeats=1)
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: history.add(document), range(12)))
    assert sorted(numbers) == sorted(entry.id for entry in history.entries()) and len(set(numbers)) == 12


def test_a_comparison_is_kept_from_its_last_events_as_a_window_has_them(history: History, model: str) -> None:
    variants = tuple(map(parse_variant, ("pytorch", "pytorch:bf16")))
    comparison = Comparison(model, (samples.REQUEST,), variants, variants[0])
    picture = Picture(64, 64, bytes(3 * 64 * 64))
    good = Finished(variants[0], 0, 0, samples.result(variants[0], 10.0), picture)
    stopped = Finished(variants[1], 0, 0, Result(samples.REQUEST, variants[1], "cancelled"), None)
    assert keep(history, comparison, [stopped], "compare") is None
    number = keep(history, comparison, [good, stopped], "compare")
    assert number is not None
    assert (history.entry(number).status, history.entry(number).model) == ("cancelled", "tiny")
    (png,) = history.pictures(number).values()
    assert png.startswith(b"\x89PNG")
    assert history.document(number).model.reference == model


WRITER = """
import sys
from pathlib import Path
from tests.workbench import samples
from workbench.history import History
history = History(Path(sys.argv[1]))
document = samples.document(repeats=1)
pictures = {place: bytes(2_000_000) for place in samples.pictures(document)}
while True:
    print(history.add(document, pictures), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_writer_that_is_killed_loses_no_record_that_it_had_finished(history: History) -> None:
    before = history.add(samples.document())
    told: list[int] = []
    for delay in (0.0, 0.013, 0.037):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(history.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            told += [int(writer.stdout.readline()) for _ in range(2)]
            time.sleep(delay)  # into the middle of a later write
            os.kill(writer.pid, signal.SIGKILL)
            told += [int(line) for line in writer.stdout]
    kept = [entry.id for entry in history.entries()]
    assert {before, *told} <= set(kept)
    for number in kept:
        assert len(history.document(number).runs) >= 3
        assert all(len(png) == 2_000_000 for png in history.pictures(number).values())
    with sqlite3.connect(history.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_of_two_records_the_figures_that_changed_beyond_their_spread_are_told() -> None:
    before = samples.document(unet_ms=(100.0, 60.0, 25.0))
    after = samples.document(unet_ms=(100.5, 40.0, 25.0))
    found = compare_documents(before, after)
    changed = {
        (change.variant, change.name): change
        for change in found.changes
        if change.verdict in ("lower", "higher")
    }
    assert changed["pytorch:bf16", "unet_ms"].verdict == "lower"
    assert changed["pytorch:bf16", "unet_ms"].percent == pytest.approx(-33.3, abs=0.1)
    assert ("pytorch:fp32", "unet_ms") not in changed and ("openvino:int8+tome=0.4", "unet_ms") not in changed
    loads = [change for change in found.changes if change.name == "load_seconds"]
    assert loads and all(change.verdict == "unclear" for change in loads)


def test_records_of_other_variants_models_and_machines_say_so() -> None:
    before = samples.document()
    after = samples.document(("pytorch:fp32", "pytorch:fp16"), (100.0, 50.0), synthetic=True)
    found = compare_documents(before, after)
    assert found.only_before == ("pytorch:bf16", "openvino:int8+tome=0.4") and found.only_after == (
        "pytorch:fp16",
    )
    assert any("model" in text for text in found.differences)


def test_two_records_of_one_variant_each_are_compared_whatever_the_variant() -> None:
    one, other = (
        samples.document((line,), (ms,)) for line, ms in (("pytorch", 100.0), ("pytorch:bf16", 50.0))
    )
    found = compare_documents(one, other)
    assert {change.variant for change in found.changes} == {"pytorch:fp32 → pytorch:bf16"}
    assert found.only_before == found.only_after == ()
