"""How a worker process comes into being, and that it never outlives the process it works for.

On Linux workers are forked from a server that has done their common imports (seconds of them) and nothing else. Elsewhere, and
where there is a graphics card that PyTorch computes on, each is spawned, and imports for itself: those imports ask how many
cards there are, after which CUDA and ROCm refuse to work in a forked process.

A forked worker is given the environment of the session as it is now, not as it was when the server started. The server serves
every session of this program. It ends with the last of them (:func:`hold_server`), and with the program, also when that is
killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

COMMON_IMPORTS = "backends.common_imports"
CARDS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""What Linux has where there is a card for CUDA, for ROCm, or for either through Windows."""
_PR_SET_PDEATHSIG = 1
_SECONDS_TO_END = 1.0


def forks(cards: Iterable[Path] = CARDS) -> bool:
    """Whether workers can be forked here: on Linux, where none of these devices is."""
    return sys.platform == "linux" and not any(card.exists() for card in cards)


FORKS = forks()
_holding = threading.Lock()
_holders = 0


def start_process(target: Callable[..., None], *arguments: Any, name: str) -> tuple[BaseProcess, Connection]:
    """Run ``target(connection, *arguments)`` in a process of its own; returns it and our end of the connection.

    The first call waits for the server's imports. Raises OSError where no process can be started.
    """
    if FORKS:
        begin_server()
        # A server that dies leaves it to the worker to tell what kills it.
        with contextlib.suppress(EOFError, ConnectionError):
            return _started("forkserver", target, arguments, name)
    return _started("spawn", target, arguments, name)


def begin_server() -> None:
    """Start the server, where workers are forked, and do not wait for its imports; nothing where it is there already.

    Who may not come to start a worker ends it by :func:`end_idle_server`.
    """
    if FORKS:
        multiprocessing.set_forkserver_preload([COMMON_IMPORTS])
        forkserver.ensure_running()


def end_server() -> None:
    """End the server at once, and so the workers it has, and whoever waits for its imports; the next start makes a new one."""
    if not FORKS:
        return
    pid = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    if pid is not None:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # reaping it is multiprocessing's


def end_idle_server() -> None:
    """End the server unless it has workers: one that still imports, say, for a start that nobody waits for any more."""
    if not multiprocessing.active_children():
        end_server()


def hold_server() -> None:
    """Keep the server, once it is there, until :func:`release_server` was called as often as this."""
    global _holders
    with _holding:
        _holders += 1


def release_server() -> None:
    """Let go of what :func:`hold_server` held; the last to do so ends the server, and no process of ours is left.

    To be called when one's own workers have ended.
    """
    global _holders
    with _holding:
        _holders -= 1
        if FORKS and not _holders:
            end_server()
            forkserver._forkserver._stop()  # pyright: ignore[reportAttributeAccessIssue]  # reaps it
            _end_tracker()


def _end_tracker() -> None:
    """End the process in which multiprocessing notes semaphores, which came with the server and is started again on need.

    It ends by itself when nobody holds its pipe any more.
    """
    tracker: Any = resource_tracker._resource_tracker
    with tracker._lock:
        if tracker._fd is None or tracker._pid is None:
            return
        os.close(tracker._fd)
        pid, tracker._fd, tracker._pid = tracker._pid, None, None
    deadline = time.monotonic() + _SECONDS_TO_END
    with contextlib.suppress(ChildProcessError):
        while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < deadline:
            time.sleep(0.005)


def _started(
    method: str, target: Callable[..., None], arguments: tuple[Any, ...], name: str
) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    try:
        process = context.Process(  # pyright: ignore[reportAttributeAccessIssue]
            target=_run, args=(target, dict(os.environ), theirs, *arguments), daemon=True, name=name
        )
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


def _run(
    target: Callable[..., None], environment: Mapping[str, str], connection: Connection, *arguments: Any
) -> None:
    """The first thing that runs in a worker process."""
    os.environ.clear()
    os.environ.update(environment)
    _die_with_parent()
    # What libraries do with multiprocessing in a worker is theirs: no semaphores in the tracker of the session's process.
    multiprocessing.set_start_method(None, force=True)
    target(connection, *arguments)


def _die_with_parent() -> None:
    """Ask Linux to kill this process with its parent, even when it hangs; elsewhere the worker sees the pipe close.

    The parent of a forked worker is the server, which ends when nobody holds a certain pipe any more: this process must not.
    """
    if sys.platform != "linux":
        return
    import ctypes

    server = getattr(forkserver, "_forkserver", None)
    held = getattr(server, "_forkserver_alive_fd", None)
    if held is not None:
        os.close(held)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        sys.exit(1)
