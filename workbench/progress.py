"""Where a run is, and why it made no picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["idle", "preparing", "running", "cancelling", "done", "cancelled", "failed"]
ACTIVE: tuple[Phase, ...] = ("preparing", "running", "cancelling")


@dataclass(frozen=True)
class Progress:
    """Where a run is. ``index`` counts finished iterations; ``seconds_left`` and ``fraction`` are None where unknown."""

    phase: Phase = "idle"
    what: str = ""
    fraction: float | None = None
    index: int = 0
    count: int = 0
    seconds_left: float | None = None

    @property
    def active(self) -> bool:
        return self.phase in ACTIVE


@dataclass(frozen=True)
class Failure:
    """Why a run made no picture: one line for a person, the rest for a developer."""

    message: str
    detail: str = ""
