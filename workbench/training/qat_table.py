"""What each part of quantization-aware training buys: ``python -m workbench.training.qat_table --out runs/table``.

Every row starts from the same calibration, sees the same batches and takes the same number of steps; the average comes from
the run beside it, which it does not change. Rows are measured with their fake quantizers in PyTorch, on held-out prompts
against the unquantized model's pictures from the same noise. A row that is done is not done again: start it again to go on.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from backends.models import resolve, weights_sha256
from backends.openvino.trained import pack
from backends.tome_attention import apply_tome, remove_tome
from workbench.critters.judge import load_judge
from workbench.training import captioned
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.evaluate import MODEL, fidelity, held_out_prompts
from workbench.training.loop import Recipe, Trainer
from workbench.training.qat import (
    PICTURES,
    RECIPE,
    Method,
    add_method_arguments,
    calibrated,
    loaded,
    pictures,
    tome_range,
    train,
)

RATIOS = (0.0, 0.4)
MEASURING_STEPS = 8
RUNS = ("noise", "distilled", "merged")


@dataclass(frozen=True)
class Row:
    """One row: the run that it comes from, and whether it is that run's average or its last weights."""

    name: str
    run: str | None
    averaged: bool = False


ROWS = (
    Row("post-training", None),
    Row("QAT", "noise"),
    Row("QAT + distillation", "distilled"),
    Row("QAT + distillation + EMA", "distilled", averaged=True),
    Row("QAT + distillation + EMA + token merging", "merged", averaged=True),
)


def methods(whole: Method) -> dict[str, Method]:
    """How each run trains, by how the last one does."""
    distilled = replace(whole, tome=(0.0, 0.0))
    return dict(zip(RUNS, (replace(distilled, kd_weight=0.0), distilled, whole), strict=True))


@dataclass
class Bench:
    """What every row is measured on."""

    pipeline: Any
    judge: Any
    prompts: list[str]
    guidance: float
    size: int
    steps: int
    batch_size: int

    def draw(self, unet: Any, ratio: float) -> Tensor:
        """The pictures of all prompts, tokens merged by ``ratio``."""
        apply_tome(unet, ratio)
        try:
            return pictures(
                self.pipeline,
                unet.eval(),
                self.prompts,
                self.steps,
                self.guidance,
                self.size,
                self.batch_size,
            )
        finally:
            remove_tome(unet)

    def figures(self, unet: Any, reference: Tensor) -> dict[str, float]:
        """Mean fidelity and median PSNR in dB against the reference, without and with token merging."""
        found = {}
        for ratio in RATIOS:
            made = self.draw(unet, ratio)
            suffix = f" tome={ratio:g}" if ratio else ""
            found[f"fidelity{suffix}"] = fidelity(self.judge, self.prompts, made)["prompt_fidelity"]
            found[f"psnr_db{suffix}"] = median_psnr(made, reference)
        return found


def median_psnr(made: Tensor, reference: Tensor) -> float:
    """Median over pictures (N, 3, H, W) in 0..1, in dB."""
    error = (made - reference).square().mean((1, 2, 3)).clamp_min(1e-12)
    return (-10 * error.log10()).median().item()


def steps_in(seconds: float, run: Any, recipe: Recipe, out: Path) -> int:
    """How many steps of a training fit into this time, by the rate of a few; ``run`` trains one recipe in a folder."""
    for count in (2, MEASURING_STEPS):
        started = time.monotonic()
        run(replace(recipe, steps=count, log_every=count), out / f"rate-{count}")
        rate = count / (time.monotonic() - started)
    return max(recipe.warmup, int(seconds * rate))


@dataclass
class Ground:
    """What every run starts from: the model, the data, and the UNet as it was calibrated."""

    card: Any
    pipeline: Any
    data: captioned.Captioned
    base: Any
    size: int

    def train(self, method: Method, recipe: Recipe, folder: Path) -> Trainer[Any]:
        """Train a copy of the calibrated UNet in a folder, or go on there; what is done is not done again."""
        student = copy.deepcopy(self.base)
        return train(student, self.pipeline, self.data, method, recipe, folder, resume=True)


def ground(arguments: argparse.Namespace, started: float) -> Ground:
    """Draw the data and calibrate, or read both where an earlier call left them in ``--out``."""
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    card = resolve(arguments.model)
    pipeline = loaded(card, arguments.device)
    size = arguments.size or card.defaults.height
    kept = out / "data.safetensors"
    if not kept.exists():
        captioned.save(captioned.drawn(pipeline, arguments.pictures, size), kept)
    data = captioned.load(kept)
    tell(started, f"{len(data)} pictures; calibrating")
    base = calibrated(pipeline, card, data, arguments.init_samples, size, out / "initial.npz")
    return Ground(card, pipeline, data, base, size)


def bench_of(arguments: argparse.Namespace, start: Ground) -> Bench:
    """The held-out prompts, and who judges their pictures."""
    return Bench(
        start.pipeline,
        load_judge(MODEL / "judge.safetensors").to(arguments.device),
        held_out_prompts(arguments.prompts),
        start.card.defaults.guidance_scale,
        start.size,
        arguments.sampler_steps,
        arguments.picture_batch,
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train and measure every row that is not done; returns the whole table. With ``--train`` only that run is trained."""
    started, out = time.monotonic(), arguments.out
    start = ground(arguments, started)
    table = _read(out / "table.json")
    known = methods(
        Method(
            arguments.kd_weight,
            arguments.tome,
            quantizers_only=arguments.tune_quantizers_only,
            biases=arguments.tune_biases,
            sheet_every=0,
        )
    )
    recipe = recipe_from(arguments, RECIPE)
    if arguments.seconds and "steps" not in table:
        left = arguments.seconds - (time.monotonic() - started) - arguments.reserve
        merged = known["merged"]
        table["steps"] = steps_in(
            left / len(known), lambda short, folder: start.train(merged, short, folder), recipe, out / "rate"
        )
    recipe = replace(recipe, steps=table.setdefault("steps", recipe.steps))
    tell(started, f"{recipe.steps} steps a run")
    if arguments.train:
        start.train(known[arguments.train], recipe, out / arguments.train)
        return table
    bench = bench_of(arguments, start)
    reference = bench.draw(start.pipeline.unet, 0.0)
    table.setdefault("unquantized", bench.figures(start.pipeline.unet, reference))
    trainers: dict[str, Trainer[Any]] = {}
    for row in ROWS:
        if row.name in table.setdefault("rows", {}):
            continue
        unet = start.base
        if row.run:
            if row.run not in trainers:
                trainers[row.run] = start.train(known[row.run], recipe, out / row.run)
            trainer = trainers[row.run]
            unet = trainer.ema if row.averaged else trainer.model
            told = {"row": row.name, "steps": recipe.steps, "learning_rate": recipe.learning_rate}
            told |= {"batch_size": recipe.batch_size, "ema_decay": recipe.ema_decay, "warmup": recipe.warmup}
            method = known[row.run]
            told |= {"kd_weight": method.kd_weight, "tome": list(method.tome)}
            told |= {"tune_quantizers_only": method.quantizers_only, "tune_biases": method.biases}
            told |= {"pictures": len(start.data), "init_samples": arguments.init_samples}
            pack(unet, out / f"{_slug(row.name)}.npz", weights_sha256(start.card), told)
        table["rows"][row.name] = bench.figures(unet, reference)
        _write(out / "table.json", table)
        tell(started, f"{row.name}: {table['rows'][row.name]}")
    return table


def markdown(table: dict[str, Any]) -> str:
    """The table for a document."""
    names = list(table["unquantized"])
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for name, figures in {"unquantized": table["unquantized"], **table["rows"]}.items():
        cells = (f"{figures[key]:.3f}" if "fidelity" in key else f"{figures[key]:.2f}" for key in names)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tell(started: float, what: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"{time.monotonic() - started:7.1f} s  {what}", file=sys.stderr, flush=True)


def _slug(name: str) -> str:
    return name.replace(" + ", "-").replace(" ", "-").lower()


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def _write(file: Path, table: dict[str, Any]) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(table, indent=2) + "\n")
    partial.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_arguments(parser, RECIPE)
    parser.add_argument("--model", default="critters", help="critters, or a folder of the same prompts")
    parser.add_argument(
        "--pictures", type=int, default=PICTURES, help="how many the artist draws to train on"
    )
    parser.add_argument("--prompts", type=int, default=256, help="held-out ones to measure on")
    parser.add_argument("--size", type=int, help="of the pictures, in pixels; default: the model's own")
    add_method_arguments(parser)
    parser.add_argument(
        "--tome", type=tome_range, default=(0.0, 0.5), help="the range of the last row's training"
    )
    parser.add_argument("--init-samples", type=int, default=32)
    parser.add_argument("--sampler-steps", type=int, default=25)
    parser.add_argument("--picture-batch", type=int, default=8, help="pictures drawn at once while measuring")
    parser.add_argument(
        "--train",
        choices=RUNS,
        help="only this run, so that several are trained side by side",
    )
    parser.add_argument("--seconds", type=float, help="for all of it; sets --steps by the rate measured")
    parser.add_argument("--reserve", type=float, default=90, help="of --seconds, for measuring the rows")
    arguments = parser.parse_args()
    table = measure(arguments)
    if arguments.train:
        return
    text = markdown(table)
    (arguments.out / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
