"""The doctor says what is missing and the command that mends it; caches are listed and cleared, safely."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from backends.devices import Device
from backends.openvino.store import RECIPE
from workbench import doctor
from workbench.caches import clear, list_caches
from workbench.cli import run
from workbench.devices import Devices


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory with something of every kind in it."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    root = tmp_path / "cache"
    for name in ("unet-1", "unet-2"):
        (root / "openvino" / name).mkdir(parents=True)
        (root / "openvino" / name / RECIPE).write_text("{}")
        (root / "openvino" / name / "model.bin").write_bytes(bytes(1000))
    (root / "openvino" / "locks").mkdir()
    (root / "openvino" / "compiled").mkdir()
    (root / "openvino" / "compiled" / "1.blob").write_bytes(bytes(100))
    (root / "opencl" / "binaries").mkdir(parents=True)
    (root / "opencl" / "binaries" / "a.bin").write_bytes(bytes(50))
    (root / "older").mkdir()
    return root


def test_caches_are_listed_with_their_sizes(cache: Path) -> None:
    found = {item.name: item for item in list_caches()}
    assert list(found) == ["openvino", "opencl", "older"]
    assert (found["openvino"].files, found["openvino"].size_bytes) == (5, 2 * 1002 + 100)
    assert found["older"].what == "of another version"


def test_clearing_frees_what_was_named_and_says_how_much(cache: Path) -> None:
    (gone,) = clear(["opencl"])
    assert (gone.name, gone.files, gone.size_bytes) == ("opencl", 1, 50)
    assert not (cache / "opencl").exists() and (cache / "openvino" / "unet-1" / RECIPE).exists()
    clear()
    assert [item.size_bytes for item in list_caches()] == [0]


def test_what_a_process_is_making_is_left_alone(cache: Path) -> None:
    with FileLock(cache / "openvino" / "locks" / "unet-1.lock"):
        clear(["openvino"])
    assert (cache / "openvino" / "unet-1" / RECIPE).exists()
    assert not (cache / "openvino" / "unet-2").exists()
    clear(["openvino"])
    assert not (cache / "openvino" / "unet-1").exists()


def test_the_cache_commands_say_what_they_did(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "list"]) == 0
    assert "converted, quantized and compiled models" in capsys.readouterr().out
    assert run(["cache", "clear", "openvino", "--json", "-"]) == 0
    (gone,) = json.loads(capsys.readouterr().out)["caches"]
    assert (gone["name"], gone["size_bytes"]) == ("openvino", 2104)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cache"], "COMMAND"),
        (["cache", "burn"], "invalid choice"),
        (["cache", "clear", "opencl", "nothing"], "there are openvino, opencl, older"),
        (["cache", "list", "--json", "/proc/a.json"], "/proc/a.json"),
        (["doctor", "--json", "/proc/a.json"], "/proc/a.json"),
        (["doctor", "--now"], "--now"),
    ],
)
def test_bad_input_is_one_line_and_status_2_and_clears_nothing(
    arguments: list[str], said: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert said in printed.err and (cache / "opencl" / "binaries" / "a.bin").exists()


def test_what_a_processor_has_is_told_with_what_it_gives() -> None:
    found = {item.name: item for item in doctor.processor(["avx2", "avx512f", "avx512_vnni"])}
    assert [found[name].status for name in ("AVX-512", "VNNI", "BF16 vectors", "AMX")] == [
        "ok",
        "ok",
        "note",
        "note",
    ]
    assert all(item.remedy is None for item in found.values())


def test_a_package_that_is_missing_or_of_another_version_names_the_command() -> None:
    lines = ["psutil>=7", "psutil==0.1", "no-such-package==3", "no-such-package; sys_platform == 'never'"]
    fine, other, missing = doctor.packages(lines)
    assert (fine.status, other.status, missing.status) == ("ok", "missing", "missing")
    assert other.remedy == f"{sys.executable} -m pip install 'psutil==0.1'"
    assert missing.remedy and missing.remedy.endswith("'no-such-package==3'")


def test_a_graphics_card_that_no_backend_sees_lacks_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = tmp_path / "apt-get"
    manager.write_text("#!/bin/sh\n")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    processor = Devices("opencl", (Device("opencl", "0", "a processor", "CPU", properties={"driver": "1"}),))
    (_, card) = doctor.drivers([processor], ["0x8086"])
    assert (card.status, card.name) == ("missing", "Intel graphics")
    assert card.remedy == "apt-get install intel-opencl-icd"
    graphics = Devices("opencl", (Device("opencl", "0", "a card", "GPU", properties={"driver": "1"}),))
    assert [item.status for item in doctor.drivers([graphics], ["0x8086"])] == ["ok"]


def test_the_doctor_looks_at_everything_and_its_status_says_whether_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    path = tmp_path / "a.json"
    status = run(["doctor", "--json", str(path)])
    said = capsys.readouterr().out
    findings = json.loads(path.read_text())["findings"]
    missing = [item for item in findings if item["status"] == "missing"]
    assert status == bool(missing)
    assert {item["area"] for item in findings} >= {"processor", "machine", "devices", "drivers", "packages"}
    assert {item["area"] for item in findings} >= {"system", "models", "caches"}
    assert "pytorch@cpu" in said and "torch 2.13.0" in said
    for item in missing:
        assert (item["remedy"] or "no single command") in said
    assert os.environ["WORKBENCH_HOME"] in said
