"""What is converted is kept, whole or not at all: killed, at once, cancelled, unwritable, offline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends import paths
from backends.contract import BackendError, Loading
from backends.models import resolve
from backends.openvino.conversion import Conversion
from backends.openvino.store import RECIPE, Store, open_store
from backends.staged import Cancellation
from tests.backends.openvino_models import write_small_model

ROOT = Path(__file__).resolve().parents[2]
CONVERT = """
    import sys

    def refuse(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo"):
            print("network", arguments, flush=True)
            raise OSError("no network at run time")

    sys.addaudithook(refuse)
    from backends.models import resolve
    from backends.openvino.conversion import Conversion
    from backends.openvino.store import open_store

    store, _ = open_store()
    conversion = Conversion(resolve(sys.argv[1]), 0.0, store, lambda what, fraction: print(what, flush=True))
    print("ready", flush=True)
    sys.stdin.readline()
    print("folder", conversion.pipeline_folder(), flush=True)
"""


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("models") / "small", seed=1)


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def silent(what: str, fraction: float | None) -> None:
    pass


def finished(store: Store) -> list[str]:
    return sorted(file.parent.name for file in store.root.glob(f"*/{RECIPE}"))


def partial(root: Path) -> list[Path]:
    return list(root.glob("*.partial"))


def test_a_folder_is_made_once_and_found_again_by_its_recipe(tmp_path: Path):
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "model").write_text("weights")

    first = Store(tmp_path).folder("unet", {"tome": 0.5, "height": 64}, make, silent)
    again = Store(tmp_path).folder("unet", {"height": 64, "tome": 0.5}, make, silent)
    other = Store(tmp_path).folder("unet", {"height": 64, "tome": 0.4}, make, silent)
    assert first == again != other
    assert len(made) == 2
    assert (first / "model").read_text() == "weights"


@pytest.mark.parametrize("error", [Cancellation(), ValueError("a bug"), KeyboardInterrupt()])
def test_a_making_that_ends_early_leaves_nothing(error: BaseException, tmp_path: Path):
    store = Store(tmp_path)

    def make(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        store.folder("unet", {}, make, silent)
    assert not finished(store) and not partial(tmp_path)
    assert store.folder("unet", {}, lambda folder: None, silent)


def test_a_full_disk_is_an_error_that_says_where_and_what_to_do(tmp_path: Path):
    def make(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        BackendError, match=rf"cannot write unet-.* to {tmp_path} \(No space left.*MiB are free"
    ):
        Store(tmp_path).folder("unet", {}, make, silent)
    assert not partial(tmp_path)


WRITES_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
import numpy, openvino
from openvino import opset13 as ops
from backends.contract import BackendError
from backends.openvino.store import Store
large = ops.constant(numpy.ones((500, 500), numpy.float32))
taken = ops.parameter([1, 500], numpy.float32)
model = openvino.Model([ops.matmul(taken, large, False, False)], [taken])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    Store(Path(sys.argv[1])).folder("unet", {}, lambda folder: openvino.save_model(model, folder / "a.xml"), lambda *_: None)
except BackendError as error:
    print(error)
"""


def test_what_openvino_cannot_write_to_its_end_is_that_error_too(tmp_path: Path):
    """In a process of its own, whose files have a limit: OpenVINO says no more than that a stream failed."""
    pytest.importorskip("resource", reason="limits of POSIX")
    command = [sys.executable, "-c", WRITES_TOO_MUCH, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout.startswith("cannot write unet-") and "make room" in ended.stdout, ended.stderr
    assert not partial(tmp_path)


def test_what_is_being_made_is_not_swept_away(tmp_path: Path):
    def make(folder: Path) -> None:
        Store(tmp_path)
        assert folder.is_dir()

    Store(tmp_path).folder("unet", {}, make, silent)


def test_a_cache_that_cannot_be_written_is_done_without_and_said(empty_home: Path):
    (empty_home / "cache").parent.mkdir()
    (empty_home / "cache").write_text("a file where a folder should be")
    store, notices = open_store()
    assert "the cache cannot be written" in notices[0]
    assert store.root.is_relative_to(Path(tempfile.gettempdir()))
    store.close()
    assert not store.root.exists()


def test_a_model_that_changed_is_converted_anew(small_model: Path, empty_home: Path):
    store, _ = open_store()
    source = Conversion(resolve(str(small_model)), 0.0, store, silent).source
    scheduler = small_model / "scheduler" / "scheduler_config.json"
    before = scheduler.read_text()
    scheduler.write_text(before.replace("epsilon", "v_prediction"))
    assert Conversion(resolve(str(small_model)), 0.0, store, silent).source != source
    scheduler.write_text(before)
    assert Conversion(resolve(str(small_model)), 0.0, store, silent).source == source


def test_a_cancelled_conversion_leaves_nothing(small_model: Path, empty_home: Path):
    def cancel(what: str, fraction: float | None) -> None:
        if what == "converting" and fraction:
            raise Cancellation

    store, _ = open_store()
    with pytest.raises(Cancellation):
        Conversion(resolve(str(small_model)), 0.0, store, cancel).pipeline_folder()
    assert not finished(store) and not partial(store.root)


def test_a_killed_conversion_leaves_nothing_that_counts(
    start_worker: Callable[..., Any], small_model: Path, empty_home: Path
):
    worker = start_worker()
    worker.load(small_model, "openvino")
    while (message := worker.until(Loading)[0]).what != "converting" or not message.fraction:
        pass
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join(10)
    assert partial(paths.cache_dir() / "openvino")
    store, _ = open_store()
    assert not finished(store) and not partial(store.root)


def test_two_processes_at_once_convert_once_and_without_a_network(small_model: Path, empty_home: Path):
    command = [sys.executable, "-c", textwrap.dedent(CONVERT), str(small_model)]
    pair = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
        for _ in range(2)
    ]
    for process in pair:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in pair:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=200)[0].splitlines() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert sorted("converting" in lines for lines in said) == [False, True]
    assert any("waiting for another process" in line for lines in said for line in lines)
    assert len({lines[-1] for lines in said}) == 1
    assert not any(line.startswith("network") for lines in said for line in lines)
