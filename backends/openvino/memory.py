"""What a model's weights take, and giving memory back: of its file what a compiled model has copied already, and what is free."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import openvino

_MAPS = Path("/proc/self/maps")
_DONTNEED = 4
"""``MADV_DONTNEED`` of Linux: of a file that is mapped to be read, pages are dropped, and read again where they are used."""


def constants_bytes(model: openvino.Model) -> int:
    """What a model's constants take: its weights, at the precision it stores them."""
    return sum(node.get_byte_size() for node in model.get_ops() if node.get_type_name() == "Constant")


def drop_mapped_pages(file: Path) -> None:
    """Take the pages of a mapped file out of this process's resident set; where the system is not Linux, nothing happens.

    A compiled model keeps its file mapped, though it computes on a copy of the weights in its own layout; until they
    are dropped, the weights count twice.
    """
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    mapped = str(file.resolve())
    for line in _MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] == mapped and "w" not in fields[1]:
            start, end = (int(address, 16) for address in fields[0].split("-"))
            madvise(start, end - start, _DONTNEED)


def return_free_memory() -> None:
    """Let glibc return what this process has freed and it has kept; where there is no glibc, nothing happens.

    After a conversion that is gigabytes, which would count as the variant's own as long as its worker lives.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
