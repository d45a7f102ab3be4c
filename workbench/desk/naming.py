"""Variants as a heading: what it is in two words, and what is switched otherwise than usual."""

from __future__ import annotations

from backends.contract import Variant
from backends.registry import BACKENDS
from backends.variants import default_values


def short_title(variant: Variant) -> str:
    """``OpenVINO INT8``, ``PyTorch bf16 on cuda``."""
    precision = variant.precision.upper() if variant.precision.startswith("int") else variant.precision
    device = f" on {variant.device}" if variant.device else ""
    return f"{BACKENDS[variant.backend].title} {precision}{device}"


def differences(variant: Variant) -> str:
    """What differs from the backend's defaults, ``+ Token merging 0.4 · − Fused attention``; empty where nothing does."""
    backend = BACKENDS[variant.backend]
    usual = default_values(backend, variant.precision)
    changed = [(name, value) for name, value in variant.optimizations if value != usual[name]]
    on = sum(1 for _, value in variant.optimizations if value)
    if len(changed) > 2 and on == 0:
        return "everything off"
    return " · ".join(_difference(backend.optimization(name).title, value) for name, value in changed)


def lane_title(variant: Variant, characters: int = 27) -> str:
    """Both in one line of bounded length, for the axis of a chart."""
    whole = f"{short_title(variant)}  {differences(variant)}".strip()
    return whole if len(whole) <= characters else f"{whole[: characters - 1]}…"


def _difference(title: str, value: bool | float) -> str:
    if not value:
        return f"− {title}"
    return f"+ {title}" if value is True else f"+ {title} {value:g}"
