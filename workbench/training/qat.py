"""Train a model's quantization: ``python -m workbench.training.qat --model critters --data critters --out runs/qat``.

The UNet gets fake quantizers (:mod:`workbench.training.placement`) and is fine-tuned against the unquantized UNet, as in
"Optimizing Stable Diffusion for Intel CPUs with NNCF and Optimum". docs/qat.md explains the recipe.

``--out`` holds ``log.jsonl``, sample sheets (above the teacher's pictures, below the student's), and at the end
``quantization.npz``, which a model ships in its ``unet`` folder, and ``openvino``, which optimum-intel loads by itself.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backends.contract import BackendError
from backends.loading import load_pipeline
from backends.models import ModelCard, resolve, weights_sha256
from backends.openvino.trained import pack, restore
from backends.tome_attention import apply_tome, remove_tome
from workbench.critters.artist import save_sheet
from workbench.training import captioned
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.captioned import Captioned, UnusableData
from workbench.training.data import TRAINING_SEED
from workbench.training.distillation import Noised, Objective, trajectory_samples
from workbench.training.graphed import Graphed, computed
from workbench.training.loop import Recipe, Trainer, batches
from workbench.training.placement import quantized_unet

RECIPE = Recipe(
    steps=4096,
    batch_size=16,
    learning_rate=3e-5,
    warmup=50,
    weight_decay=0.0,
    ema_decay=0.995,
    log_every=10,
    checkpoint_every=250,
)
QUANTIZERS_FASTER = 30.0
"""The learning rate of steps and zero points against that of the weights: they are few, and relative (see FakeQuantizer)."""

RATIOS = 11
"""How many ratios of token merging stand for a range: on a GPU each is recorded for itself."""
PICTURES = 20_000
CRITTERS = "critters"


@dataclass(frozen=True)
class Method:
    """What is trained, and against what. ``tome`` is the range that the ratio of token merging is drawn from; ``biases`` are
    those of layers and norms, trained beside the quantizers where ``quantizers_only`` leaves the weights."""

    kd_weight: float = 0.9
    tome: tuple[float, float] = (0.0, 0.0)
    sampler_steps: int = 25
    quantizers_only: bool = False
    biases: bool = False
    gradient_checkpointing: bool = False
    ema_device: str | None = None
    sheet_every: int = 500


def loaded(card: ModelCard, device: str) -> Any:
    """The model's pipeline in fp32 on a device, quiet."""
    pipeline = load_pipeline(card, torch.float32, lambda *_: None).to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def calibrated(pipeline: Any, card: ModelCard, data: Captioned, count: int, size: int, file: Path) -> Any:
    """The pipeline's UNet with quantizers as NNCF calibrates them on ``count`` inputs from trajectories; kept in ``file``, and
    beside it with weights that are not rounded yet, from which a resumed run has them."""
    student = copy.deepcopy(pipeline.unet)
    unrounded = file.with_suffix(".pt")
    if file.exists():
        restore(student.cpu(), file).load_state_dict(torch.load(unrounded, weights_only=True))
        return student.to(pipeline.unet.device).requires_grad_(True)
    defaults = card.defaults
    samples = trajectory_samples(pipeline, data.prompts, count, defaults.steps, defaults.guidance_scale, size)
    device = pipeline.unet.device
    student = quantized_unet(student.cpu(), samples).to(device)
    torch.save(student.state_dict(), unrounded)
    pack(student, file, weights_sha256(card), {"steps": 0, "init_samples": len(samples)})
    return student


def train(
    student: Any,
    pipeline: Any,
    data: Captioned,
    method: Method,
    recipe: Recipe,
    out: Path,
    resume: bool = False,
) -> Trainer[Any]:
    """Train a quantized UNet in place against the pipeline's; returns the trainer, whose ``ema`` is the one to ship.

    Everything random is drawn from the step's number, so that a run that was killed ends with the same weights.
    """
    for name, parameter in student.named_parameters():
        parameter.requires_grad_(is_trained(name, method))
    if method.gradient_checkpointing:
        student.enable_gradient_checkpointing()
    objective = Objective(pipeline, method.sampler_steps, method.kd_weight)
    device = str(objective.device)
    trainer = Trainer(
        student.train(),
        recipe,
        out,
        resume,
        ema_device=method.ema_device,
        faster=lambda name: QUANTIZERS_FASTER if is_quantizers(name) else 1.0,
    )
    latents, tokens = data.latents.to(device), data.tokens.to(device)
    draw = batches(len(data), recipe.batch_size, TRAINING_SEED, device, trainer.step)
    stepped = stepper(student, objective, method)
    for step in trainer.iterations():
        index = next(draw)
        noised = objective.draw(latents[index].float(), tokens[index], step)
        with reduced_precision(objective.device):
            trainer.apply(stepped(noised, ratio_at(step, method.tome)))
        if method.sheet_every and (step + 1) % method.sheet_every == 0:
            sheet(pipeline, trainer.ema, data.prompts[:8], out / f"step-{step + 1:06}.png", method)
    remove_tome(student)
    return trainer


def stepper(
    student: Any, objective: Objective, method: Method
) -> Callable[[Noised, float], dict[str, Tensor]]:
    """What computes a batch's losses and the student's gradients while tokens are merged by a ratio. On CUDA it is a graph a
    ratio, recorded where the ratio first comes; checkpointing, which keeps the state of random numbers, is none."""
    graphs: dict[float, Graphed] = {}
    graphing = objective.device.type == "cuda" and not method.gradient_checkpointing
    pool: Any = torch.cuda.graph_pool_handle() if graphing else None

    def losses(noised: Noised) -> dict[str, Tensor]:
        return objective.losses(student, noised)

    def stepped(noised: Noised, ratio: float) -> dict[str, Tensor]:
        if not graphing:
            apply_tome(student, ratio)
            return computed(student, losses, noised)
        if ratio not in graphs:
            apply_tome(student, ratio)
            graphs[ratio] = Graphed(student, losses, noised, pool)
        return graphs[ratio](noised)

    return stepped


@contextmanager
def reduced_precision(device: torch.device) -> Iterator[None]:
    """While entered, products on CUDA take their factors with 10 bits (TF32): a hundredth of what 8-bit steps round."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def is_quantizers(name: str) -> bool:
    """Whether a parameter of this name is a quantizer's."""
    return name.endswith((".log_step", ".offset"))


def is_trained(name: str, method: Method) -> bool:
    """Whether a method moves the parameter of this name."""
    if not method.quantizers_only:
        return True
    return is_quantizers(name) or (method.biases and name.endswith(".bias"))


def ratio_at(step: int, bounds: tuple[float, float]) -> float:
    """The ratio of token merging at a step, drawn evenly from ``RATIOS`` values between its bounds, both among them."""
    lowest, highest = bounds
    chance = torch.randint(RATIOS, (), generator=torch.Generator().manual_seed(step * 7 + 5)).item()
    return lowest + (highest - lowest) * chance / (RATIOS - 1)


@torch.no_grad()
def pictures(
    pipeline: Any, unet: Any, prompts: list[str], steps: int, guidance: float, size: int, batch_size: int = 8
) -> Tensor:
    """What a pipeline draws with this UNet: (N, 3, size, size) in 0..1 on the CPU, prompt k from seed k."""
    with_unet = copy.copy(pipeline)
    with_unet.unet = unet
    parts = []
    for first in range(0, len(prompts), batch_size):
        batch = prompts[first : first + batch_size]
        seeds = [torch.Generator("cpu").manual_seed(first + number) for number in range(len(batch))]
        parts.append(
            with_unet(
                batch,
                height=size,
                width=size,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=seeds,
                output_type="pt",
            ).images
        )
    return torch.cat(parts).float().cpu()


def sheet(pipeline: Any, unet: Any, prompts: tuple[str, ...], file: Path, method: Method) -> None:
    """The same prompts from the same noise: the teacher's pictures above, the student's below."""
    device, training = pipeline.unet.device, unet.training
    home = next(unet.parameters()).device
    size = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    rows = [
        pictures(pipeline, one, list(prompts), method.sampler_steps, 4.0, size)
        for one in (pipeline.unet, unet.to(device).eval())
    ]
    unet.to(home).train(training)
    save_sheet(file, torch.cat(rows), len(prompts))


def export(pipeline: Any, quantization: Path, folder: Path) -> None:
    """Write the folder that ``OVStableDiffusionPipeline.from_pretrained`` loads: the UNet in 8 bits, all else in fp32."""
    from backends.openvino.export import export_pipeline

    whole = copy.copy(pipeline.to("cpu"))
    whole.unet = restore(copy.deepcopy(pipeline.unet), quantization)
    folder.mkdir(parents=True, exist_ok=True)
    export_pipeline(whole, folder, lambda *_: None)


def read_data(arguments: argparse.Namespace, pipeline: Any, size: int) -> Captioned:
    """The data that the command line names, kept in ``--out`` for a resumed run."""
    kept = arguments.out / "data.safetensors"
    if arguments.resume and kept.exists():
        return captioned.load(kept)
    if arguments.data == CRITTERS:
        data = captioned.drawn(pipeline, arguments.pictures, size)
    else:
        data = captioned.read(pipeline, Path(arguments.data), size, arguments.damaged)
    for line in data.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    print(f"{len(data)} pictures, {len(data.skipped)} skipped", file=sys.stderr, flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    captioned.save(data, kept)
    return data


def tome_range(text: str) -> tuple[float, float]:
    """``0.4``, or ``0..0.6``."""
    low, _, high = text.partition("..")
    bounds = float(low), float(high or low)
    if not 0 <= bounds[0] <= bounds[1] <= 0.75:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a ratio of 0 to 0.75, or LOW..HIGH")
    return bounds


def share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 to 1")
    return float(text)


def add_method_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is trained, and against what."""
    parser.add_argument(
        "--kd-weight", type=share, default=Method.kd_weight, help="share of the distance to the teacher"
    )
    parser.add_argument("--tune-quantizers-only", action="store_true", help="leave the weights as they are")
    parser.add_argument(
        "--tune-biases", action="store_true", help="with --tune-quantizers-only: biases and norms' shifts too"
    )


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_arguments(result, RECIPE)
    result.add_argument("--model", default=CRITTERS, help="critters, or a Stable Diffusion 1.x or 2.x folder")
    result.add_argument("--data", default=CRITTERS, help="critters, or a folder with metadata.jsonl")
    result.add_argument("--pictures", type=int, default=PICTURES, help="how many the artist draws")
    result.add_argument(
        "--damaged", choices=("skip", "refuse"), default="skip", help="what to do with damaged data"
    )
    result.add_argument("--size", type=int, help="of the pictures, in pixels; default: the model's own")
    result.add_argument(
        "--ema-device", choices=("cpu", "gpu"), default="gpu", help="where the average is kept"
    )
    result.add_argument(
        "--gradient-checkpointing", action="store_true", help="less memory, a third more time"
    )
    add_method_arguments(result)
    result.add_argument("--init-samples", type=int, default=32, help="UNet inputs to calibrate on")
    result.add_argument(
        "--tome", type=tome_range, default=(0.0, 0.0), help="ratio of token merging, or LOW..HIGH"
    )
    result.add_argument(
        "--sampler-steps", type=int, default=25, help="of the sampler whose timesteps are learnt"
    )
    result.add_argument(
        "--sheet-every", type=int, default=Method.sheet_every, help="steps between sheets; 0: none"
    )
    result.add_argument("--checkpoint-every", type=int, default=RECIPE.checkpoint_every)
    result.add_argument("--no-openvino", action="store_true", help="leave the conversion to another machine")
    return result


def run(arguments: argparse.Namespace) -> Path:
    """Train as the command line says; returns the file of the quantization."""
    card = resolve(arguments.model)
    pipeline = loaded(card, arguments.device)
    size = arguments.size or card.defaults.height
    data = read_data(arguments, pipeline, size)
    initial = arguments.out / "initial.npz"
    if not arguments.resume:
        initial.unlink(missing_ok=True)
    student = calibrated(pipeline, card, data, arguments.init_samples, size, initial)
    method = Method(
        arguments.kd_weight,
        arguments.tome,
        arguments.sampler_steps,
        arguments.tune_quantizers_only,
        arguments.tune_biases,
        arguments.gradient_checkpointing,
        "cpu" if arguments.ema_device == "cpu" else None,
        arguments.sheet_every,
    )
    result = arguments.out / "quantization.npz"
    said = {name: str(value) if isinstance(value, Path) else value for name, value in vars(arguments).items()}
    if arguments.steps:
        recipe = recipe_from(arguments, RECIPE)
        student = train(student, pipeline, data, method, recipe, arguments.out, arguments.resume).ema
    pack(student, result, weights_sha256(card), {name: said[name] for name in sorted(said) if name != "out"})
    if not arguments.no_openvino:
        export(pipeline, result, arguments.out / "openvino")
    return result


def main() -> int:
    try:
        print(run(parser().parse_args()))
    except (UnusableData, BackendError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
