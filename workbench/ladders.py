"""Ladders: published tables whose rows are variants, each adding something to the one before.

A ladder is data. A new one is a new entry of ``LADDERS``; the command line, the report and the window take it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from backends.contract import Request, Variant
from backends.registry import BACKENDS
from backends.variants import InvalidVariant, parse_variant
from workbench.comparison import Comparison

Measure = Literal["speedup", "change"]
"""How a row's time stands to the first row's: how many times as fast, or by how many percent the latency changed."""


@dataclass(frozen=True)
class Published:
    """A figure that the source gives for a row. ``weights`` is a part of the first row's weights (0.25: a quarter).

    ``value`` is in the ladder's measure: 3.9 is 3.9 times as fast, -52.2 is 52.2 % less latency.
    """

    value: float
    on: str
    weights: float | None = None


@dataclass(frozen=True)
class Row:
    """One row: its name in the source, its variant's line, and what it adds to the row before."""

    name: str
    line: str
    adds: str
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Ladder:
    """A published table. ``precisions`` are those it can be climbed at as a whole; none where its rows say their own."""

    name: str
    title: str
    source: str
    source_title: str
    measure: Measure
    conditions: str
    """What the published figures were measured on."""
    rows: tuple[Row, ...]
    precisions: tuple[str, ...] = ()
    unet: bool = False
    """Whether its times are those of one UNet iteration, where whole pictures are made too."""

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends of its rows, each once."""
        return tuple(dict.fromkeys(parse_variant(row.line).backend for row in self.rows))


LADDERS: dict[str, Ladder] = {
    ladder.name: ladder
    for ladder in (
        Ladder(
            name="nncf",
            title="From PyTorch to OpenVINO INT8 with token merging",
            source="https://huggingface.co/blog/train-optimize-sd-intel",
            source_title="Optimizing Stable Diffusion for Intel CPUs with NNCF and Optimum (2023)",
            measure="speedup",
            conditions="Stable Diffusion fine-tuned on Pokémon pictures, 512×512, on a Xeon with Deep Learning Boost; its INT8 "
            "was trained (quantization-aware), ours is calibrated after training where a model ships none",
            rows=(
                Row("PyTorch FP32 of 2023", "pytorch:fp32-sdpa", "attention with its softmax materialised"),
                Row("PyTorch FP32 today", "pytorch:fp32", "fused attention"),
                Row(
                    "OpenVINO FP32",
                    "openvino:fp32-all",
                    "OpenVINO's compiled graph, as it was converted",
                    (Published(1.9, "the article"),),
                ),
                Row(
                    "OpenVINO INT8",
                    "openvino:int8",
                    "weights and activations in 8 bits",
                    (Published(3.9, "the article", weights=0.25),),
                ),
                Row(
                    "OpenVINO INT8 + ToMe 0.4",
                    "openvino:int8+tome=0.4",
                    "token merging at ratio 0.4",
                    (Published(5.1, "the article", weights=0.25),),
                ),
            ),
        ),
        Ladder(
            name="gpu-aware",
            title="The GPU-aware optimizations of “Speed Is All You Need”",
            source="https://arxiv.org/abs/2304.11267",
            source_title="Speed Is All You Need: On-Device Acceleration of Large Diffusion Models (2023)",
            measure="change",
            conditions="Stable Diffusion 1.4, 512×512, one UNet iteration on the phones' GPUs, in fp16",
            precisions=BACKENDS["opencl"].precisions,
            unet=True,
            # The paper shares its intermediate buffers in every row, so buffer_reuse is on from the first.
            rows=(
                Row("Baseline", "opencl-all+buffer_reuse", "every elementary step a kernel of its own"),
                Row("+Opt. Softmax", "opencl-all+buffer_reuse+softmax", "partially fused softmax"),
                Row(
                    "+S-GN/GELU",
                    "opencl-all+buffer_reuse+softmax+group_norm+gelu",
                    "group norm and GELU in one kernel each",
                ),
                Row(
                    "+FlashAttn.",
                    "opencl-all+buffer_reuse+softmax+group_norm+gelu+flash_attention",
                    "FlashAttention where the heads are small",
                ),
                Row(
                    "+Winograd",
                    "opencl-all+buffer_reuse+softmax+group_norm+gelu+flash_attention+winograd",
                    "Winograd convolutions where they pay",
                    (Published(-52.2, "Adreno 740"), Published(-32.9, "A16")),
                ),
            ),
        ),
    )
}


def row_variants(
    ladder: Ladder, devices: Mapping[str, str] | None = None, precision: str | None = None
) -> dict[Variant, str]:
    """The variants of a ladder with the names of their rows, in order, on other devices or at another precision.

    ``devices`` maps a backend to its device. Raises InvalidVariant where the ladder has no such backend or precision.
    """
    devices = devices or {}
    strange = next((backend for backend in devices if backend not in ladder.backends), None)
    if strange is not None:
        raise InvalidVariant(
            f"the ladder {ladder.name} has no row on {strange}; its rows run on {', '.join(ladder.backends)}"
        )
    if precision is not None and precision not in ladder.precisions:
        allowed = ", ".join(ladder.precisions)
        raise InvalidVariant(
            f"the ladder {ladder.name} cannot be climbed at precision {precision!r}; "
            + (f"allowed are {allowed}" if allowed else "its rows name their own precisions")
        )
    found = {}
    for row in ladder.rows:
        variant = parse_variant(row.line)
        device = devices.get(variant.backend, variant.device)
        found[replace(variant, device=device, precision=precision or variant.precision)] = row.name
    return found


def climb(
    ladder: Ladder,
    model: str,
    request: Request,
    variants: Iterable[Variant],
    *,
    repeats: int,
    unet_only: bool = False,
    kernels: bool = False,
    arenas: bool = False,
) -> Comparison:
    """The comparison that measures a ladder; its first row is the baseline."""
    rows = tuple(variants)
    return Comparison(
        model,
        (request,),
        rows,
        rows[0],
        repeats,
        previews=False,
        kernels=kernels,
        unet_only=unet_only,
        arenas=arenas,
    ).check()
