"""Directories of our own, one thread, and workers to talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.contract import Failed, Load
from backends.opencl import devices
from backends.variants import parse_variant
from backends.worker import DEFAULT_ENTRY, serve
from workbench.spawning import start_process

# A worker hosts one backend; these tests host several in one process, and OpenVINO's older TBB must not come first
# (backends/opencl/platforms.py).
devices.devices()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our own cache and data directories, apart from the person's."""
    path = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setenv("WORKBENCH_HOME", str(path))
    monkeypatch.setenv("HF_HUB_CACHE", str(path / "hub"))
    return path


@pytest.fixture(scope="module", autouse=True)
def always_one_thread(one_thread: None) -> None:
    """Every module here runs the tiny model."""


class Worker:
    """A real worker process, and the parent's end of its pipe."""

    def __init__(self, log: Path, entry: str = DEFAULT_ENTRY):
        self.process, self.connection = start_process(serve, entry, str(log), name="worker")
        self.log = log

    def send(self, message: Any) -> None:
        self.connection.send(message)

    def receive(self, timeout: float = 60) -> Any:
        assert self.connection.poll(timeout), (
            f"no message in {timeout} s; the log says: {self.log.read_text()[-2000:]}"
        )
        return self.connection.recv()

    def until(self, *kinds: type) -> tuple[Any, list[Any]]:
        """The next message of one of these kinds, and those before it."""
        before: list[Any] = []
        while not isinstance(message := self.receive(), kinds):
            assert not isinstance(message, Failed), message
            before.append(message)
        return message, before

    def load(self, model: object, variant: str = "pytorch") -> None:
        self.send(Load(str(model), parse_variant(variant)))

    def end(self) -> None:
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(**options: Any) -> Worker:
        workers.append(Worker(tmp_path / f"worker-{len(workers)}.log", **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()
