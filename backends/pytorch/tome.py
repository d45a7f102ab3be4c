"""Token merging before the UNet's self-attention."""

from __future__ import annotations

from typing import Any

from backends.contract import BackendError
from backends.tome_attention import apply_tome


def apply(pipeline: Any, ratio: bool | float) -> None:
    """Merge the share ``ratio`` of the tokens at the resolution of the latents. Raises BackendError where none are there."""
    try:
        apply_tome(pipeline.unet, float(ratio))
    except ValueError as error:
        raise BackendError(str(error)) from error
