"""Fused attention, or attention with its softmax materialised as PyTorch ran it in 2023."""

from __future__ import annotations

from typing import Any

from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0


def apply(pipeline: Any, enabled: bool | float) -> None:
    """On: ``scaled_dot_product_attention``. Off: baddbmm, softmax and bmm, with the (tokens, tokens) matrix in memory."""
    for model in (pipeline.unet, pipeline.vae):
        model.set_attn_processor(AttnProcessor2_0() if enabled else AttnProcessor())
    pipeline.text_encoder.set_attn_implementation("sdpa" if enabled else "eager")
