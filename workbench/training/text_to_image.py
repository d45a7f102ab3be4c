"""Train text encoder and UNet together: ``python -m workbench.training.text_to_image --vae runs/vae/vae --out runs/t2i``.

Epsilon prediction on the VAE's latents, min-SNR weighted (Hang et al. 2023, gamma 5), with the caption dropped now
and then for classifier-free guidance (Ho & Salimans 2022).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from transformers import CLIPTokenizer

from workbench.critters.attributes import Critter
from workbench.critters.captions import caption
from workbench.training.architecture import TOKENS, new_scheduler, new_text_encoder, new_unet
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.data import TRAINING_SEED, as_signal, drawings
from workbench.training.export import save_model
from workbench.training.loop import Recipe, Trainer, batches
from workbench.training.tokenizer import caption_corpus, train_tokenizer

RECIPE = Recipe(steps=16_000, batch_size=256, learning_rate=6e-4, warmup=500, weight_decay=0.01, ema_decay=0.9993)
CAPTION_DROPOUT = 0.1
MIN_SNR_GAMMA = 5.0
CAPTIONS_PER_PICTURE = 4


class Denoiser(nn.Module):
    """Text encoder and UNet as one model: (noisy latents, timesteps, token ids) → predicted noise."""

    def __init__(self, tokenizer: CLIPTokenizer):
        super().__init__()
        self.text_encoder = new_text_encoder(tokenizer)
        self.unet = new_unet()

    def forward(self, latents: Tensor, timesteps: Tensor, token_ids: Tensor) -> Tensor:
        encoder_hidden_states = self.text_encoder(token_ids).last_hidden_state
        return self.unet(latents, timesteps, encoder_hidden_states, return_dict=False)[0]


def encoded(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """The scaled mean latents of uint8 pictures: fp16 (N, 4, 32, 32). The posterior's own spread is left out."""
    with torch.no_grad(), torch.autocast(pictures.device.type, torch.bfloat16, enabled=pictures.is_cuda):
        parts = [vae.encode(as_signal(part)).latent_dist.mode() for part in pictures.split(250)]
    return (torch.cat(parts).float() * vae.config.scaling_factor).half()


def tokenized_captions(tokenizer: CLIPTokenizer, attributes: Tensor, each: int, processes: int) -> Tensor:
    """``each`` captions for every row of attributes, as token ids padded to 77: int16 (N, each, 77)."""
    rows = attributes.tolist()
    chunks = [(first, rows[first : first + 2000]) for first in range(0, len(rows), 2000)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.map(partial(_tokenized_chunk, tokenizer, each), chunks)
    return torch.cat(parts)


def _tokenized_chunk(tokenizer: CLIPTokenizer, each: int, chunk: tuple[int, list[list[int]]]) -> Tensor:
    first, rows = chunk
    rng = random.Random(first)
    texts = [caption(Critter.from_indices(row), rng) for row in rows for _ in range(each)]
    return token_ids(tokenizer, texts).to(torch.int16).view(len(rows), each, TOKENS)


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids as Stable Diffusion's pipeline makes them: int64 (N, 77)."""
    return tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids


def train(
    latents: Tensor, captions: Tensor, tokenizer: CLIPTokenizer, recipe: Recipe, out: Path, resume: bool, compiled: bool
) -> Denoiser:
    """Latents fp16 (N, 4, 32, 32), captions int16 (N, each, 77), both on the device that trains."""
    device = latents.device
    model = Denoiser(tokenizer).to(device)
    model.unet.to(memory_format=torch.channels_last)
    trainer = Trainer(model, recipe, out, resume)
    forward = torch.compile(model) if compiled else model
    scheduler = new_scheduler()
    alphas = scheduler.alphas_cumprod.to(device)
    empty = token_ids(tokenizer, [""]).to(device)
    draw = batches(len(latents), recipe.batch_size, TRAINING_SEED, device, trainer.step)
    for step in trainer.iterations():
        index = next(draw)
        generator = torch.Generator(device).manual_seed(step)
        random_numbers = torch.rand(3, len(index), generator=generator, device=device)
        choice = (random_numbers[0] * captions.shape[1]).long()
        tokens = captions[index, choice].long()
        tokens = torch.where(random_numbers[1, :, None] < CAPTION_DROPOUT, empty, tokens)
        timesteps = (random_numbers[2] * len(alphas)).long()
        clean = latents[index].float()
        noise = torch.randn(clean.shape, generator=generator, device=device)
        alpha = alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            noise_pred = forward(noisy, timesteps, tokens)
        error = (noise_pred.float() - noise).square().mean((1, 2, 3))
        snr = (alpha / (1 - alpha)).flatten()
        weighted = (error * snr.clamp(max=MIN_SNR_GAMMA) / snr).mean()
        trainer.update({"noise_mse": error.mean(), "weighted": weighted}, weighted)
    return trainer.ema.eval()  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser, RECIPE)
    parser.add_argument("--vae", type=Path, required=True, help="the trained VAE's folder")
    parser.add_argument("--pictures", type=int, default=240_000, help="how many drawings to train on")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count(), help="for writing captions")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    arguments = parser.parse_args()
    recipe = recipe_from(arguments, RECIPE)
    vae = AutoencoderKL.from_pretrained(arguments.vae).to(arguments.device)
    pictures, attributes = drawings(arguments.pictures, TRAINING_SEED, arguments.device)
    latents = encoded(vae, pictures)
    tokenizer = train_tokenizer(caption_corpus(100_000, TRAINING_SEED))
    captions = tokenized_captions(tokenizer, attributes, CAPTIONS_PER_PICTURE, arguments.processes).to(arguments.device)
    model = train(latents, captions, tokenizer, recipe, arguments.out, arguments.resume, arguments.compile)
    save_model(arguments.out / "model", vae, tokenizer, model.text_encoder, model.unet, latents[:2000], pictures[:2000])


if __name__ == "__main__":
    main()
