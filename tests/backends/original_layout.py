"""A diffusers pipeline's weights under the names of the original Stable Diffusion release: diffusers' conversion, reversed."""

from __future__ import annotations

from typing import Any

import torch

LEVELS, LAYERS = 4, 2
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def original_checkpoint(pipeline: Any) -> dict[str, torch.Tensor]:
    """Every tensor of UNet, VAE and text encoder of a Stable Diffusion 1.x pipeline, as ``sd-v1-4.ckpt`` names them."""
    tensors = {}
    for name, tensor in pipeline.unet.state_dict().items():
        tensors["model.diffusion_model." + _renamed(name, _unet_names())] = tensor
    for name, tensor in pipeline.vae.state_dict().items():
        flat = ".attentions." in name and "group_norm" not in name and name.endswith("weight")
        tensors["first_stage_model." + _renamed(name, _vae_names())] = (
            tensor[..., None, None] if flat else tensor
        )
    for name, tensor in pipeline.text_encoder.state_dict().items():
        prefix = "" if name.startswith("text_model.") else "text_model."
        tensors[f"cond_stage_model.transformer.{prefix}{name}"] = tensor
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _renamed(name: str, names: dict[str, str]) -> str:
    old = next((old for old in names if name.startswith(old)), None)
    if old is None:
        return name
    new, rest = names[old], name.removeprefix(old)
    if ".attn_" in new:
        inner = _ATTENTION
    elif ".resnets." in old:
        inner = {"conv_shortcut": "nin_shortcut"} if new.startswith(("encoder.", "decoder.")) else _RESNET
    else:
        inner = {}
    part = next((part for part in inner if rest.startswith(f"{part}.")), None)
    return new + (inner[part] + rest.removeprefix(part) if part else rest)


def _unet_names() -> dict[str, str]:
    names = {
        "time_embedding.linear_1.": "time_embed.0.",
        "time_embedding.linear_2.": "time_embed.2.",
        "conv_in.": "input_blocks.0.0.",
        "conv_norm_out.": "out.0.",
        "conv_out.": "out.2.",
        "mid_block.attentions.0.": "middle_block.1.",
        "mid_block.resnets.0.": "middle_block.0.",
        "mid_block.resnets.1.": "middle_block.2.",
    }
    for level in range(LEVELS):
        for layer in range(LAYERS):
            block = f"input_blocks.{3 * level + layer + 1}"
            names |= {f"down_blocks.{level}.resnets.{layer}.": f"{block}.0."}
            names |= {f"down_blocks.{level}.attentions.{layer}.": f"{block}.1."}
        for layer in range(LAYERS + 1):
            block = f"output_blocks.{3 * level + layer}"
            names |= {f"up_blocks.{level}.resnets.{layer}.": f"{block}.0."}
            names |= {f"up_blocks.{level}.attentions.{layer}.": f"{block}.1."}
        names[f"down_blocks.{level}.downsamplers.0.conv."] = f"input_blocks.{3 * (level + 1)}.0.op."
        names[f"up_blocks.{level}.upsamplers.0."] = f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}."
    return names


def _vae_names() -> dict[str, str]:
    names = {}
    for half in ("encoder", "decoder"):
        names |= {
            f"{half}.conv_norm_out.": f"{half}.norm_out.",
            f"{half}.mid_block.attentions.0.": f"{half}.mid.attn_1.",
            f"{half}.mid_block.resnets.0.": f"{half}.mid.block_1.",
            f"{half}.mid_block.resnets.1.": f"{half}.mid.block_2.",
        }
    for level in range(LEVELS):
        for layer in range(LAYERS + 1):
            names[f"encoder.down_blocks.{level}.resnets.{layer}."] = f"encoder.down.{level}.block.{layer}."
            names[f"decoder.up_blocks.{level}.resnets.{layer}."] = (
                f"decoder.up.{LEVELS - 1 - level}.block.{layer}."
            )
        names[f"encoder.down_blocks.{level}.downsamplers.0."] = f"encoder.down.{level}.downsample."
        names[f"decoder.up_blocks.{level}.upsamplers.0."] = f"decoder.up.{LEVELS - 1 - level}.upsample."
    return names
