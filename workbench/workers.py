"""The worker processes of a session: started, kept warm, watched, and ended.

One process hosts one loaded model and variant. A reader thread a worker puts what the worker says into the session's
inbox, so that the session waits in one place, without polling; ``None`` in a worker's place says that it is gone.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psutil

from backends.contract import Loaded, Shutdown, Variant
from backends.worker import DEFAULT_ENTRY, serve
from workbench.spawning import end_idle_server, hold_server, release_server, start_process

MODEL_ENTRY = DEFAULT_ENTRY
LOG_TAIL_BYTES = 4000
SHUTDOWN_SECONDS = 1.5
SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class WorkerKey:
    """What a worker hosts: an entry (``module:function``), and for a model its name and variant."""

    entry: str
    model: str | None = None
    variant: Variant | None = None


@dataclass(frozen=True)
class Said:
    """A message of ``worker``; ``message`` is None when its process has ended."""

    worker: Worker
    message: Any


class Stopped(Exception):
    """The person cancelled, and the worker did not answer in time (or was loading): it must be killed."""


class Worker:
    """One worker process and the session's end of its pipe. Made by :class:`WorkerPool`."""

    def __init__(self, key: WorkerKey, log_path: Path, inbox: SimpleQueue[Any]):
        self.key = key
        self.log_path = log_path
        self.loaded: Loaded | None = None
        self.last_used = time.monotonic()
        self.gap_seconds = self.slowest_gap_seconds = self.slowest_idle_seconds = 0.0
        self.peak_rss_bytes = 0
        self.backlog: deque[Any] = deque()
        self._oom_kills = _oom_kills()
        self.process, self._connection = start_process(
            serve, key.entry, str(log_path), name=f"worker {key.entry}"
        )
        self.pid = self.process.pid or 0
        self.descendants: list[psutil.Process] = []
        try:
            self.ps: psutil.Process | None = psutil.Process(self.pid)
        except psutil.NoSuchProcess:
            self.ps = None
        threading.Thread(target=_read, args=(self, self._connection, inbox), daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def send(self, message: object) -> None:
        """Send; a worker that is gone already is reported by the inbox, not here."""
        with contextlib.suppress(OSError, ValueError):
            self._connection.send(message)

    def rss_bytes(self) -> int:
        """The resident set of the worker and its children (as last listed by :meth:`list_descendants`); 0 when gone."""
        total = 0
        for process in (self.ps, *self.descendants):
            if process is not None:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def list_descendants(self) -> None:
        """Look for the worker's child processes (a compiler's, say). Reads the whole process table: not for every sample."""
        if self.ps is not None:
            with contextlib.suppress(psutil.Error):
                self.descendants = self.ps.children(recursive=True)

    def cpu_seconds(self) -> float:
        """Processor time of the worker and its children so far; it stands still in a worker that hangs."""
        total = 0.0
        for process in (self.ps, *self.descendants):
            if process is not None:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    total += times.user + times.system
        return total

    def log_tail(self) -> str:
        """The last lines that the worker wrote, for a person who wants to know why it failed."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(0, 2)
                log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
                return log.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def end_reason(self) -> str:
        """Why the process ended, in words; to be asked after it is gone."""
        self.process.join(SHUTDOWN_SECONDS)
        if self.process.exitcode == -signal.SIGKILL and _oom_kills() > self._oom_kills:
            return "its worker was ended by SIGKILL: the system ran out of memory"
        return describe_exit(self.process.exitcode)

    def kill(self) -> None:
        """End the process and its children at once, stopped or hanging as they may be."""
        self.list_descendants()
        _kill([*self.descendants, *([self.ps] if self.ps else [])])
        self.process.join(SHUTDOWN_SECONDS)
        self._connection.close()


def describe_exit(exit_code: int | None) -> str:
    """An exit code of :mod:`multiprocessing` (negative: a signal) as words."""
    if exit_code is None:
        return "its worker closed the connection"
    if exit_code >= 0:
        return f"its worker ended by itself (exit status {exit_code})"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    meaning = {
        "SIGKILL": " (by hand, or by the system when memory ran out)",
        "SIGSEGV": " (a crash in native code: a driver or a library)",
        "SIGABRT": " (native code gave up)",
        "SIGBUS": " (a crash in native code, or a full shared memory)",
        "SIGILL": " (an instruction that this processor does not have)",
    }
    return f"its worker was ended by {name}{meaning.get(name, '')}"


class WorkerPool:
    """The workers of one session, warm between runs; the least recently used go first when memory is short."""

    def __init__(self, budget_bytes: int):
        self.budget_bytes = budget_bytes
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self._workers: dict[WorkerKey, Worker] = {}
        self._directory = Path(tempfile.mkdtemp(prefix="workbench-logs-"))
        self._usual_bytes: dict[WorkerKey, int] = {}
        self._started = 0
        self._starting: Future[Worker] | None = None
        # In a thread, for the first start waits for the imports of all workers and can be cancelled meanwhile. In one that lives
        # as long as the pool, for Linux ends a spawned worker when the *thread* that started it ends.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
        hold_server()
        self._finalizer = weakref.finalize(self, _clean, self._workers, self._directory)

    def get(self, key: WorkerKey) -> Worker | None:
        """The warm worker of ``key``, or None. One that ended while idle is forgotten here."""
        worker = self._workers.get(key)
        if worker is not None and not worker.alive:
            self.drop(worker)
            return None
        if worker is not None:
            worker.last_used = time.monotonic()
        return worker

    def start(self, key: WorkerKey, cancelled: threading.Event | None = None) -> Worker:
        """Start a process for ``key``; it has loaded nothing yet. Raises Stopped when ``cancelled`` is set before it is there,
        OSError where none can be started."""
        self._started += 1
        log_path = self._directory / f"{self._started}.log"
        self._starting = self._spawner.submit(Worker, key, log_path, self.inbox)
        while not futures.wait([self._starting], SECONDS_BETWEEN_LOOKS if cancelled else None).done:
            if cancelled and cancelled.is_set():
                self._starting.add_done_callback(_kill_started)
                raise Stopped
        self._workers[key] = worker = self._starting.result()
        return worker

    def make_room(self, need_bytes: int, keep: Iterable[Worker] = ()) -> bool:
        """End idle workers, the least recently used first, until ``need_bytes`` fit in the budget; False if they never do."""
        kept = set(map(id, keep))
        if need_bytes > self.budget_bytes:
            return False
        for worker in sorted(self._workers.values(), key=lambda item: item.last_used):
            if self.used_bytes() + need_bytes <= self.budget_bytes:
                break
            if id(worker) not in kept:
                self.end([worker])
        return True

    def usual_bytes(self, key: WorkerKey) -> int:
        """The most that a worker of this key has taken so far in this session; 0 before the first."""
        return self._usual_bytes.get(key, 0)

    def used_bytes(self) -> int:
        """What the warm workers take: each one's resident set now."""
        return sum(worker.rss_bytes() for worker in self._workers.values())

    def warm(self) -> list[Worker]:
        """The workers that live, the least recently used first."""
        return sorted(
            (item for item in self._workers.values() if item.alive), key=lambda item: item.last_used
        )

    def drop(self, worker: Worker) -> None:
        """Kill a worker and forget it."""
        self._forget(worker)
        worker.kill()

    def end(self, workers: Iterable[Worker]) -> None:
        """Ask workers to end, all at once, and kill those that don't within a moment."""
        ending = list(workers)
        for worker in ending:
            self._forget(worker)
            worker.list_descendants()
            worker.send(Shutdown())
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for worker in ending:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.kill()

    def _forget(self, worker: Worker) -> None:
        if self._workers.get(worker.key) is worker:
            del self._workers[worker.key]
        self._usual_bytes[worker.key] = max(self.usual_bytes(worker.key), worker.peak_rss_bytes)

    def close(self) -> None:
        """End every worker; none is left when this returns, nor what they were forked from, where no other pool is open."""
        self.end(list(self._workers.values()))
        if self._starting and not self._starting.done():
            self._starting.add_done_callback(_kill_started)
            end_idle_server()
        self._spawner.shutdown(wait=True)
        self._finalizer()


def _read(worker: Worker, connection: Connection, inbox: SimpleQueue[Any]) -> None:
    try:
        while connection in wait([connection, worker.process.sentinel]):
            inbox.put(Said(worker, connection.recv()))
    except (EOFError, OSError):
        pass
    finally:
        inbox.put(Said(worker, None))


def _kill_started(starting: Future[Worker]) -> None:
    """For a start that nobody waits for any more."""
    if starting.exception() is None:
        starting.result().kill()


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _clean(workers: dict[WorkerKey, Worker], directory: Path) -> None:
    for worker in list(workers.values()):
        worker.kill()
    workers.clear()
    shutil.rmtree(directory, ignore_errors=True)
    release_server()


def _oom_kills() -> int:
    """How many processes Linux has ended for want of memory so far; 0 where that is not told."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/vmstat").open() as lines:
        for line in lines:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
