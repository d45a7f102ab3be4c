"""Tuning a backend's kernels for a model, in a worker of its own: asked for by a person, used by every later run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from backends.contract import BackendError, Failed, Loading, Request, Variant
from backends.models import fetch, resolve
from backends.registry import BACKENDS, imported
from backends.tuning import Tuned
from backends.worker import Channel
from workbench.conversation import Conversation, Patience, WorkerFailed
from workbench.workers import WorkerKey, WorkerPool

ENTRY = "workbench.tuning:host"


@dataclass(frozen=True)
class Tune:
    """What to tune: the networks that a request of this size runs, or the UNet alone."""

    model: str
    variant: Variant
    request: Request
    unet_only: bool


def tune(wanted: Tune, said: Callable[[Loading], None]) -> Tuned:
    """Tune, and wait: minutes. Raises BackendError where there is nothing to tune, or it failed."""
    if BACKENDS[wanted.variant.backend].tuner is None:
        able = ", ".join(name for name, backend in BACKENDS.items() if backend.tuner)
        raise BackendError(f"{wanted.variant.backend} has nothing to tune; what can be tuned is {able}")
    pool = WorkerPool(budget_bytes=0)
    try:
        worker = pool.start(WorkerKey(ENTRY, wanted.model, wanted.variant))
        worker.send(wanted)
        talk = Conversation(worker, pool.inbox, threading.Event(), Patience(), "tuning")
        for message in talk.messages():
            if isinstance(message, Tuned):
                return message
            if isinstance(message, Failed):
                raise BackendError(message.message)
            said(message)
    except WorkerFailed as error:
        raise BackendError(str(error)) from error
    finally:
        pool.close()
    raise AssertionError("a conversation ends by a message or an exception")


def host(channel: Channel) -> None:
    """The entry of the worker: answers :class:`Tune` by importing that backend's tuner."""
    while (message := channel.receive()) is not None:

        def progress(what: str, fraction: float | None = None) -> None:
            channel.send(Loading(what, fraction))

        tuner = imported(BACKENDS[message.variant.backend].tuner or "")
        card = fetch(resolve(message.model), progress)
        channel.send(tuner(card, message.variant, message.request, message.unet_only, progress))
