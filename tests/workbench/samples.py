"""Documents made by hand, as a session would have made them: what reports, traces, history and ladders are tried on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

from backends.contract import MemorySample, Picture, Request, Span, Variant
from backends.variants import parse_variant
from workbench.document import Document, Model, Recorded
from workbench.environment import environment
from workbench.ladders import LADDERS, row_variants
from workbench.pictures import Settings, png_bytes
from workbench.results import Memory, Quality, Result

MS = 1_000_000
MIB = 2**20
REQUEST = Request(
    "a green creature <b>with</b> “red” eyes & a hat", "blur", seed=42, steps=4, width=64, height=64
)
VARIANTS = ("pytorch:fp32", "pytorch:bf16", "openvino:int8+tome=0.4")
UNET_MS = (100.0, 60.0, 25.0)
JITTER = (0.0, 0.01, -0.01, 0.02, -0.02)


def result(
    variant: Variant,
    unet_ms: float,
    start_ns: int = 0,
    *,
    request: Request = REQUEST,
    quality: Quality | None = None,
    weights_mib: float | None = 100.0,
    unet_only: bool = False,
    kernels: bool = False,
    load_seconds: float | None = 1.5,
) -> Result:
    """One run whose UNet iterations take ``unet_ms``, begun at ``start_ns``."""
    spans: list[Span] = []
    at = start_ns

    def stage(name: str, milliseconds: float, iteration: int | None = None) -> None:
        nonlocal at
        end = at + round(milliseconds * MS)
        if kernels and name == "unet":
            middle = (at + end) // 2
            spans.append(
                Span("conv", name, at, middle, iteration, "kernel", {"flops": 10**9, "bytes": 10**6})
            )
            spans.append(Span("matmul", name, middle, end, iteration, "kernel", {"module": "down.0"}))
        spans.append(Span(name, name, at, end, iteration))
        at = end

    if not unet_only:
        stage("tokenizer", 0.4)
        stage("text_encoder", unet_ms / 5)
    for iteration in range(request.steps):
        stage("unet", unet_ms, iteration)
        if not unet_only:
            stage("scheduler", 0.3, iteration)
    if not unet_only:
        stage("vae_decoder", unet_ms * 1.5)
    warmup = (Span("unet", "unet", start_ns - 50 * MS, start_ns - 10 * MS, 0),)
    samples = tuple(
        MemorySample(time_ns, round((500 + 200 * math.sin(time_ns / 1e9) ** 2) * MIB))
        for time_ns in range(start_ns - 50 * MS, at, 10 * MS)
    )
    return Result(
        request=request,
        variant=variant,
        status="ok",
        load_seconds=load_seconds,
        start_ns=start_ns,
        end_ns=at,
        spans=tuple(spans),
        warmup=warmup,
        samples=samples,
        memory=Memory(700 * MIB, None if weights_mib is None else round(weights_mib * MIB), 40 * MIB),
        quality=quality,
        device_name="a processor",
        picture_sha256=None if unet_only else hashlib.sha256(variant.precision.encode()).hexdigest(),
        unet_only=unet_only,
    )


def document(
    lines: Sequence[str] = VARIANTS,
    unet_ms: Sequence[float] = UNET_MS,
    *,
    repeats: int = 3,
    synthetic: bool = False,
    unet_only: bool = False,
    kernels: bool = False,
    request: Request = REQUEST,
) -> Document:
    """A comparison of variants that all ran, the first the baseline, with a scatter of a few percent."""
    variants = [parse_variant(line) for line in lines]
    return of_variants(variants, unet_ms, repeats, synthetic, unet_only, kernels, request)


def of_variants(
    variants: Sequence[Variant],
    unet_ms: Sequence[float],
    repeats: int = 3,
    synthetic: bool = False,
    unet_only: bool = False,
    kernels: bool = False,
    request: Request = REQUEST,
) -> Document:
    """The same, of variants."""
    runs, at = [], 10**12
    for place, (variant, pace) in enumerate(zip(variants, unet_ms, strict=True)):
        quality = None
        if not synthetic and not unet_only:
            lost = None if place == 0 else 40.0 - 5 * place
            quality = Quality(lost, None if place == 0 else 0.99 - 0.05 * place, 0.75)
        for repeat in range(repeats):
            made = result(
                variant,
                pace * (1 + JITTER[repeat % len(JITTER)]),
                at,
                request=request,
                quality=quality,
                weights_mib=100 / (1 + place),
                unet_only=unet_only,
                kernels=kernels,
                load_seconds=1.5 + place if repeat == 0 else None,
            )
            at = made.end_ns + 200 * MS
            runs.append(Recorded(0, made))
    name = "sd14-synthetic" if synthetic else "critters"
    model = Model(name, synthetic, "c" * 64, name)
    devices = [{"backend": "pytorch", "id": "cpu", "name": "a processor"}]
    return Document(model, (request,), variants[0], environment(devices), tuple(runs), unet_only)


def ladder(name: str, unet_ms: Sequence[float], *, repeats: int = 3, synthetic: bool = True) -> Document:
    """A climbed ladder of UNet iterations."""
    rows = row_variants(LADDERS[name])
    made = of_variants(list(rows), unet_ms, repeats, synthetic, unet_only=True)
    return replace(made, ladder=name, rows=rows)


def failed(found: Document, place: int, error: str, log_tail: str = "") -> Document:
    """The same document, where the variant at ``place`` failed instead."""
    variants = list(dict.fromkeys(run.result.variant for run in found.runs))
    bad = Result(found.requests[0], variants[place], "error", error=error, log_tail=log_tail)
    kept = [run for run in found.runs if run.result.variant != variants[place]]
    position = next(i for i, run in enumerate(found.runs) if run.result.variant == variants[place])
    return replace(found, runs=(*kept[:position], Recorded(0, bad), *kept[position:]))


def pictures(found: Document) -> dict[tuple[int, Variant], bytes]:
    """A plain PNG for every request and variant that ran."""
    made = {}
    for place, run in enumerate(found.runs):
        request = run.result.request
        if run.result.status == "ok":
            pixels = bytes((60 + 13 * place, 120, 200 - 9 * place)) * (request.width * request.height)
            picture = Picture(request.width, request.height, pixels)
            made.setdefault(
                (run.request, run.result.variant), png_bytes(picture, Settings(request, run.result.variant))
            )
    return made
