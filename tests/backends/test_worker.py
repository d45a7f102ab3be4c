"""The worker as a real process: what it answers, how it is stopped, and that it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from backends.contract import (
    Cancel,
    Cancelled,
    Failed,
    Generate,
    Generated,
    Iteration,
    Loaded,
    Loading,
    Request,
    Shutdown,
)
from backends.worker import Channel, failure

REQUEST = Request("a green cat", seed=7, steps=3, width=64, height=64)
LONG = replace(REQUEST, steps=1000, width=256, height=256)
ROOT = Path(__file__).resolve().parents[2]


def echo(channel: Channel) -> None:
    """An entry of our own, as the workbench's judge is one."""
    print("hello from the worker")
    os.system("echo hello from its child")
    while (message := channel.receive()) is not None:
        if message == "fail":
            raise ValueError("asked to fail")
        channel.send(("echo", message, channel.cancelled()))


ECHO = "tests.backends.test_worker:echo"


def test_load_and_generate_speak_the_contract(start_worker: Callable, tiny_model: Path):
    worker = start_worker()
    worker.send(Generate(REQUEST))
    assert "send Load first" in worker.receive().message
    worker.load(tiny_model)
    loaded, before = worker.until(Loaded, Failed)
    assert isinstance(loaded, Loaded), loaded
    assert all(isinstance(message, Loading) for message in before) and any(
        m.what == "reading" for m in before
    )
    assert loaded.weights_bytes and loaded.load_seconds > 0 and "thread" in loaded.device_name

    worker.send(Generate(REQUEST))
    first, before = worker.until(Generated, Failed)
    assert isinstance(first, Generated), first
    assert isinstance(before[0], Loading) and [m.index for m in before[1:]] == [0, 1, 2]
    assert first.picture and len(first.picture.pixels) == 64 * 64 * 3

    worker.send(Generate(replace(REQUEST, steps=0)))
    failed = worker.receive()
    assert (
        isinstance(failed, Failed) and failed.invalid_field == "steps" and "InvalidRequest" in failed.detail
    )

    worker.send("nonsense")
    assert "sent str" in worker.receive().message
    worker.send(Shutdown())
    worker.process.join(20)
    assert worker.process.exitcode == 0

    other = start_worker()
    other.load(tiny_model)
    other.send(Generate(REQUEST))
    again, _ = other.until(Generated, Failed)
    assert again.picture == first.picture, "the same request gives the same picture in every process"


def test_cancel_answers_within_an_iteration_and_the_worker_goes_on(start_worker: Callable, tiny_model: Path):
    worker = start_worker()
    worker.load(tiny_model)
    worker.until(Loaded)
    worker.send(Generate(LONG))
    worker.until(Iteration)
    worker.send(Cancel())
    cancelled, rest = worker.until(Cancelled, Generated, Failed)
    assert isinstance(cancelled, Cancelled) and len(rest) < 100
    worker.send(Cancel())
    worker.send(Generate(REQUEST))
    assert isinstance(worker.until(Cancelled, Generated, Failed)[0], Generated), (
        "a late Cancel is not for the next request"
    )
    worker.send(Generate(REQUEST))
    worker.send(Cancel())
    assert isinstance(worker.until(Cancelled, Generated)[0], Cancelled | Generated)


def test_a_model_or_variant_that_cannot_load_fails_in_one_line(
    start_worker: Callable, tmp_path: Path, tiny_model: Path
):
    worker = start_worker()
    for model, variant, says in (
        (tmp_path, "pytorch", "no model_index.json"),
        (tiny_model, "pytorch@cuda7", "has no device 'cuda7' here; it has cpu"),
        (tiny_model, "opencl@99", "no device '99' here; it has 0 ("),
    ):
        worker.load(model, variant)
        failed, _ = worker.until(Failed, Loaded)
        assert says in failed.message and "\n" not in failed.message and "Traceback" in failed.detail
    worker.load(tiny_model)
    assert isinstance(worker.until(Failed, Loaded)[0], Loaded)


def test_shutdown_ends_a_busy_worker(start_worker: Callable, tiny_model: Path):
    worker = start_worker()
    worker.load(tiny_model)
    worker.until(Loaded)
    worker.send(Generate(LONG))
    worker.until(Iteration)
    started = time.monotonic()
    worker.send(Shutdown())
    worker.process.join(10)
    assert worker.process.exitcode == 0 and time.monotonic() - started < 5


def test_any_entry_can_be_served_and_its_prints_go_to_the_log(start_worker: Callable):
    worker = start_worker(entry=ECHO)
    worker.send(1)
    assert worker.receive() == ("echo", 1, False)
    assert worker.log.read_text() == "hello from the worker\nhello from its child\n"
    worker.send("fail")
    failed = worker.receive()
    assert failed.message == "ValueError: asked to fail" and "Traceback" in failed.detail
    worker.process.join(10)
    assert worker.process.exitcode == 1


def test_an_interrupt_at_the_terminal_is_the_parents_affair(start_worker: Callable):
    worker = start_worker(entry=ECHO)
    worker.send(1)
    worker.receive()
    os.kill(worker.process.pid, signal.SIGINT)
    worker.send(2)
    assert worker.receive() == ("echo", 2, False)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_a_killed_parent_leaves_no_worker_even_a_busy_one(tiny_model: Path, tmp_path: Path):
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent(f"""
        import multiprocessing, sys, time
        from backends.contract import Failed, Generate, Iteration, Load, Request
        from backends.variants import parse_variant
        from backends.worker import DEFAULT_ENTRY, serve

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, DEFAULT_ENTRY, {str(tmp_path / "log")!r}), daemon=True)
            process.start()
            theirs.close()
            ours.send(Load({str(tiny_model)!r}, parse_variant("pytorch")))
            ours.send(Generate(Request("x", steps=1000, width=512, height=512)))
            while not isinstance(message := ours.recv(), Iteration):
                assert not isinstance(message, Failed), message
            print(process.pid, flush=True)
            time.sleep(600)
        """)
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(parent)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        worker = psutil.Process(int(process.stdout.readline()))
        assert worker.is_running()
        process.kill()
    _, alive = psutil.wait_procs([worker], timeout=5)
    assert not alive


def test_running_out_of_memory_is_called_that():
    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):
        assert failure(error).message.startswith("out of memory")
    assert failure(RuntimeError("some\nthing")).message == "RuntimeError: some thing"
