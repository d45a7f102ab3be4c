"""Token merging before the UNet's self-attention: the UNet that is captured merges, by kernels for indices."""

from __future__ import annotations

from typing import Any

from backends.contract import BackendError
from backends.tome_attention import apply_tome


def merge_tokens(pipeline: Any, ratio: float) -> None:
    """Merge the share ``ratio`` of the tokens at the resolution of the latents. Raises BackendError where none are there."""
    try:
        apply_tome(pipeline.unet, ratio)
    except ValueError as error:
        raise BackendError(str(error)) from error
