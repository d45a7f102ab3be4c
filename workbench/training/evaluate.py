"""How good the built-in model is, by the figures of its card: ``python -m workbench.training.evaluate``.

Prompts name three to five attributes of held-out combinations of species, colour and accessory, in the captions'
own phrasing; the judge reads the attributes off what the pipeline makes of them.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from workbench.critters.artist import save_sheet
from workbench.critters.attributes import ATTRIBUTES, Critter
from workbench.critters.captions import caption, named
from workbench.critters.judge import Judge, load_judge
from workbench.critters.sampling import sample
from workbench.training.data import HELD_OUT_SEED, drawings
from workbench.training.judge import accuracy
from workbench.training.vae import reconstruction_psnr

MODEL = Path(__file__).resolve().parents[2] / "assets" / "critters"


def held_out_prompts(count: int, seed: int = HELD_OUT_SEED) -> list[str]:
    """``count`` captions that name three to five attributes, a held-out species, colour and accessory among them."""
    rng = random.Random(seed)
    prompts: list[str] = []
    for row in sample(count * 40, seed, held_out=True).tolist():
        text = caption(Critter.from_indices(row), rng)
        wanted = named(text)
        if 3 <= len(wanted) <= 5 and {"species", "body_color", "accessory"} <= wanted.keys():
            prompts.append(text)
            if len(prompts) == count:
                break
    return prompts


@torch.no_grad()
def generated(
    pipeline: StableDiffusionPipeline,
    prompts: list[str],
    guidance_scale: float,
    steps: int,
    batch_size: int,
    first_seed: int = 0,
) -> Tensor:
    """Pictures (N, 3, 256, 256) in [0, 1] on the CPU; prompt k from seed ``first_seed + k``."""
    parts = []
    for first in range(0, len(prompts), batch_size):
        batch = prompts[first : first + batch_size]
        generators = [torch.Generator("cpu").manual_seed(first_seed + first + k) for k in range(len(batch))]
        parts.append(
            pipeline(
                batch, num_inference_steps=steps, guidance_scale=guidance_scale, generator=generators, output_type="pt"
            ).images.float().cpu()
        )  # fmt: skip
    return torch.cat(parts)


def fidelity(judge: Judge, prompts: list[str], pictures: Tensor) -> dict[str, float]:
    """Mean prompt fidelity, and for every attribute the fraction of the prompts naming it in which it is found."""
    read = judge.read(pictures.to(next(judge.parameters()).device)).cpu()
    found: dict[str, list[bool]] = {name: [] for name in ATTRIBUTES}
    scores = []
    for prompt, row in zip(prompts, read.tolist(), strict=True):
        critter = Critter.from_indices(row)
        hits = {name: getattr(critter, name) == value for name, value in named(prompt).items()}
        scores.append(sum(hits.values()) / len(hits))
        for name, hit in hits.items():
            found[name].append(hit)
    figures = {"prompt_fidelity": sum(scores) / len(scores)}
    return figures | {name: sum(hits) / len(hits) for name, hits in found.items() if hits}


def diversity(pictures: Tensor) -> float:
    """Mean absolute difference (0..1) over all pairs of pictures made from one prompt with different seeds."""
    count = len(pictures)
    flat = pictures.flatten(1)
    return sum((flat[i] - flat[j]).abs().mean().item() for i in range(count) for j in range(i)) / (
        count * (count - 1) / 2
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--judge", type=Path, default=MODEL / "judge.safetensors")
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, nargs="*", help="default: the model's own")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--sheet", type=Path, help="write 8x8 uncurated pictures of the first 64 prompts here"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    device = arguments.device
    pipeline = StableDiffusionPipeline.from_pretrained(arguments.model, torch_dtype=torch.float32).to(device)
    pipeline.set_progress_bar_config(disable=True)
    judge = load_judge(arguments.judge).to(device)
    own = json.loads((arguments.model / "workbench.json").read_text())["defaults"]["guidance_scale"]
    pictures, attributes = drawings(500, HELD_OUT_SEED, device, held_out=True)
    judged = accuracy(judge, pictures, attributes)
    figures: dict = {
        "judge_accuracy": {"mean": sum(judged.values()) / len(judged), **judged},
        "vae_psnr_db": reconstruction_psnr(pipeline.vae, pictures),
    }
    prompts = held_out_prompts(arguments.prompts)
    for guidance in arguments.guidance or [own]:
        made = generated(pipeline, prompts, guidance, arguments.steps, arguments.batch_size)
        figures[f"guidance {guidance:g}"] = fidelity(judge, prompts, made)
        if arguments.sheet and guidance == (arguments.guidance or [own])[0]:
            save_sheet(arguments.sheet, made[:64], 8)
    one = generated(
        pipeline, ["a drawing of a creature"] * 8, own, arguments.steps, arguments.batch_size, 1000
    )
    figures["diversity_of_8_seeds"] = diversity(one)
    text = json.dumps(figures, indent=2, default=float)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
