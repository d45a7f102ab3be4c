"""A Stable Diffusion that OpenVINO converts in seconds: every kind of block of the real one, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends import sd14
from backends.assembly import assemble
from backends.openvino.fake_quantizers import LAYERS, FakeQuantizer, quantize_layer
from backends.synthetic import byte_tokenizer

TEXT_WIDTH = 32
STEPS = 4
WORKBENCH = {
    "name": "small",
    "defaults": {"width": 64, "height": 64, "steps": STEPS, "guidance_scale": 4.0, "scheduler": "ddim"},
    "prompts": ["a red fox", "a blue whale"],
}


def write_small_model(folder: Path, *, seed: int = 0, flat: bool = False) -> Path:
    """A diffusers folder with random weights and our ``workbench.json``. ``flat``: no attention at the highest resolution."""
    torch.manual_seed(seed)
    text: dict[str, Any] = sd14.TEXT_ENCODER | {
        "vocab_size": 514,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": TEXT_WIDTH,
        "bos_token_id": 512,
        "eos_token_id": 513,
    }
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D" if flat else "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D" if flat else "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    )
    pipeline = assemble(
        byte_tokenizer(514),
        CLIPTextModel(CLIPTextConfig.from_dict(text)),
        unet,
        vae,
        DDIMScheduler.from_config(sd14.SCHEDULER),
    )
    pipeline.save_pretrained(folder)
    (folder / "workbench.json").write_text(json.dumps(WORKBENCH))
    return folder


def quantize_by_range(unet: Any) -> Any:
    """Quantizers everywhere, in place, in ranges that inputs near unit variance have: a calibration in no time."""
    for layer in [module for module in unet.modules() if isinstance(module, LAYERS)]:
        step = layer.weight.detach().flatten(1).abs().amax(1).clamp_min(1e-6) / 63
        taken = FakeQuantizer(torch.tensor([8 / 255]), 0, 255, torch.tensor([120.0]))
        quantize_layer(layer, FakeQuantizer(step, -63, 63, channels_axis=0), taken)
    return unet
