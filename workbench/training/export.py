"""Write the trained components as the built-in model: a diffusers folder in fp16, its defaults and its preview matrix."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from workbench.training.architecture import new_scheduler

DEFAULTS = {"width": 256, "height": 256, "steps": 25, "guidance_scale": 4.0, "scheduler": "ddim"}


def save_model(
    folder: Path,
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    unet: UNet2DConditionModel,
    latents: Tensor,
    colours: Tensor,
) -> None:
    """The folder that ``StableDiffusionPipeline.from_pretrained`` loads, and ``workbench.json`` beside it.

    ``latents`` (N, 4, h, w) scaled, and ``colours`` (N, 3, h, w) in 0..1, the mean of each 8x8 pixels, give the
    latents-to-RGB matrix.
    """
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16, silence_dtype_warnings=True)
    pipeline.unet.to(memory_format=torch.contiguous_format)
    pipeline.save_pretrained(folder, safe_serialization=True)
    _edit(folder / "vae" / "config.json", _name_or_path=None)
    # transformers loads at the type that the configuration names, diffusers at fp32 whatever is stored; a pipeline of
    # two types fails at its first product
    _edit(folder / "text_encoder" / "config.json", dtype="float32")
    settings = {"name": "critters", "defaults": DEFAULTS, "latent_rgb": latent_rgb(latents, colours)}
    (folder / "workbench.json").write_text(json.dumps(settings, indent=2) + "\n")


def _edit(file: Path, **changes: str | None) -> None:
    """Set these entries of a JSON object; None takes one away."""
    entries = json.loads(file.read_text()) | changes
    kept = {name: value for name, value in entries.items() if value is not None or name not in changes}
    file.write_text(json.dumps(kept, indent=2) + "\n")


def latent_rgb(latents: Tensor, colours: Tensor) -> dict[str, list]:
    """Least squares from a latent pixel (4) to the mean RGB (3, in 0..1) of its 8x8 pixels: ``matrix`` and ``bias``."""
    inputs = latents.float().permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    inputs = torch.cat([inputs, torch.ones_like(inputs[:, :1])], 1).double()
    targets = colours.double().permute(0, 2, 3, 1).reshape(-1, 3)
    solution = torch.linalg.solve(inputs.T @ inputs, inputs.T @ targets).tolist()
    rounded = [[round(value, 5) for value in row] for row in solution]
    return {"matrix": rounded[:-1], "bias": rounded[-1]}
