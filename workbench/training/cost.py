"""What a picture of the built-in model costs, by the figures of its card: ``python -m workbench.training.cost``.

A picture is timed against its bare UNet calls: as many of them, at the batch of guidance, on tensors that are there already.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from workbench.training.evaluate import MODEL

GUIDED_BATCH = 2


def unet_inputs(unet: Any, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents (N, 4, h, w) of the UNet's own size, a timestep, and text embeddings (N, 77, width), all of noise."""
    config = unet.config
    generator = torch.Generator().manual_seed(0)
    size = (batch, config.in_channels, config.sample_size, config.sample_size)
    latents = torch.randn(size, generator=generator)
    hidden = torch.randn((batch, 77, config.cross_attention_dim), generator=generator)
    return latents, torch.tensor(500), hidden


@torch.no_grad()
def unet_gflop(unet: UNet2DConditionModel) -> float:
    """10⁹ multiplications and additions of a UNet call at batch 1, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        unet(*unet_inputs(unet, 1))
    return counter.get_total_flops() / 1e9


@torch.no_grad()
def arithmetic_over_unet_calls(pipeline: StableDiffusionPipeline, steps: int, guidance: float) -> float:
    """All multiplications and additions of a picture over those of its UNet calls alone, as PyTorch counts them."""
    with FlopCounterMode(display=False) as whole:
        pipeline("a drawing of a creature", num_inference_steps=steps, guidance_scale=guidance)
    with FlopCounterMode(display=False) as call:
        pipeline.unet(*unet_inputs(pipeline.unet, GUIDED_BATCH))
    return whole.get_total_flops() / (steps * call.get_total_flops())


@torch.no_grad()
def times(pipeline: StableDiffusionPipeline, steps: int, guidance: float, repeats: int) -> dict[str, float]:
    """Median milliseconds of a picture and of its bare UNet calls, taken in turn, and how many times the one the other is."""
    inputs = unet_inputs(pipeline.unet, GUIDED_BATCH)

    def picture() -> None:
        pipeline("a drawing of a creature", num_inference_steps=steps, guidance_scale=guidance)

    def calls() -> None:
        for _ in range(steps):
            pipeline.unet(*inputs, return_dict=False)

    picture()
    taken = [(_milliseconds(picture), _milliseconds(calls)) for _ in range(repeats)]
    whole, bare = (statistics.median(column) for column in zip(*taken, strict=True))
    return {"picture_ms": whole, "unet_calls_ms": bare, "picture_over_unet_calls": whole / bare}


def _milliseconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(arguments.model, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    own = json.loads((arguments.model / "workbench.json").read_text())["defaults"]
    figures = {
        "unet_gflop": unet_gflop(pipeline.unet),
        "threads": torch.get_num_threads(),
        "steps": own["steps"],
        "picture_gflop_over_unet_calls": arithmetic_over_unet_calls(
            pipeline, own["steps"], own["guidance_scale"]
        ),
        **times(pipeline, own["steps"], own["guidance_scale"], arguments.repeats),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
