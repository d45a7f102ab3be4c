"""Train the judge: ``python -m workbench.training.judge --out runs/judge``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from workbench.critters.attributes import ATTRIBUTES
from workbench.critters.judge import Judge
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.damage import damaged
from workbench.training.data import HELD_OUT_SEED, TRAINING_SEED, drawings
from workbench.training.loop import Recipe, Trainer, batches

RECIPE = Recipe(
    steps=6000, batch_size=256, learning_rate=1.5e-3, warmup=300, weight_decay=0.02, ema_decay=0.998
)


def train(pictures: Tensor, attributes: Tensor, recipe: Recipe, out: Path, resume: bool = False) -> Judge:
    """Cross entropy over all attributes on damaged drawings; writes ``out/judge.safetensors`` (fp16)."""
    device = pictures.device
    targets = attributes.to(device)
    trainer = Trainer(Judge().to(device), recipe, out, resume)
    draw = batches(len(pictures), recipe.batch_size, TRAINING_SEED, device, trainer.step)
    for step in trainer.iterations():
        index = next(draw)
        generator = torch.Generator(device).manual_seed(step)
        inputs = damaged(pictures[index].float() / 255, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = trainer.model(inputs)
        parts = trainer.model.split(logits.float())
        losses = {
            name: torch.nn.functional.cross_entropy(part, targets[index, column], label_smoothing=0.02)
            for column, (name, part) in enumerate(zip(ATTRIBUTES, parts, strict=True))
        }
        trainer.update(losses, torch.stack(list(losses.values())).sum())
    judge = trainer.ema.eval()
    save_file(
        {name: value.half().contiguous().cpu() for name, value in judge.state_dict().items()},
        out / "judge.safetensors",
    )
    return judge


@torch.no_grad()
def accuracy(judge: Judge, pictures: Tensor, attributes: Tensor) -> dict[str, float]:
    """The fraction read right of each attribute; pictures uint8 (N, 3, H, W), attributes int64 (N, K)."""
    read = torch.cat([judge.read(part.float() / 255).cpu() for part in pictures.split(100)])
    right = (read == attributes).double().mean(0).tolist()
    return dict(zip(ATTRIBUTES, right, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser, RECIPE)
    parser.add_argument("--pictures", type=int, default=60_000, help="how many drawings to train on")
    arguments = parser.parse_args()
    device = arguments.device
    pictures, attributes = drawings(arguments.pictures, TRAINING_SEED, device)
    judge = train(pictures, attributes, recipe_from(arguments, RECIPE), arguments.out, arguments.resume)
    for name, held_out in (("training combinations", False), ("held-out combinations", True)):
        figures = accuracy(judge, *drawings(2000, HELD_OUT_SEED, device, held_out))
        print(
            name,
            f"mean {sum(figures.values()) / len(figures):.4f}",
            {k: round(v, 4) for k, v in figures.items()},
        )


if __name__ == "__main__":
    main()
