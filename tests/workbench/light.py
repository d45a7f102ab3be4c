"""Hosts for worker processes that need no torch, and start in a third of a second."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from backends.contract import Load, Loaded, Loading
from backends.worker import Channel
from workbench.judging import Judge, Judged, JudgeReady


def echo(channel: Channel) -> None:
    """Answers every message with itself."""
    while (message := channel.receive()) is not None:
        channel.send(message)


def environment(channel: Channel) -> None:
    """Answers the name of a variable with its value."""
    while (message := channel.receive()) is not None:
        channel.send(os.environ.get(message, ""))


def imported(channel: Channel) -> None:
    """Answers the name of a module with whether it is imported here."""
    while (message := channel.receive()) is not None:
        channel.send(message in sys.modules)


def heavy(channel: Channel) -> None:
    """Takes 200 MB, says so, and waits."""
    ballast = bytearray(os.urandom(1) * 200_000_000)
    channel.send(len(ballast))
    while channel.receive() is not None:
        channel.send(len(ballast))


def parent(channel: Channel) -> None:
    """Starts a child process of its own and tells its id."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    channel.send(child.pid)
    while channel.receive() is not None:
        pass


def chatty_exit(channel: Channel) -> None:
    """Writes to its log and ends with status 3."""
    print("the last words", flush=True)
    os._exit(3)


def slow_loader(channel: Channel) -> None:
    """Loads for a minute, and computes all the while."""
    while (message := channel.receive()) is not None:
        if isinstance(message, Load):
            channel.send(Loading("converting", 0.1))
            time.sleep(60)
            channel.send(Loaded(60.0, None, "nothing"))


def judge(channel: Channel) -> None:
    """Finds in every picture a green bird."""
    channel.send(JudgeReady())
    while (message := channel.receive()) is not None:
        assert isinstance(message, Judge)
        named = {"species": "bird"} if "bird" in message.prompt else {}
        channel.send(Judged(1.0 if named else None, {"species": "bird", "colour": "green"}, named))


def broken_judge(channel: Channel) -> None:
    """Cannot load its classifier."""
    raise FileNotFoundError("judge.safetensors is missing")


def spin(channel: Channel) -> None:
    """Says nothing for four seconds, and computes."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        sum(range(1000))
    channel.send("done")
    channel.receive()
