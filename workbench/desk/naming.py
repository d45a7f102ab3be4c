"""Variants as a heading: what it is in two words, and what is switched otherwise than usual."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from backends.contract import Request, Variant
from backends.registry import BACKENDS
from backends.variants import default_values

WORDS_ALIKE = 3
"""As many first words in common are left out of long prompts that are told apart."""


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


def lane_title(variant: Variant, characters: int = 38) -> str:
    """Both in one line of bounded length, for the axis of a chart."""
    whole = f"{short_title(variant)} {differences(variant)}".strip()
    return _cut(whole, characters)


def row_titles(requests: Sequence[Request], characters: int = 40) -> list[str]:
    """What tells each request from the others in a few words: its prompt, its seed or both; empty for a single one.

    Of long prompts that begin alike, the words from where they differ are shown.
    """
    if len(requests) < 2:
        return [""] * len(requests)
    prompts = list(dict.fromkeys(request.prompt for request in requests))
    if len(prompts) == 1:
        return [f"seed {request.seed}" for request in requests]
    short = dict(zip(prompts, _told_apart(prompts, characters), strict=True))
    seeds = {request.seed for request in requests}
    return [
        f"“{short[request.prompt]}”" + (f", seed {request.seed}" if len(seeds) > 1 else "")
        for request in requests
    ]


def _told_apart(prompts: Sequence[str], characters: int) -> list[str]:
    """Different texts cut to a length and still different; where they would not be, they are numbered."""
    found = [_cut(prompt, characters) for prompt in prompts]
    if max(map(len, prompts)) > characters:
        words = [prompt.split() for prompt in prompts]
        alike = len(list(takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))))
        if alike >= WORDS_ALIKE:
            found = [_cut(f"…{' '.join(some[alike:])}", characters) for some in words]
    if len(set(found)) < len(found):
        found = [f"{number}: {text}" for number, text in enumerate(found, 1)]
    return found


def _cut(text: str, characters: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _difference(title: str, value: bool | float) -> str:
    if not value:
        return f"− {title}"
    return f"+ {title}" if value is True else f"+ {title} {value:g}"
