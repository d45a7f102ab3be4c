"""What tuning a backend's kernels found: plain values, for every backend alike."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TunedKernel:
    """One kernel at one shape: the tile sizes that were fastest (empty: those it has anyway), and both times of a launch."""

    shape: str
    settings: dict[str, int] = field(default_factory=dict)
    milliseconds: float = 0.0
    usual_milliseconds: float = 0.0


@dataclass(frozen=True)
class Tuned:
    """All kernels of a model on one device, and the ``file`` that remembers them."""

    file: str
    kernels: tuple[TunedKernel, ...]
