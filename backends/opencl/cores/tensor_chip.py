"""What the kernels of the tensor core are made for, and which views they can copy in chunks of 16 bytes."""

from __future__ import annotations

from dataclasses import dataclass

from backends.opencl.graph import View
from backends.opencl.launch import Macros

CHUNK = 16
"""Bytes of a copy; what is copied whole begins at a multiple."""


@dataclass(frozen=True)
class Chip:
    """``nvidia``: with its instructions, else they are played; ``units``: multiprocessors; local memory in bytes."""

    nvidia: bool
    units: int
    local_memory: int = 49152

    @property
    def macros(self) -> Macros:
        return {"NVIDIA": int(self.nvidia)}

    def at_most(self, registers: int) -> tuple[str, ...]:
        """The compiler's option for a limit of registers below the hardware's own."""
        return (f"-cl-nv-maxrregcount={registers}",) if self.nvidia and registers < 255 else ()


def elements(precision: str) -> int:
    """Of a chunk."""
    return CHUNK // (2 if precision == "fp16" else 4)


def in_chunks(view: View, axis: int, count: int) -> bool:
    """Whether the elements along ``axis`` lie together in groups of ``count`` that begin at multiples of it."""
    others = [step for place, step in enumerate(view.strides) if place != axis and view.shape[place] > 1]
    return (
        view.strides[axis] == 1
        and view.shape[axis] % count == 0
        and view.offset % count == 0
        and all(step % count == 0 for step in others)
    )
