"""The options that every recipe's command shares."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from workbench.training.loop import Recipe


def add_run_arguments(parser: argparse.ArgumentParser, recipe: Recipe) -> None:
    """Add the options that change a recipe, with the recipe's own figures as their defaults."""
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the log, the checkpoint and the result"
    )
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--minutes", type=float, help="end after this time; overrides --steps")
    parser.add_argument("--batch-size", type=int, default=recipe.batch_size)
    parser.add_argument("--learning-rate", type=float, default=recipe.learning_rate)
    parser.add_argument("--ema-decay", type=float, default=recipe.ema_decay)
    parser.add_argument("--warmup", type=int, default=recipe.warmup)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def recipe_from(arguments: argparse.Namespace, recipe: Recipe) -> Recipe:
    """The recipe with what the command line changed."""
    return replace(
        recipe,
        steps=arguments.steps,
        minutes=arguments.minutes,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        ema_decay=arguments.ema_decay,
        warmup=arguments.warmup,
    )
