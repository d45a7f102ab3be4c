"""Which devices the backends find on this machine: asked in a process per backend, for drivers may crash."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from backends.contract import Failed
from backends.devices import Device
from backends.registry import BACKENDS, imported
from backends.worker import Channel
from workbench.conversation import Conversation, Patience, WorkerFailed
from workbench.workers import WorkerKey, WorkerPool

ENTRY = "workbench.devices:host"
PATIENCE = Patience(idle=30.0, busy=120.0)


@dataclass(frozen=True)
class ListDevices:
    """The session's question."""

    backend: str


@dataclass(frozen=True)
class Devices:
    """What one backend found; ``error`` says in one line why it found none."""

    backend: str
    devices: tuple[Device, ...] = ()
    error: str | None = None


def list_devices(backends: Iterable[str] = (), cancelled: threading.Event | None = None) -> list[Devices]:
    """Ask the backends (all of them, where none is named) at once, and wait: some seconds. Not for a window's thread.

    Raises :class:`workbench.workers.Stopped` once ``cancelled`` is set; none of its processes is left then.
    """
    names = list(backends) or list(BACKENDS)
    cancelled = cancelled or threading.Event()
    pool = WorkerPool(budget_bytes=0)
    try:
        workers = {name: pool.start(WorkerKey(ENTRY, name), cancelled) for name in names}
        for name, worker in workers.items():
            worker.send(ListDevices(name))
        found = []
        for name, worker in workers.items():
            talk = Conversation(
                worker, pool.inbox, cancelled, PATIENCE, "listing devices", interruptible=False
            )
            found.append(_answer(name, talk))
        return found
    finally:
        pool.close()


def host(channel: Channel) -> None:
    """The entry of the worker: answers :class:`ListDevices` by importing that backend."""
    while (message := channel.receive()) is not None:
        channel.send(Devices(message.backend, tuple(imported(BACKENDS[message.backend].devices)())))


def _answer(backend: str, talk: Conversation) -> Devices:
    try:
        for message in talk.messages():
            if isinstance(message, Devices):
                return message
            if isinstance(message, Failed):
                return Devices(backend, error=message.message)
    except WorkerFailed as error:
        return Devices(backend, error=str(error))
    raise AssertionError("a conversation ends by a message or an exception")
