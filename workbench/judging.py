"""What travels to the judge's worker process and back. Standard library only; the judge itself needs torch.

The judge's host is ``workbench.critters.judge:host``, a function that :func:`backends.worker.serve` calls with a
:class:`backends.worker.Channel` in a process of its own. It loads the classifier, sends :class:`JudgeReady`, and answers every
:class:`Judge` that ``channel.receive()`` gives with one :class:`Judged`, until that gives None. What it raises is
reported as the reason why fidelity is not measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.contract import Picture

JUDGE_ENTRY = "workbench.critters.judge:host"


@dataclass(frozen=True)
class Judge:
    """Judge ``picture`` (any size, RGB) against ``prompt``."""

    prompt: str
    picture: Picture


@dataclass(frozen=True)
class JudgeReady:
    """The classifier is loaded."""


@dataclass(frozen=True)
class Judged:
    """``fidelity``: of the attributes that the prompt names, the fraction found in the picture; None if it names none.

    ``named`` and ``found`` map an attribute (``species``, ``body_colour`` ...) to its value.
    """

    fidelity: float | None
    found: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
