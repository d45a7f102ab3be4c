"""What this machine has for the workbench, what is missing, and for each the one command that mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from backends import paths
from backends.contract import BackendError
from backends.machine import compute_threads, instructions, memory_bytes, processor_name, usable_cores
from backends.models import resolve
from workbench.caches import list_caches
from workbench.devices import Devices
from workbench.environment import APPLICATION, MEBIBYTE, version
from workbench.timeline import format_bytes

Status = Literal["ok", "note", "missing"]
"""``note``: nothing to mend, but it explains a figure or a limit."""

ROOT = Path(__file__).resolve().parents[1]
FEATURES = {
    "AVX-512": (("avx512f",), "vectors of 512 bits"),
    "VNNI": (("avx512_vnni", "avx_vnni"), "products of 8 bits: INT8 without them gains little"),
    "BF16 vectors": (("avx512_bf16",), "products of bfloat16"),
    "AMX": (("amx_int8", "amx_bf16"), "matrix tiles: INT8 and bfloat16 several times as fast"),
}
"""What matters of a processor: the instruction sets, any of which will do, and what they give."""
GPU_DRIVERS = {
    "0x8086": (
        "Intel",
        {"apt-get": "intel-opencl-icd", "dnf": "intel-compute-runtime", "pacman": "intel-compute-runtime"},
    ),
    "0x1002": ("AMD", {"apt-get": "mesa-opencl-icd", "dnf": "mesa-libOpenCL", "pacman": "opencl-mesa"}),
    "0x10de": (
        "NVIDIA",
        {"apt-get": "nvidia-opencl-icd", "dnf": "xorg-x11-drv-nvidia-cuda", "pacman": "opencl-nvidia"},
    ),
}
COMPILERS = {"apt-get": "g++", "dnf": "gcc-c++", "zypper": "gcc-c++", "pacman": "gcc"}
LEAST_FREE_BYTES = 8 * 2**30
"""Room for Stable Diffusion converted once at fp32 and quantized once."""
SECONDS_FOR_A_DRIVER = 20


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``remedy`` is a command; it is there where ``status`` is ``missing`` and one will do."""

    area: str
    name: str
    status: Status
    detail: str
    remedy: str | None = None


def examine(devices: Sequence[Devices]) -> list[Finding]:
    """Look at everything; ``devices`` is what :func:`workbench.devices.list_devices` found. Some seconds."""
    return [
        *processor(instructions()),
        *_memory(),
        *_devices(devices),
        *drivers(devices, graphics_cards()),
        *packages(metadata.requires(APPLICATION) or []),
        *_system(),
        *_models(),
        *_caches(),
    ]


def processor(found: Iterable[str]) -> Iterator[Finding]:
    """The processor, and which of the instruction sets that matter it has."""
    has = set(found)
    yield Finding(
        "processor",
        "name",
        "ok",
        f"{processor_name()}, {usable_cores()} cores of which {compute_threads()} threads compute",
    )
    for name, (sets, gives) in FEATURES.items():
        present = [item for item in sets if item in has]
        if present:
            yield Finding("processor", name, "ok", f"{', '.join(present)}: {gives}")
        else:
            yield Finding("processor", name, "note", f"not here ({gives})")


def drivers(devices: Sequence[Devices], cards: Iterable[str]) -> Iterator[Finding]:
    """Runtimes and drivers by version; a graphics card of ``cards`` (PCI vendors) that no backend sees lacks its driver."""
    opencl = [device for item in devices if item.backend == "opencl" for device in item.devices]
    for device in opencl:
        said = device.properties
        yield Finding(
            "drivers", f"OpenCL, {device.name}", "ok", f"{said.get('platform')}, driver {said.get('driver')}"
        )
    if nvidia := _nvidia_driver():
        yield Finding("drivers", "NVIDIA", "ok", nvidia)
    seen = any(device.kind == "GPU" for item in devices for device in item.devices)
    for vendor in dict.fromkeys(cards):
        if vendor in GPU_DRIVERS and not seen:
            name, named = GPU_DRIVERS[vendor]
            yield Finding(
                "drivers",
                f"{name} graphics",
                "missing",
                "there is a card, and no backend can use it: its driver is not installed",
                install_command(named),
            )


def packages(requirements: Iterable[str]) -> Iterator[Finding]:
    """Every package that the project pins: its version, and whether it is the one that was tried."""
    for line in requirements:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = version(wanted.name)
        if found is None:
            yield Finding("packages", wanted.name, "missing", "not installed", _pip(wanted))
        elif not wanted.specifier.contains(found, prereleases=True):
            yield Finding(
                "packages", wanted.name, "missing", f"{found}; tried was {wanted.specifier}", _pip(wanted)
            )
        else:
            yield Finding("packages", wanted.name, "ok", found)


def graphics_cards() -> list[str]:
    """The PCI vendors of the graphics cards that Linux sees, such as ``0x8086``; empty elsewhere."""
    found = []
    for card in sorted(Path("/sys/class/drm").glob("card*/device/vendor")):
        try:
            found.append(card.read_text().strip())
        except OSError:
            continue
    return found


def install_command(named: Mapping[str, str]) -> str | None:
    """The command of this system's package manager for a package that each names its own way; None where none is known."""
    verbs = {"apt-get": "install", "dnf": "install", "zypper": "install", "pacman": "-S"}
    sudo = "sudo " if shutil.which("sudo") else ""
    for manager, verb in verbs.items():
        if manager in named and shutil.which(manager):
            return f"{sudo}{manager} {verb} {named[manager]}"
    return None


def _memory() -> Iterator[Finding]:
    total = memory_bytes()
    if total:
        yield Finding("machine", "memory", "ok", f"{total // MEBIBYTE:,} MiB")
    place = paths.cache_dir()
    free = shutil.disk_usage(place).free
    if free >= LEAST_FREE_BYTES:
        yield Finding("machine", "disk", "ok", f"{format_bytes(free)} free at {place}")
    else:
        yield Finding(
            "machine",
            "disk",
            "missing",
            f"{format_bytes(free)} free at {place}; converting Stable Diffusion takes {format_bytes(LEAST_FREE_BYTES)}",
            "./run cache clear",
        )


def _devices(devices: Sequence[Devices]) -> Iterator[Finding]:
    for item in devices:
        if item.error:
            yield Finding("devices", item.backend, "missing", item.error, _reinstall())
        for device in item.devices:
            memory = "" if device.memory_mb is None else f", {device.memory_mb:,} MiB"
            precisions = " ".join(device.precisions)
            yield Finding(
                "devices",
                f"{device.backend}@{device.id}",
                "ok",
                f"{device.name} ({device.kind}{memory}): {precisions}",
            )


def _system() -> Iterator[Finding]:
    """What comes from the system and no Python package brings: a compiler, Qt's libraries, a screen."""
    compiler = next(filter(None, map(shutil.which, ("g++", "c++", "clang++", "cl"))), None)
    if compiler:
        yield Finding("system", "C++ compiler", "ok", compiler)
    else:
        yield Finding(
            "system",
            "C++ compiler",
            "missing",
            "torch.compile (pytorch+compile) needs one",
            install_command(COMPILERS),
        )
    screen = sys.platform != "linux" or any(os.environ.get(name) for name in ("WAYLAND_DISPLAY", "DISPLAY"))
    complaint = _window_complaint(screen)
    if complaint:
        detail, _, remedy = complaint.partition("install them: ")
        yield Finding("system", "window", "missing", detail.rstrip("; "), remedy or None)
    elif screen:
        yield Finding("system", "window", "ok", "Qt's libraries and a screen are here")
    else:
        yield Finding(
            "system", "window", "note", "Qt's libraries are here, a screen is not: the command line only"
        )


def _window_complaint(screen: bool) -> str | None:
    """What :mod:`ui.system` has against opening a window, asked in a process of its own: that floor is above this one."""
    environment = dict(os.environ) if screen else os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "ui.system"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS_FOR_A_DRIVER
    )
    return " ".join(done.stderr.split()) if done.returncode else None


def _models() -> Iterator[Finding]:
    try:
        resolve("critters")
        yield Finding("models", "critters", "ok", "the built-in model is here")
    except BackendError as error:
        yield Finding("models", "critters", "missing", str(error), "git checkout -- assets")


def _caches() -> Iterator[Finding]:
    for cache in list_caches():
        yield Finding(
            "caches",
            cache.name,
            "ok",
            f"{format_bytes(cache.size_bytes)} in {cache.files} files: {cache.what}",
        )
    yield Finding("caches", "history", "ok", f"{_history_size()} at {paths.data_dir()}")


def _history_size() -> str:
    files = paths.data_dir().glob("history.sqlite3*")
    return format_bytes(sum(file.stat().st_size for file in files))


def _nvidia_driver() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_FOR_A_DRIVER)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return "; ".join(done.stdout.split("\n")).strip("; ") if done.returncode == 0 else None


def _pip(wanted: Requirement) -> str:
    return f"{sys.executable} -m pip install '{wanted.name}{wanted.specifier}'"


def _reinstall() -> str:
    return f"{sys.executable} -m pip install --editable {ROOT}"
