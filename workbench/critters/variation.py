"""The free variation within a picture: numbers that depend on its seed and their own name, and on nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

STREAMS = (
    "x",
    "y",
    "scale",
    "tilt",
    "width",
    "height",
    "red",
    "green",
    "blue",
    "light",
    "gaze_x",
    "gaze_y",
    "eyes_apart",
    "eye_height",
    "wave",
    "side",
    "style",
    "tuft",
    "accent",
    "ear",
    "tail",
    "pattern_x",
    "pattern_y",
    "hat",
    "mouth",
    "cheeks",
    "scene_a",
    "scene_b",
    "scene_c",
    "scene_d",
    "scene_e",
    "scene_f",
    "iris",
    "lid",
)

_MASK = 0xFFFFFFFF


def uniforms(seeds: Tensor) -> Tensor:
    """Numbers in [0, 1), float32 [n, len(STREAMS)], from int64 seeds [n], the same on every device.

    A counter-based hash (Wellons' lowbias32) of seed and stream: no state, so a picture doesn't depend on its batch.
    """
    low, high = seeds & _MASK, (seeds >> 32) & _MASK
    streams = torch.arange(1, len(STREAMS) + 1, device=seeds.device)
    mixed = _hash(low[:, None] ^ _hash(high[:, None] + 0x9E3779B9))
    mixed = _hash(mixed + streams[None, :] * 0x9E3779B9)
    return (mixed >> 8).to(torch.float32) / float(1 << 24)


def _hash(x: Tensor) -> Tensor:
    x = x & _MASK
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _MASK
    return x ^ (x >> 16)
