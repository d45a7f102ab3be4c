"""``./run history``, as a person meets it."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.workbench import samples
from workbench.cli import run
from workbench.document import read_document
from workbench.history import History
from workbench.pictures import read_settings


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def records() -> tuple[int, int]:
    history = History()
    before, after = samples.document(), samples.document(unet_ms=(100.0, 40.0, 25.0))
    return history.add(before, samples.pictures(before), tag="before"), history.add(after, kind="compare")


def test_an_empty_history_says_what_fills_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "list"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "generate, compare and ladder add to it" in said.err


def test_records_are_listed_shown_and_named(
    records: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "list"]) == 0
    said = capsys.readouterr().out
    assert "pytorch:bf16" in said and "before" in said
    assert run(["history", "tag", str(records[1]), "after"]) == 0
    assert run(["history", "list", "--tag", "after", "--json", "-"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["records"]
    assert (entry["id"], entry["tag"], entry["variants"]) == (records[1], "after", list(samples.VARIANTS))
    assert run(["history", "show", str(records[0])]) == 0
    assert "pytorch:fp32 (baseline)" in capsys.readouterr().out


def test_two_records_are_compared(
    records: tuple[int, int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    numbers = [str(number) for number in records]
    assert run(["history", "compare", *numbers, "--json", str(tmp_path / "a.json")]) == 0
    said = capsys.readouterr().out
    assert "UNet, one call, ms" in said and "-33.3 %" in said and "lower" in said and "openvino" not in said
    changes = json.loads((tmp_path / "a.json").read_text())["changes"]
    unet = next(c for c in changes if c["figure"] == "unet_ms" and c["variant"] == "pytorch:bf16")
    assert (unet["verdict"], unet["unit"]) == ("lower", "ms") and unet["before"]["value"] == pytest.approx(60)
    assert run(["history", "compare", *numbers, "--all"]) == 0
    assert "within the spread" in capsys.readouterr().out


def test_a_record_is_exported_whole(records: tuple[int, int], tmp_path: Path) -> None:
    files = ["--json", "a.json", "--report", "a.html", "--trace", "a.trace", "--out", "pictures"]
    wanted = [item if item.startswith("--") else str(tmp_path / item) for item in files]
    assert run(["history", "export", str(records[0]), *wanted]) == 0
    assert read_document(tmp_path / "a.json") == History().document(records[0])
    assert "data-wipe" in (tmp_path / "a.html").read_text()
    assert json.loads((tmp_path / "a.trace").read_text())["traceEvents"]
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert pictures[0].name == "critters_openvino.int8+tome=0.4_42.png"
    assert len(pictures) == 3 and read_settings(pictures[0]).request == samples.REQUEST


def test_pictures_of_synthetic_weights_leave_the_history_marked(tmp_path: Path) -> None:
    document = samples.document(synthetic=True)
    plain = samples.pictures(document)
    record = str(History().add(document, plain))
    report, folder = tmp_path / "a.html", tmp_path / "pictures"
    assert run(["history", "export", record, "--out", str(folder), "--report", str(report)]) == 0
    files = sorted(folder.iterdir())
    assert len(files) == len(plain) == 3
    page = report.read_text()
    for file in files:
        assert read_settings(file).request == samples.REQUEST
        assert file.read_bytes() not in plain.values()
        assert b64encode(file.read_bytes()).decode() in page
    assert History().pictures(int(record)) == plain, "the window marks what it shows"


def test_records_are_deleted_all_or_none(
    records: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "delete", str(records[0]), "99"]) == 2
    assert "no record 99" in capsys.readouterr().err and len(History().entries()) == 2
    assert run(["history", "delete", *map(str, records)]) == 0
    assert History().entries() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["forget"], "invalid choice"),
        (["show"], "ID"),
        (["show", "7"], "no record 7"),
        (["show", "first"], "expected its number"),
        (["show", "0"], "expected its number"),
        (["compare", "1"], "B"),
        (["compare", "1", "9" * 30], "expected its number"),
        (["list", "--limit", "none"], "above 0"),
        (["list", "--json", "/proc/a.json"], "/proc/a.json"),
        (["tag", "1", "x" * 200], "at most 100"),
        (["delete", "7"], "no record 7"),
        (["export", "1"], "nothing to export"),
        (["export", "1", "--out", "/proc/folder"], "/proc/folder"),
        (["export", "1", "--report", "a.pdf"], "ends in .html"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert said in printed.err


def test_a_damaged_history_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    History().path.write_bytes(b"no database at all" * 100)
    assert run(["history", "list"]) == 1
    assert "cannot be used" in capsys.readouterr().err
