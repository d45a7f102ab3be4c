"""A model configured as Stable Diffusion 2.x is PyTorch's picture from end to end: linear projections, heads by block,
v-prediction, OpenCLIP's text encoder with its exact GELU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends import registry, sd14
from backends.assembly import assemble
from backends.contract import Generate, Request
from backends.generation import Generation
from backends.models import resolve
from backends.opencl import devices
from backends.synthetic import byte_tokenizer
from backends.variants import parse_variant

REQUEST = Request("a green cat", seed=3, steps=2, width=64, height=64, guidance_scale=4.0)
WIDTH = 40
pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


def _write(path: Path, prediction: str) -> Path:
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


def _picture(model: Path, name: str) -> np.ndarray:
    variant = parse_variant(name)
    hosted = registry.factory(variant.backend)(resolve(str(model)), variant, lambda what, fraction: None)
    made = Generation(hosted).run(Generate(REQUEST), lambda message: None, lambda: False)
    assert made.picture
    return np.frombuffer(made.picture.pixels, np.uint8).astype(np.float64)


def test_a_model_of_stable_diffusion_2_is_pytorchs_picture(tmp_path: Path):
    model = _write(tmp_path / "velocity", "v_prediction")
    wanted = _picture(model, "pytorch")
    assert np.abs(_picture(model, "opencl") - wanted).max() <= 1
    other = _picture(_write(tmp_path / "noise", "epsilon"), "pytorch")
    assert np.abs(other - wanted).max() > 8  # so the prediction's kind decided
