"""Comparisons that are worth making, as variants to put on the board."""

from __future__ import annotations

from dataclasses import dataclass

from backends.registry import BACKENDS
from backends.variants import parse_variant
from workbench.desk.availability import Availability
from workbench.desk.board import MAXIMUM_CARDS

EVERYTHING = "Everything this machine can do"


@dataclass(frozen=True)
class Preset:
    """``lines`` are variants in their one-line form, the baseline first."""

    title: str
    explanation: str
    lines: tuple[str, ...]
    source: str = ""


FIRST_LOOK = Preset(
    "First look",
    "PyTorch and OpenVINO at full and at half precision: ready within a minute.",
    ("pytorch", "pytorch:bf16", "openvino", "openvino:bf16"),
)

_FIXED = (
    FIRST_LOOK,
    Preset(
        "PyTorch then OpenVINO",
        "The four steps of the NNCF article: PyTorch, OpenVINO, 8 bits, and token merging on top.",
        ("pytorch", "openvino-all", "openvino:int8", "openvino:int8+tome=0.4"),
        "https://huggingface.co/blog/train-optimize-sd-intel",
    ),
    Preset(
        "GPU-aware ladder",
        "The five steps of “Speed Is All You Need”, each with those before it: group norm and GELU kernels, softmax, "
        "FlashAttention, Winograd.",
        (
            "opencl:fp16-all+buffer_reuse",
            "opencl:fp16-all+group_norm+gelu+buffer_reuse",
            "opencl:fp16-all+group_norm+gelu+softmax+buffer_reuse",
            "opencl:fp16-winograd",
            "opencl:fp16",
        ),
        "https://arxiv.org/abs/2304.11267",
    ),
    Preset(
        "A/B", "Two variants that differ in one switch: attention fused and not.", ("pytorch-sdpa", "pytorch")
    ),
)


def presets(availability: Availability) -> tuple[Preset, ...]:
    """Every preset; the last one is made of what the backends found here."""
    return (*_FIXED, _everything(availability))


def _everything(availability: Availability) -> Preset:
    lines = [
        f"{backend.name}:{precision}"
        for backend in BACKENDS.values()
        for precision in backend.precisions
        if not availability.backend_reason(backend.name)
        and not availability.precision_reason(backend.name, None, precision)
    ]
    for line in (
        *lines,
        *(f"{name}@{device.id}" for name in BACKENDS for device in availability.devices(name)[1:]),
    ):
        if line not in lines:
            lines.append(line)
    lines = [line for line in lines if parse_variant(line)]
    return Preset(
        EVERYTHING,
        "Every backend at every precision that it has here, on every device.",
        tuple(lines[:MAXIMUM_CARDS]),
    )
