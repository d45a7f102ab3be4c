"""What a measurement was made on: processor, cores, memory, system, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import metadata
from typing import Any

from backends.machine import compute_threads, memory_bytes, processor_name, usable_cores

APPLICATION = "diffusion-workbench"
MEBIBYTE = 2**20
PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "openvino",
    "optimum",
    "optimum-intel",
    "nncf",
    "pyopencl",
    "intel-opencl-rt",
)


def environment(devices: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The ``environment`` of the JSON: ``memory_mb`` in MiB, ``threads`` as many as a backend computes with on the CPU.

    ``devices`` are those that the results come from, or all that were found.
    """
    memory = memory_bytes()
    return {
        "cpu": processor_name(),
        "cores": usable_cores(),
        "threads": compute_threads(),
        "memory_mb": memory // MEBIBYTE if memory else None,
        "os": _system(),
        "python": platform.python_version(),
        "application": version(APPLICATION),
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "packages": {name: found for name in PACKAGES if (found := version(name))},
        "devices": [dict(device) for device in devices],
    }


@cache
def version(package: str) -> str | None:
    """The installed version of a package; None where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        name = None
    return f"{name}, {platform.system()} {platform.release()}" if name else platform.platform()
