"""A tiny Stable Diffusion of random weights: all components of the real one, a second to make, milliseconds to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends import sd14
from backends.assembly import assemble
from backends.synthetic import byte_tokenizer

TEXT_WIDTH = 32
WORKBENCH = {
    "name": "tiny",
    "defaults": {"width": 64, "height": 64, "steps": 3, "guidance_scale": 4.0, "scheduler": "ddim"},
    "latent_rgb": {
        "matrix": [[0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1], [0.1, 0.1, 0.1]],
        "bias": [0.5, 0.4, 0.3],
    },
}


def write_tiny_model(path: Path) -> None:
    """A diffusers folder of a few hundred kilobytes, with our ``workbench.json``."""
    torch.manual_seed(0)
    tokenizer = byte_tokenizer(514)
    text: dict[str, Any] = sd14.TEXT_ENCODER | {
        "vocab_size": 514,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": TEXT_WIDTH,
        "bos_token_id": 512,
        "eos_token_id": 513,
    }
    small = {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8}
    unet = sd14.UNET | small | {"sample_size": 8, "cross_attention_dim": TEXT_WIDTH, "attention_head_dim": 2}
    vae = sd14.VAE | small | {"sample_size": 64, "layers_per_block": 2}
    pipeline = assemble(
        tokenizer,
        CLIPTextModel(CLIPTextConfig.from_dict(text)),
        UNet2DConditionModel.from_config(unet),
        AutoencoderKL.from_config(vae),
        DDIMScheduler.from_config(sd14.SCHEDULER),
    )
    pipeline.save_pretrained(path)
    (path / "workbench.json").write_text(json.dumps(WORKBENCH))
