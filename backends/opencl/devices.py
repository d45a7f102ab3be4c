"""OpenCL's devices, the fastest class first: ``opencl@N`` names the Nth of :func:`devices`, counted from 0."""

from __future__ import annotations

from typing import Any

import pyopencl as cl

from backends.contract import BackendError
from backends.devices import Device
from backends.opencl import platforms

MEBIBYTE = 2**20
_KINDS = (
    (cl.device_type.GPU, "GPU"),
    (cl.device_type.ACCELERATOR, "ACCELERATOR"),
    (cl.device_type.CPU, "CPU"),
)
_SLOWER_PLATFORM = "Portable Computing Language"


def devices() -> list[Device]:
    """Every device of every platform: GPUs, accelerators, then CPUs, of which PoCL's come last."""
    return [described(index, device) for index, device in enumerate(_found())]


def find(name: str | None) -> tuple[Device, cl.Device]:
    """The device of a variant, the first where it names none. Raises BackendError listing those there are."""
    found = _found()
    if not found:
        raise BackendError(f"there is no OpenCL device here; {platforms.missing()}")
    known = [described(index, device) for index, device in enumerate(found)]
    for device, handle in zip(known, found, strict=True):
        if device.id == (name or "0"):
            return device, handle
    listed = ", ".join(f"{device.id} ({device.name})" for device in known)
    raise BackendError(f"OpenCL has no device {name!r} here; it has {listed}")


def described(index: int, device: Any) -> Device:
    """What matters of a device: compute units, local memory, fp16 arithmetic, memory, driver."""
    platform = device.platform
    return Device(
        "opencl",
        str(index),
        device.name.strip(),
        kind_of(device),
        device.global_mem_size // MEBIBYTE,
        ("fp32", "fp16"),
        {
            "platform": platform.name.strip(),
            "version": device.version.strip(),
            "driver": device.driver_version.strip(),
            "compute_units": int(device.max_compute_units),
            "local_memory_kb": int(device.local_mem_size) // 1024,
            "largest_buffer_mb": int(device.max_mem_alloc_size) // MEBIBYTE,
            "work_group": int(device.max_work_group_size),
            "fp16_arithmetic": "cl_khr_fp16" in device.extensions.split(),
        },
    )


def kind_of(device: Any) -> str:
    """``GPU``, ``ACCELERATOR``, ``CPU``, or ``OTHER``."""
    return next((name for bit, name in _KINDS if device.type & bit), "OTHER")


def _found() -> list[Any]:
    platforms.prepare()
    try:
        handles = [device for platform in cl.get_platforms() for device in _devices_of(platform)]
    except cl.LogicError as error:
        if error.code == cl.status_code.PLATFORM_NOT_FOUND_KHR:
            return []
        raise BackendError(f"the OpenCL loader failed: {error}") from error
    return sorted(handles, key=_rank)


def _devices_of(platform: Any) -> list[Any]:
    try:
        return [device for device in platform.get_devices() if device.available and device.compiler_available]
    except cl.Error:  # a platform without devices says so by an error
        return []


def _rank(device: Any) -> tuple[int, bool, int]:
    order = [name for _, name in _KINDS]
    kind = kind_of(device)
    return (
        order.index(kind) if kind in order else len(order),
        device.platform.name.startswith(_SLOWER_PLATFORM),
        -int(device.max_compute_units),
    )
