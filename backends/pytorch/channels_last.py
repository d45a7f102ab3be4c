"""Feature maps with their channels innermost (NHWC), the layout that fast convolutions read."""

from __future__ import annotations

from typing import Any

import torch


def apply(pipeline: Any, enabled: bool | float) -> None:
    """Lay the convolutions of UNet and VAE out as NHWC; their inputs follow, layer by layer."""
    if enabled:
        for model in (pipeline.unet, pipeline.vae):
            model.to(memory_format=torch.channels_last)
