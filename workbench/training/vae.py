"""Train the VAE: ``python -m workbench.training.vae --out runs/vae``; its scaling factor is measured at the end."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from workbench.critters.artist import save_sheet
from workbench.training.architecture import new_vae
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.data import HELD_OUT_SEED, TRAINING_SEED, as_signal, drawings
from workbench.training.loop import Recipe, Trainer, batches

RECIPE = Recipe(steps=8000, batch_size=64, learning_rate=8e-4, warmup=200, weight_decay=0.0, ema_decay=0.998)
KL_WEIGHT = 2e-4
"""Against a mean over pixels and a mean over latents; keeps the latents near unit variance and the decoder smooth."""


def train(
    pictures: Tensor,
    held_out: Tensor,
    recipe: Recipe,
    out: Path,
    resume: bool = False,
    compiled: bool = False,
) -> AutoencoderKL:
    """L1 + L2 on the pixels and the KL term; writes the averaged VAE in fp32 to ``out/vae`` with its scaling factor."""
    device = pictures.device
    vae = new_vae().to(device, memory_format=torch.channels_last)
    trainer = Trainer(vae, recipe, out, resume)
    forward = torch.compile(reconstruct) if compiled else reconstruct
    draw = batches(len(pictures), recipe.batch_size, TRAINING_SEED, device, trainer.step)
    for step in trainer.iterations():
        index = next(draw)
        signal = as_signal(pictures[index]).contiguous(memory_format=torch.channels_last)
        generator = torch.Generator(device).manual_seed(step)
        noise = torch.randn(len(index), 4, 32, 32, generator=generator, device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            output, mean, logvar = forward(vae, signal, noise)
        error = output.float() - signal
        l1, l2 = error.abs().mean(), error.square().mean()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        trainer.update(
            {"l1": l1, "l2": l2, "kl": kl, "deviation": logvar.mul(0.5).exp().mean()},
            l1 + 2 * l2 + KL_WEIGHT * kl,
        )
        if (step + 1) % 1000 == 0:
            trainer.log({"psnr_db": round(reconstruction_psnr(trainer.ema, held_out), 2)})
    averaged = trainer.ema.eval()
    averaged.register_to_config(scaling_factor=measured_scaling_factor(averaged, pictures[:2000]))
    averaged.save_pretrained(out / "vae")
    sheet(averaged, held_out[:16], out / "reconstructions.png")
    return averaged


def reconstruct(vae: AutoencoderKL, signal: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``(output, mean, logvar)``; the reparametrised sample is decoded."""
    moments = vae.quant_conv(vae.encoder(signal)).float()
    mean, logvar = moments.chunk(2, 1)
    logvar = logvar.clamp(-30, 20)
    return vae.decoder(vae.post_quant_conv(mean + noise * torch.exp(0.5 * logvar))), mean, logvar


@torch.no_grad()
def reconstruction_psnr(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Mean over uint8 pictures (N, 3, H, W) of the PSNR, in dB, between each and its reconstruction (mean latents)."""
    figures = []
    for part in pictures.split(50):
        signal = as_signal(part)
        restored = vae.decode(vae.encode(signal).latent_dist.mode()).sample.clamp(-1, 1)
        figures.append(-10 * torch.log10((restored - signal).div(2).square().mean((1, 2, 3))))
    return torch.cat(figures).mean().item()


@torch.no_grad()
def measured_scaling_factor(vae: AutoencoderKL, pictures: Tensor) -> float:
    """One over the standard deviation of the latents (Rombach et al. 2022, appendix G)."""
    latents = torch.cat([vae.encode(as_signal(part)).latent_dist.mode() for part in pictures.split(100)])
    return 1 / latents.std().item()


@torch.no_grad()
def sheet(vae: AutoencoderKL, pictures: Tensor, path: Path) -> None:
    """Drawings and, under each row, what the VAE makes of them."""
    signal = as_signal(pictures)
    restored = vae.decode(vae.encode(signal).latent_dist.mode()).sample.clamp(-1, 1)
    rows = [part for pair in zip(signal.split(8), restored.split(8), strict=True) for part in pair]
    save_sheet(path, torch.cat(rows).float().add(1).div(2).cpu(), 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser, RECIPE)
    parser.add_argument("--pictures", type=int, default=100_000, help="how many drawings to train on")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    arguments = parser.parse_args()
    pictures, _ = drawings(arguments.pictures, TRAINING_SEED, arguments.device)
    held_out, _ = drawings(500, HELD_OUT_SEED, arguments.device, held_out=True)
    vae = train(
        pictures, held_out, recipe_from(arguments, RECIPE), arguments.out, arguments.resume, arguments.compile
    )
    print(
        f"reconstruction {reconstruction_psnr(vae, held_out):.2f} dB, scaling factor {vae.config.scaling_factor:.5f}"
    )


if __name__ == "__main__":
    main()
