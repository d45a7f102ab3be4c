"""OpenVINO's devices: every one it lists, by its own name (``CPU``, ``GPU``, ``GPU.1``, ``NPU``)."""

from __future__ import annotations

from typing import Any

from openvino import Core

from backends.contract import BackendError
from backends.devices import Device
from backends.machine import compute_threads, instructions, memory_bytes, processor_name

MEBIBYTE = 2**20
NEEDS = {"fp32": "FP32", "bf16": "BF16", "int8": "INT8"}
"""The capability, as OpenVINO names it, that each precision takes."""


def devices() -> list[Device]:
    """Every device that OpenVINO can use here, in its order."""
    core = Core()
    return [_described(core, name) for name in core.available_devices]


def find(name: str | None) -> Device:
    """The device of a variant, ``CPU`` where it names none. Raises BackendError listing those there are."""
    known = devices()
    for device in known:
        if device.id == (name or "CPU").upper():
            return device
    raise BackendError(
        f"OpenVINO has no device {name!r} here; it has {', '.join(device.id for device in known)}"
    )


def check_precision(precision: str, device: Device) -> None:
    """Raise BackendError where the device has no such arithmetic, naming what it has."""
    if precision not in device.precisions:
        raise BackendError(
            f"{device.id} ({device.name}) has no {precision} in OpenVINO; it has {', '.join(device.precisions) or 'none of ours'}"
        )


def arithmetic(precision: str, device: Device) -> str:
    """What a variant computes in where nothing is quantized: its precision; around 8 bits the fastest the device has."""
    if precision != "int8":
        return precision
    if "bf16" in device.precisions:
        return "bf16"
    halves = device.kind != "CPU" and "FP16" in str(device.properties["capabilities"]).split()
    return "fp16" if halves else "fp32"


def _described(core: Core, name: str) -> Device:
    capabilities = set(_asked(core, name, "OPTIMIZATION_CAPABILITIES") or ())
    properties: dict[str, str | int | float | bool] = {"capabilities": " ".join(sorted(capabilities))}
    if architecture := _asked(core, name, "DEVICE_ARCHITECTURE"):
        properties["architecture"] = str(architecture)
    kind = name.split(".")[0]
    memory = memory_bytes() if kind == "CPU" else _asked(core, name, "GPU_DEVICE_TOTAL_MEM_SIZE")
    full_name = str(_asked(core, name, "FULL_DEVICE_NAME") or name)
    if kind == "CPU":
        full_name = processor_name()
        properties |= {"threads": compute_threads(), "instructions": " ".join(instructions())}
    precisions = tuple(precision for precision, need in NEEDS.items() if need in capabilities)
    megabytes = int(memory) // MEBIBYTE if memory else None
    return Device("openvino", name, full_name, kind, megabytes, precisions, properties)


def _asked(core: Core, name: str, what: str) -> Any:
    try:
        return core.get_property(name, what)
    except RuntimeError:  # a plugin that does not know this property
        return None
