"""Networks of random weights for the tests: the built-in model's, and what Stable Diffusion 2.x does otherwise."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends.opencl.capture import capture
from backends.opencl.graph import Graph
from backends.opencl.networks import TextEncoding, VaeDecoding
from backends.tome_attention import apply_tome
from workbench.training.architecture import new_unet, new_vae


@functools.cache
def unet() -> UNet2DConditionModel:
    """The built-in model's UNet, random."""
    torch.manual_seed(0)
    return new_unet().eval().requires_grad_(False)


@functools.cache
def small_unet(linear: bool = False) -> UNet2DConditionModel:
    """Three small blocks, odd widths; ``linear`` as in Stable Diffusion 2.x."""
    torch.manual_seed(1)
    return (
        UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(24, 40),
            norm_num_groups=4,
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=20,
            attention_head_dim=(2, 4),
            use_linear_projection=linear,
        )
        .eval()
        .requires_grad_(False)
    )


@functools.cache
def merged_unet(ratio: float = 0.4) -> UNet2DConditionModel:
    """The small one with two fifths of its tokens merged."""
    model = copy.deepcopy(small_unet())
    assert apply_tome(model, ratio)
    return model


@functools.cache
def vae() -> AutoencoderKL:
    torch.manual_seed(2)
    return new_vae().eval().requires_grad_(False)


@functools.cache
def text_encoder(activation: str = "quick_gelu") -> CLIPTextModel:
    torch.manual_seed(3)
    config = CLIPTextConfig(
        vocab_size=520,
        hidden_size=48,
        projection_dim=48,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=6,
        max_position_embeddings=77,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        hidden_act=activation,
    )
    return CLIPTextModel(config).eval().requires_grad_(False)


def unet_inputs(model: Any, size: int, batch: int = 2, tokens: int = 77) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    return {
        "sample": torch.randn(batch, 4, size, size, generator=generator),
        "timestep": torch.tensor([481.0]),
        "encoder_hidden_states": torch.randn(
            batch, tokens, model.config.cross_attention_dim, generator=generator
        ),
    }


@functools.cache
def captured(name: str, size: int = 8) -> tuple[Graph, dict[str, torch.Tensor], torch.Tensor]:
    """A network's graph, inputs, and what torch makes of them in float64."""
    from backends.opencl.networks import UNetCalling

    if name.startswith("text"):
        model: Any = TextEncoding(text_encoder("gelu" if name == "text_gelu" else "quick_gelu"))
        inputs = {"input_ids": torch.randint(0, 512, (2, 77), generator=torch.Generator().manual_seed(5))}
    elif name == "vae":
        model = VaeDecoding(vae())
        inputs = {"latents": torch.randn(1, 4, size, size, generator=torch.Generator().manual_seed(6))}
    else:
        makers = {
            "unet": unet,
            "small": small_unet,
            "small_linear": lambda: small_unet(True),
            "merged": merged_unet,
            "merged_most": lambda: merged_unet(0.75),
        }
        bare = makers[name]()
        model, inputs = UNetCalling(bare), unet_inputs(bare, size)
    graph = capture(model, inputs)
    with torch.no_grad():
        wanted = model.double()(*(x if x.dtype == torch.int64 else x.double() for x in inputs.values()))
    model.float()
    return graph, inputs, wanted


def relative_error(got: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference against the largest value."""
    return float((got.double() - wanted).abs().max() / wanted.abs().max())
