"""PyTorch's devices: the processor, NVIDIA and AMD cards (``cuda``, ``cuda1`` ...), Apple's (``mps``)."""

from __future__ import annotations

import torch

from backends.contract import BackendError
from backends.devices import Device
from backends.machine import compute_threads, memory_bytes, processor_name

PRECISIONS = ("fp32", "bf16", "fp16")
MEBIBYTE = 2**20


def devices() -> list[Device]:
    """Every device that this PyTorch can use, the processor first."""
    memory = memory_bytes()
    found = [
        Device(
            "pytorch",
            "cpu",
            processor_name(),
            "CPU",
            memory // MEBIBYTE if memory else None,
            PRECISIONS,
            {"threads": compute_threads(), "instructions": torch.backends.cpu.get_cpu_capability()},
        )
    ]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        card = torch.cuda.get_device_properties(index)
        properties: dict[str, str | int | float | bool] = {
            "compute_capability": f"{card.major}.{card.minor}",
            "multiprocessors": card.multi_processor_count,
        }
        name = "cuda" if index == 0 else f"cuda{index}"
        found.append(
            Device("pytorch", name, card.name, "GPU", card.total_memory // MEBIBYTE, PRECISIONS, properties)
        )
    if torch.backends.mps.is_available():
        found.append(Device("pytorch", "mps", "Apple GPU", "GPU", None, PRECISIONS))
    return found


def find(name: str | None) -> tuple[Device, torch.device]:
    """The device of a variant (the processor where it names none). Raises BackendError listing those there are."""
    known = devices()
    for device in known:
        if device.id == (name or "cpu"):
            card = device.id.removeprefix("cuda")
            return device, torch.device("cuda", int(card or 0)) if card != device.id else torch.device(
                device.id
            )
    raise BackendError(
        f"PyTorch has no device {name!r} here; it has {', '.join(device.id for device in known)}"
    )
