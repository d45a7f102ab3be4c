"""Blur, noise and JPEG damage on the training device, so that the judge reads content and not pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LUMINANCE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)


def damaged(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Each of (N, 3, H, W) in [0, 1] with a random mixture of blur, JPEG quantization, noise and slight exposure."""
    count, device = len(pictures), pictures.device

    def chance() -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=generator, device=device)

    pictures = torch.lerp(
        pictures,
        _blurred(pictures, 1 + 2 * float(torch.rand((), generator=generator, device=device))),
        (chance() * 2 - 1).clamp(min=0),
    )
    pictures = torch.where(chance() < 0.5, jpeg(pictures, 15 + 75 * chance()), pictures)
    noise = torch.randn(pictures.shape, generator=generator, device=device)
    pictures = pictures + noise * 0.06 * (2 * chance() - 1).clamp(min=0)
    return (pictures * (0.94 + 0.12 * chance()) + 0.04 * (chance() - 0.5)).clamp(0, 1)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = math.ceil(2.5 * sigma)
    offsets = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = torch.nn.functional.pad(pictures, (reach,) * 4, mode="replicate")
    across = torch.nn.functional.conv2d(padded, kernel, groups=3)
    return torch.nn.functional.conv2d(across, kernel.transpose(2, 3), groups=3)


def jpeg(pictures: Tensor, quality: Tensor) -> Tensor:
    """What baseline JPEG at ``quality`` (N, 1, 1, 1), 1..100, leaves of the pictures: 8x8 DCT in YCbCr, quantized."""
    device, dtype = pictures.device, pictures.dtype
    colour = torch.tensor(
        [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], device=device
    )
    table = torch.tensor([float(v) for v in _LUMINANCE.split()], device=device).view(8, 8)
    k = torch.arange(8, device=device, dtype=dtype)
    dct = torch.cos((2 * k + 1) * k[:, None] * math.pi / 16) * 0.5
    dct[0] /= math.sqrt(2)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    count, _, height, width = pictures.shape
    planes = torch.einsum("dc,nchw->ndhw", colour, pictures * 255 - 128)
    blocks = planes.unfold(2, 8, 8).unfold(3, 8, 8)
    coefficients = dct @ blocks @ dct.T
    steps = (table * scale[..., None, None]).clamp(min=1)
    restored = dct.T @ ((coefficients / steps).round() * steps) @ dct
    planes = restored.permute(0, 1, 2, 4, 3, 5).reshape(count, 3, height, width)
    return (torch.einsum("dc,nchw->ndhw", torch.linalg.inv(colour), planes) + 128).div(255).clamp(0, 1)
