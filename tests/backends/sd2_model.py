"""A tiny model configured as Stable Diffusion 2.x: linear projections, heads by block, OpenCLIP's text encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends import sd14
from backends.assembly import assemble
from backends.synthetic import byte_tokenizer

WIDTH = 40


def write_sd2_model(path: Path, prediction: str) -> Path:
    """A diffusers folder with random weights; ``prediction`` is the scheduler's ``prediction_type``."""
    torch.manual_seed(0)
    text: dict[str, Any] = sd14.SD2_TEXT_ENCODER | {
        "vocab_size": 514,
        "hidden_size": WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 5,
        "projection_dim": 24,
        "bos_token_id": 512,
        "eos_token_id": 513,
    }
    groups = {"norm_num_groups": 8, "layers_per_block": 1}
    blocks = {
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "block_out_channels": [16, 32],
        "attention_head_dim": [1, 4],
    }
    unet = sd14.SD2_UNET | groups | blocks | {"sample_size": 8, "cross_attention_dim": WIDTH}
    vae = sd14.VAE | groups | {"sample_size": 64, "block_out_channels": [16] * 4}
    assemble(
        byte_tokenizer(514),
        CLIPTextModel(CLIPTextConfig.from_dict(text)),
        UNet2DConditionModel.from_config(unet),
        AutoencoderKL.from_config(vae),
        DDIMScheduler.from_config(sd14.SCHEDULER | {"prediction_type": prediction}),
    ).save_pretrained(path)
    return path
