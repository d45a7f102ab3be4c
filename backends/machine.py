"""What the machine lets this process use: cores, memory, the processor's name. Standard library only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""The instruction sets that decide how fast a model runs on a processor, by the names of Linux."""
BYTE_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""Those of :data:`INSTRUCTIONS`, any of which sums products of 8 bits in 32."""
X86 = frozenset({"x86_64", "amd64", "i386", "i686", "x86"})
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Physical cores that this process may run on: affinity and a container's quota respected, at least 1."""
    logical = (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    physical = len({_siblings(cpu) for cpu in logical})
    return max(1, min(physical, _quota() or physical))


def compute_threads() -> int:
    """Threads that a model computes with: ``OMP_NUM_THREADS`` where the person set it, else every usable core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else usable_cores()


def processor_name() -> str:
    """The processor as its maker calls it, or the architecture where the system does not say."""
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "CPU"


def instructions() -> tuple[str, ...]:
    """Those of :data:`INSTRUCTIONS` that the processor has; empty where the system does not list them."""
    if not _CPUINFO.exists():
        return ()
    for line in _CPUINFO.read_text(errors="replace").splitlines():
        if line.startswith("flags"):
            flags = set(line.split())
            return tuple(name for name in INSTRUCTIONS if name in flags)
    return ()


def sums_bytes_exactly() -> bool:
    """Whether the processor sums products of 8 bits in 32. An x86 without VNNI and AMX adds two of them in 16 bits, which cut off
    what does not fit, silently; one whose system lists no instructions is taken for such."""
    return platform.machine().lower() not in X86 or not BYTE_PRODUCTS.isdisjoint(instructions())


def memory_bytes() -> int | None:
    """The machine's main memory, or the container's limit where it is lower; None where the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _read(Path("/sys/fs/cgroup/memory.max"))
    return min(total, int(limit)) if limit and limit.isdigit() else total


def _siblings(cpu: int) -> str:
    return _read(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")) or str(cpu)


def _quota() -> int | None:
    quota, _, period = (_read(_CGROUP_QUOTA) or "").partition(" ")
    return -(-int(quota) // int(period)) if quota.isdigit() and period.isdigit() else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
