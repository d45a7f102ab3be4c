"""Names of files that say what is in them."""

from __future__ import annotations

import re

from backends.contract import Variant
from backends.variants import format_variant


def picture_name(model: str, variant: Variant, seed: int) -> str:
    """Model, variant and seed, for every system's file names: the line's ``:`` becomes a dot, ``/`` a dash."""
    return f"{_safe(model)}_{_safe(format_variant(variant))}_{seed}.png"


def _safe(text: str) -> str:
    return re.sub(r"[^\w.@+=-]", "-", text.replace(":", "."))[:120]
