"""The command line as a person meets it: real processes, their exit status, and what they print and write."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from backends.variants import parse_variant
from workbench.document import read_document
from workbench.history import History
from workbench.pictures import read_settings

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--steps", "2", "--size", "64x64")


def command(*arguments: object) -> list[str | bytes]:
    return [
        sys.executable,
        str(ROOT / "main.py"),
        *(item if isinstance(item, bytes) else str(item) for item in arguments),
    ]


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def broken(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that are nearly models."""
    root = tmp_path_factory.mktemp("broken")
    folders = {name: root / name for name in ("damaged", "other", "empty", "incomplete")}
    shutil.copytree(tiny_model, folders["damaged"])
    weights = folders["damaged"] / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    shutil.copytree(tiny_model, folders["other"])
    index = folders["other"] / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": "FluxPipeline"}))
    folders["empty"].mkdir()
    shutil.copytree(tiny_model, folders["incomplete"], ignore=lambda folder, names: {"vae"} & set(names))
    return folders


BAD_INPUT = {
    "empty prompt": (("--prompt", ""), "prompt is empty"),
    "blank prompt": (("--prompt", " \n "), "prompt is empty"),
    "10,000 characters": (("--prompt", "x" * 10_000), "10,000 characters; at most 4,000"),
    "10,000 characters of negative": (("--negative", "x" * 10_000), "75 tokens"),
    "bytes that are no text": (("--prompt", b"caf\xe9"), "not UTF-8"),
    "no multiple of 8": (("--size", "65x64"), "multiples of 8"),
    "no size": (("--size", "big"), "WIDTHxHEIGHT"),
    "huge size": (("--size", "64x999992"), "to 2048"),
    "zero steps": (("--steps", "0"), "allowed are 1 to 1000"),
    "100,000 steps": (("--steps", "100000"), "allowed are 1 to 1000"),
    "steps in words": (("--steps", "many"), "whole numbers"),
    "NaN guidance": (("--guidance", "nan"), "guidance scale is nan"),
    "infinite guidance": (("--guidance", "inf"), "guidance scale is inf"),
    "guidance in words": (("--guidance", "much"), "0 to 100"),
    "seed beyond 64 bits": (("--seed", str(2**64)), "64 bits"),
    "negative seed": (("--seed=-1",), "64 bits"),
    "fractional seed": (("--seed", "1.5"), "whole numbers"),
    "unknown scheduler": (("--scheduler", "magic"), "known are ddim"),
    "empty scheduler": (("--scheduler", ""), "known are ddim"),
    "JSON without a name": (("--json", ""), "is a folder"),
    "unknown backend": (("--variant", "pytroch"), "Did you mean pytorch"),
    "unknown optimization": (("--variant", "pytorch+sdap"), "known: sdpa"),
    "unknown precision": (("--variant", "pytorch:fp8"), "fp32, bf16, fp16"),
    "missing model": (("--model", "no/such/folder"), "no model"),
    "output that is no PNG": (("--out", "a.jpg"), ".png"),
    "output in no folder": (("--out", "none/a.png"), "no folder"),
    "read-only output": (("--out", "/proc/a.png"), "/proc/a.png"),
    "read-only JSON": (("--json", "/proc/a.json"), "/proc/a.json"),
    "one file for both": (("--out", "a.png", "--json", "a.png"), "both"),
    "no memory": (("--memory-budget", "0"), "above 0"),
    "unknown option": (("--fast",), "--fast"),
    "abbreviated option": (("--guid", "3"), "--guid"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2_and_writes_nothing(name: str, model: str, tmp_path: Path) -> None:
    options, said = BAD_INPUT[name]
    done = run(tmp_path, "generate", "--prompt", "a cat", "--model", model, *SMALL, *options)
    assert_refused(done, said, tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("damaged", "truncated or damaged"),
        ("other", "FluxPipeline"),
        ("empty", "model_index.json"),
        ("incomplete", "no vae"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused(
    name: str, said: str, broken: dict[str, Path], tmp_path: Path
) -> None:
    assert_refused(run(tmp_path, "generate", "--prompt", "a cat", "--model", broken[name]), said, tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--variant", "pytorch"), "--prompt"),
        (("--prompt", "a cat"), "--variant"),
        (("--prompt", "a cat", "--variant", "pytorch", "--variant", "pytorch:fp32"), "named twice"),
        (("--prompt", "a cat", "--variant", "pytorch", "--repeat", "0"), "repeats"),
        (("--prompt", "a cat", "--variant", "pytorch", "--out", "/proc/folder"), "/proc/folder"),
        (("--unet-only", "--variant", "pytorch", "--out", "pictures"), "--out"),
        (("--unet-only", "--variant", "pytorch", "--report", "a.pdf"), "ends in .html"),
        (("--unet-only", "--variant", "pytorch", "--report", "/proc/a.html"), "/proc/a.html"),
        (("--unet-only", "--variant", "pytorch", "--trace", "a.json", "--json", "a.json"), "both"),
    ],
)
def test_bad_comparisons_are_one_line_and_status_2(
    options: tuple[str, ...], said: str, model: str, tmp_path: Path
) -> None:
    assert_refused(run(tmp_path, "compare", "--model", model, *options), said, tmp_path)


def test_what_has_nothing_to_tune_is_one_line_and_status_2(tmp_path: Path) -> None:
    assert_refused(run(tmp_path, "tune", "--variant", "pytorch"), "what can be tuned is opencl", tmp_path)


def test_an_unknown_command_is_one_line_and_status_2(tmp_path: Path) -> None:
    assert_refused(run(tmp_path, "paint"), "paint", tmp_path)


def assert_refused(done: subprocess.CompletedProcess[str], said: str, folder: Path) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert said in done.stderr
    assert list(folder.iterdir()) == []


def test_generate_writes_the_picture_with_its_settings_and_the_json(model: str, tmp_path: Path) -> None:
    out, data = tmp_path / "a.png", tmp_path / "a.json"
    options = ("--prompt", "a green creature", "--seed", "42", "--negative", "blur", *SMALL)
    done = run(tmp_path, "generate", "--model", model, *options, "--out", out, "--json", data)
    assert done.returncode == 0, done.stderr
    found = read_settings(out)
    assert (found.request.prompt, found.request.seed, found.request.steps) == ("a green creature", 42, 2)
    assert found.variant == parse_variant("pytorch") and found.model == "tiny"
    document = read_document(data)
    result = document.runs[0].result
    assert (result.status, document.runs[0].image) == ("ok", str(out))
    assert (
        document.model.weights_sha256 == found.weights_sha256
        and len(document.model.weights_sha256 or "") == 64
    )
    assert "text_encoder" in done.stdout and done.stdout.rstrip().endswith("a.png")
    assert "warming up" in done.stderr and "error" not in done.stderr and "leaked" not in done.stderr


def test_compare_prints_a_table_and_writes_every_file_asked_for(model: str, tmp_path: Path) -> None:
    variants = ("--variant", "pytorch:bf16", "--baseline", "pytorch")
    options = (
        "--model",
        model,
        "--prompt",
        "a cat",
        "--seed",
        "5",
        *SMALL,
        "--repeat",
        "2",
        "--out",
        "pictures",
    )
    files = ("--json", "a.json", "--report", "a.html", "--trace", "a.trace")
    done = run(tmp_path, "compare", *variants, *options, *files, "--kernels")
    assert done.returncode == 0, done.stderr
    assert sorted(item.name for item in (tmp_path / "pictures").iterdir()) == [
        "tiny_pytorch.bf16_5.png",
        "tiny_pytorch.fp32_5.png",
    ]
    assert "pytorch:fp32 (baseline)" in done.stdout and "PSNR" in done.stdout and "torch 2" in done.stdout
    document = read_document(tmp_path / "a.json")
    assert [len(summary.totals_ms) for summary in document.summaries()] == [2, 2]
    assert [run.result.variant.precision for run in document.runs] == ["fp32", "fp32", "bf16", "bf16"]
    page = (tmp_path / "a.html").read_text()
    assert page.count('alt="“a cat” made by pytorch:') == 4 and "./run compare --variant pytorch:fp32" in page
    events = json.loads((tmp_path / "a.trace").read_text())["traceEvents"]
    assert {"stage", "kernel", "iteration", "memory"} <= {event.get("cat") for event in events}
    kept = History().entries(limit=1)[0]
    assert kept.variants == ("pytorch:fp32", "pytorch:bf16") and kept.kind == "compare"


def test_variants_that_fail_are_status_1_and_stand_in_the_results(model: str, tmp_path: Path) -> None:
    options = ("--model", model, "--prompt", "a cat", *SMALL, "--memory-budget", "100", "--json", "a.json")
    done = run(tmp_path, "compare", "--variant", "pytorch", *options)
    assert done.returncode == 1
    assert "error: pytorch:fp32: it would not fit" in done.stderr and "(failed)" in done.stdout
    summary = read_document(tmp_path / "a.json").summaries()[0]
    assert summary.status == "error" and "would not fit" in (summary.error or "")


def test_json_on_stdout_is_all_that_stdout_holds(model: str, tmp_path: Path) -> None:
    options = (
        "--unet-only",
        "--model",
        model,
        "--variant",
        "pytorch",
        "--steps",
        "3",
        "--json",
        "-",
        "--kernels",
    )
    done = run(tmp_path, "compare", *options)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    kernels = [span for span in data["results"][0]["runs"][0]["spans"] if span.get("kind") == "kernel"]
    assert kernels and all(span["stage"] == "unet" for span in kernels)
    assert data["unet_only"] is True and data["results"][0]["stages"]["unet"]["count"] == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_cancels_keeps_what_is_done_and_leaves_no_process(model: str, tmp_path: Path) -> None:
    options = ("--model", model, "--prompt", "a cat", "--size", "64x64", "--steps", "900", "--json", "a.json")
    asked = command("compare", "--variant", "pytorch", "--variant", "pytorch:bf16", *options)
    with subprocess.Popen(
        asked, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert started.stderr
        lines = []
        while not lines or "iterations" not in lines[-1]:
            lines.append(started.stderr.readline())
            assert lines[-1], lines
        processes = psutil.Process(started.pid).children(recursive=True)
        os.killpg(started.pid, signal.SIGINT)
        began = time.monotonic()
        assert started.wait(30) == 130
        assert time.monotonic() - began < 15
    assert processes and not psutil.wait_procs(processes, timeout=5)[1]
    assert [run.result.status for run in read_document(tmp_path / "a.json").runs] == [
        "cancelled",
        "cancelled",
    ]


@pytest.mark.skipif(os.name == "nt", reason="sessions of POSIX")
def test_wrong_arguments_leave_no_process(tmp_path: Path) -> None:
    """Neither does what workers are forked from, which starts before the arguments are read."""
    with subprocess.Popen(
        command("generate"), cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert "--prompt" in started.communicate(timeout=60)[1]
        deadline = time.monotonic() + 2
        while running(started.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not running(started.pid)


def running(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def test_devices_and_models_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "devices", "--json", "devices.json")
    assert done.returncode == 0 and "pytorch@cpu" in done.stdout
    listed = json.loads((tmp_path / "devices.json").read_text())["environment"]["devices"]
    assert {"backend": "pytorch", "id": "cpu"}.items() <= listed[0].items()
    done = run(tmp_path, "models", "--json", "-")
    models = {model["name"]: model for model in json.loads(done.stdout)["models"]}
    assert models["sd14-synthetic"]["synthetic"] is True
    assert models["sd14-synthetic"]["parameters"] == 1_066_235_307


def test_help_names_every_option(tmp_path: Path) -> None:
    done = run(tmp_path, "compare", "--help")
    assert done.returncode == 0
    for option in (
        "--baseline",
        "--repeat",
        "--unet-only",
        "--kernels",
        "--json",
        "--out",
        "--size",
        "--guidance",
    ):
        assert option in done.stdout
