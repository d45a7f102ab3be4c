"""Latents: the initial noise, and cheap pictures of them while they are denoised."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from backends.contract import SIZE_MULTIPLE, InvalidRequest, Picture, Request
from backends.models import LatentRgb

LARGEST_PREVIEW = 128
SD1_LATENT_RGB = LatentRgb(
    matrix=(
        (0.1756, 0.1149, 0.1614),
        (0.1625, 0.2487, 0.1175),
        (-0.1415, 0.0881, 0.1361),
        (-0.1060, -0.1308, -0.3589),
    ),
    bias=(0.5, 0.5, 0.5),
)
"""Least squares of pictures on the latents of Stable Diffusion 1.x, as ComfyUI's ``latent_formats.py`` has it."""


def initial_latents(
    seed: int, channels: int, height: int, width: int
) -> tuple[torch.Tensor, torch.Generator]:
    """Standard normal noise (1, channels, height / 8, width / 8), fp32, on the CPU, and the generator that drew it.

    It is what diffusers draws for ``generator=torch.Generator("cpu").manual_seed(seed)``; schedulers that add noise
    go on with the same generator, as there.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    shape = (1, channels, height // SIZE_MULTIPLE, width // SIZE_MULTIPLE)
    return torch.randn(shape, generator=generator, dtype=torch.float32), generator


def to_bytes(latents: torch.Tensor) -> bytes:
    """Latents as :class:`backends.contract.Generated` carries them: fp32, little-endian, contiguous."""
    return latents.detach().cpu().contiguous().numpy().astype("<f4").tobytes()


def from_bytes(data: bytes, channels: int, request: Request) -> torch.Tensor:
    """The reverse of :func:`to_bytes`. Raises InvalidRequest where the number of values does not fit the request."""
    shape = (1, channels, request.height // SIZE_MULTIPLE, request.width // SIZE_MULTIPLE)
    if len(data) != 4 * int(np.prod(shape)):
        raise InvalidRequest("latents", f"the latents have {len(data) // 4} values; {shape} were expected")
    return torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32).reshape(shape))


def predicted_original(
    noisy: torch.Tensor, prediction: torch.Tensor, timestep: Any, scheduler: Any
) -> torch.Tensor:
    """What the UNet expects the finished latents to be: the x0 of DDIM (arXiv 2010.02502, equation 12).

    ``noisy`` (1, C, h, w) are the latents as the UNet saw them, variance preserving for every scheduler here.
    """
    alpha = float(scheduler.alphas_cumprod[min(int(timestep), len(scheduler.alphas_cumprod) - 1)])
    signal, noise = alpha**0.5, (1 - alpha) ** 0.5
    if scheduler.config.get("prediction_type", "epsilon") == "v_prediction":
        return signal * noisy - noise * prediction
    return (noisy - noise * prediction) / signal


def preview(latents: torch.Tensor, latent_rgb: LatentRgb) -> Picture:
    """A small picture of latents (1, C, h, w): a product with the matrix, one pixel per latent, 128 at most a side."""
    step = -(-max(latents.shape[-2:]) // LARGEST_PREVIEW)
    values = latents[0, :, ::step, ::step].detach().to("cpu", torch.float32).permute(1, 2, 0)
    rgb = values @ torch.tensor(latent_rgb.matrix) + torch.tensor(latent_rgb.bias)
    pixels = (rgb.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
    return Picture(pixels.shape[1], pixels.shape[0], pixels.numpy().tobytes())
