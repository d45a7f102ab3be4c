"""The process that hosts one loaded pipeline and speaks the contract's messages over a pipe.

``workbench.spawning`` starts it. Whoever does so closes its own copy of the child's end, so that a killed parent is noticed.

``serve`` hosts whatever its entry names: a function that takes a :class:`Channel` and answers messages until
``receive`` returns None. This module needs no torch; an entry imports what it needs.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from backends import registry
from backends.contract import (
    Cancel,
    Cancelled,
    Failed,
    Generate,
    InvalidModel,
    InvalidRequest,
    Load,
    Loaded,
    Loading,
    Shutdown,
)
from backends.models import fetch, resolve
from backends.staged import Cancellation

DEFAULT_ENTRY = "backends.worker:host"


class Channel:
    """The worker's end of the pipe. A thread reads it all the time, so that Cancel, Shutdown and the parent's death are
    noticed while the main thread computes. A Cancel is for the message before it, also when that still waits its turn.
    """

    def __init__(self, connection: Connection):
        self._connection = connection
        self._inbox: queue.SimpleQueue[tuple[Any, threading.Event]] = queue.SimpleQueue()
        self._latest = threading.Event()
        self._current = threading.Event()
        self._busy = threading.Event()
        self._sending = threading.Lock()
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def receive(self) -> Any | None:
        """The next message, or None when the worker is to end."""
        self._busy.clear()
        message, self._current = self._inbox.get()
        self._busy.set()
        return None if isinstance(message, Shutdown) else message

    def send(self, message: Any) -> None:
        """Send a message to the parent; where there is no parent any more, the process ends here."""
        try:
            with self._sending:
                self._connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            _leave(1)

    def cancelled(self) -> bool:
        """Whether the message last received was cancelled."""
        return self._current.is_set()

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                _leave(1)
            except Exception as error:  # a message whose class this process does not know
                self.send(failure(error))
                continue
            if isinstance(message, Cancel):
                self._latest.set()
            elif isinstance(message, Shutdown) and self._busy.is_set():
                _leave(0)
            else:
                self._latest = threading.Event()
                self._busy.set()
                self._inbox.put((message, self._latest))


def serve(connection: Connection, entry: str = DEFAULT_ENTRY, log_path: str = os.devnull) -> None:
    """A worker's main function: log to ``log_path``, run ``entry`` (``module:function``) on a Channel, and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _log_to(log_path)
    channel = Channel(connection)
    try:
        registry.imported(entry)(channel)
    except BaseException as error:
        channel.send(failure(error))
        _leave(1)
    _leave(0)


def host(channel: Channel) -> None:
    """The entry of every backend: Load a pipeline, then Generate, until the end."""
    loaded: Any = None
    while (message := channel.receive()) is not None:
        if isinstance(message, Load):
            if loaded is not None:
                loaded.hosted.close()
            loaded = None
            loaded = _answered(channel, _load, message)
        elif isinstance(message, Generate):
            _answered(channel, _generate, message, loaded)
        else:
            channel.send(
                Failed(
                    f"a worker was sent {type(message).__name__}; it takes Load, Generate, Cancel and Shutdown"
                )
            )
    if loaded is not None:
        loaded.hosted.close()


def failure(error: BaseException) -> Failed:
    """An exception as the message that crosses the border: one line for a person, and the traceback."""
    detail = "".join(traceback.format_exception(error))
    if _is_out_of_memory(error):
        first = str(error).strip().splitlines()[0] if str(error).strip() else "the allocation failed"
        return Failed(
            f"out of memory ({first[:200]}); try a smaller size, or a precision with fewer bits", detail
        )
    if isinstance(error, InvalidRequest):
        return Failed(str(error), detail, error.field)
    line = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, InvalidModel):
        return Failed(line, detail, "model")
    known = type(error).__module__.startswith("backends.")
    return Failed(line if known else f"{type(error).__name__}: {line[:400]}", detail)


def _answered(channel: Channel, work: Callable[..., Any], *arguments: Any) -> Any:
    """Run one message's work; what goes wrong is sent, and None returned."""
    try:
        return work(channel, *arguments)
    except Cancellation:
        channel.send(Cancelled())
    except Exception as error:
        traceback.print_exc()
        channel.send(failure(error))
    return None


def _load(channel: Channel, message: Load) -> Any:
    start = time.perf_counter()

    def progress(what: str, fraction: float | None = None) -> None:
        if channel.cancelled():
            raise Cancellation
        channel.send(Loading(what, fraction))

    progress("starting", None)
    card = fetch(resolve(message.model), progress)
    hosted = registry.factory(message.variant.backend)(card, message.variant, progress)
    generation = registry.imported("backends.generation:Generation")(hosted)
    seconds = time.perf_counter() - start
    channel.send(Loaded(seconds, hosted.weights_bytes, hosted.device_name, hosted.notices))
    return generation


def _generate(channel: Channel, message: Generate, loaded: Any) -> None:
    if loaded is None:
        channel.send(Failed("no model is loaded in this worker; send Load first, and wait for Loaded"))
        return
    message.request.check()
    if loaded.is_cold(message):
        channel.send(Loading(loaded.hosted.warmup))
    channel.send(loaded.run(message, channel.send, channel.cancelled))


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in text
        or "not enough memory" in text
        or "CL_MEM_OBJECT_ALLOCATION_FAILURE" in text
        or "CL_OUT_OF_RESOURCES" in text
    )


def _log_to(path: str) -> None:
    """Send what this process and its libraries print, at the level of file descriptors, to the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    faulthandler.enable(sys.stderr)


def _leave(status: int) -> None:
    """End at once: a driver's threads and exit handlers must not keep a worker that nobody waits for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(status)
