"""``sd14-synthetic``: the exact architecture of Stable Diffusion 1.4 with random weights, made in seconds, never stored.

For latency and memory only: its pictures show nothing. The weights are the same on every machine.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from backends import sd14
from backends.assembly import assemble
from backends.models import Progress

BLOCK = 4_194_301
"""Random numbers drawn once and laid out again and again; a prime, so that no two rows of a matrix are alike."""
_EMBEDDING_SCALE = 0.02


def synthetic_pipeline(dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    """The whole pipeline: UNet (859,520,964 weights), VAE, CLIP ViT-L/14 text encoder, and a byte-level tokenizer."""
    block = torch.empty(BLOCK).uniform_(-1, 1, generator=torch.Generator("cpu").manual_seed(0)).to(dtype)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(sd14.UNET)
        vae = AutoencoderKL.from_config(sd14.VAE)
        text_encoder = CLIPTextModel(CLIPTextConfig(**sd14.TEXT_ENCODER))
    position = 0
    for index, module in enumerate((unet, vae, text_encoder)):
        progress("making random weights", index / 3)
        position = fill(module, block, dtype, position)
    progress("making random weights", 1.0)
    return assemble(byte_tokenizer(), text_encoder, unet, vae, PNDMScheduler.from_config(sd14.SCHEDULER))


def byte_tokenizer(vocabulary_size: int = sd14.TEXT_ENCODER["vocab_size"]) -> CLIPTokenizer:
    """A CLIPTokenizer that reads bytes: 256 inside a word, 256 at its end, unused names, and CLIP's two marks last."""
    letters = _byte_letters()
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += [f"<|unused {index}|>" for index in range(len(names), vocabulary_size - 2)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    return CLIPTokenizer(
        vocab=vocabulary, merges=[], model_max_length=sd14.TEXT_ENCODER["max_position_embeddings"]
    )


def fill(module: torch.nn.Module, block: torch.Tensor, dtype: torch.dtype, position: int) -> int:
    """Give a module of meta tensors its weights: norms one, biases nil, matrices uniform of unit gain (Glorot 2010)."""
    module.to_empty(device="cpu").to(dtype)
    for name, buffer in module.named_buffers():
        if not name.endswith("position_ids"):
            raise AssertionError(f"the recipe knows no buffer {name}")
        buffer.copy_(torch.arange(buffer.shape[-1]).expand_as(buffer))
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim < 2:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
                continue
            position = _lay(parameter, block, position)
            parameter.mul_(_EMBEDDING_SCALE if _is_table(name) else _gain(parameter))
    return position


def _lay(parameter: torch.Tensor, block: torch.Tensor, position: int) -> int:
    flat = parameter.view(-1)
    filled = 0
    while filled < flat.numel():
        count = min(flat.numel() - filled, len(block) - position)
        flat[filled : filled + count] = block[position : position + count]
        filled += count
        position = (position + count) % len(block)
    return position


def _gain(parameter: torch.Tensor) -> float:
    return math.sqrt(3.0 / parameter[0].numel())


def _is_table(name: str) -> bool:
    return name.endswith(("token_embedding.weight", "position_embedding.weight"))


def _byte_letters() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes, in their order."""
    kept: list[Any] = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    return [*map(chr, kept), *(chr(256 + index) for index in range(256 - len(kept)))]
