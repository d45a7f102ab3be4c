"""The training pictures: drawn once by the artist into memory, on whatever device trains."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from workbench.critters.artist import draw
from workbench.critters.sampling import sample

TRAINING_SEED, HELD_OUT_SEED = 1, 2


def drawings(
    count: int, seed: int, device: str, held_out: bool = False, batch_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """``(pictures, attributes)``: uint8 (count, 3, 256, 256) on ``device``, and int64 (count, attributes) on the CPU.

    ``held_out`` chooses between the combinations that training sees and those it never sees.
    """
    batch_size = batch_size or (1024 if device.startswith("cuda") else 16)
    attributes = sample(count, seed, held_out=held_out)
    seeds = torch.arange(count) + seed * 100_000_000
    pictures = torch.empty(count, 3, 256, 256, dtype=torch.uint8, device=device)
    started = time.monotonic()
    for first in range(0, count, batch_size):
        part = slice(first, first + batch_size)
        with torch.no_grad():
            pictures[part] = (
                draw(attributes[part], seeds[part], device=device).mul(255).round().to(torch.uint8)
            )
    seconds = time.monotonic() - started
    print(f"drew {count} pictures in {seconds:.1f} s ({count / seconds:.0f} a second)", flush=True)
    return pictures, attributes


def as_signal(pictures: Tensor) -> Tensor:
    """uint8 pictures as the VAE sees them: float32 in [-1, 1]."""
    return pictures.float().div(127.5).sub(1)
