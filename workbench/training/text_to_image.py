"""Train text encoder and UNet together: ``python -m workbench.training.text_to_image --data runs/data --out runs/t2i``.

Epsilon prediction on the VAE's latents, weighted by ``loss_weight``, with the caption dropped now and then for
classifier-free guidance (Ho & Salimans 2022). On several GPUs: ``torchrun --nproc-per-node 2 -m ...``; the batch size
is then that of all of them together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from workbench.training.architecture import new_scheduler, new_text_encoder, new_unet
from workbench.training.arguments import add_run_arguments, recipe_from
from workbench.training.data import TRAINING_SEED
from workbench.training.distributed import Group, join_group
from workbench.training.export import save_model
from workbench.training.loop import Recipe, Trainer, batches
from workbench.training.prepare import load_shards, shard_path, token_ids
from workbench.training.tokenizer import load_or_train_tokenizer

RECIPE = Recipe(
    steps=6000, batch_size=512, learning_rate=8e-4, warmup=300, weight_decay=0.01, ema_decay=0.999
)
CAPTION_DROPOUT = 0.1
MIN_SNR_GAMMA = 5.0
NOISIEST = 750
"""From this timestep on, what a picture is as a whole (its background, where and how large its creature) is not yet
to be read off the noise, and only the caption tells."""


def loss_weight(alpha: Tensor) -> Tensor:
    """What the squared error of the predicted noise counts for, by ``alphas_cumprod``: min(SNR + 1, gamma) / SNR.

    That is the loss of v-prediction (Salimans & Ho 2022), cut off at gamma 5 as min-SNR is (Hang et al. 2023). Min-SNR
    itself counts the noisiest timesteps once, where the picture is a few ten-thousandths of the signal's power: trained
    so, backgrounds and sizes came out at random, for all the rest of the caption was obeyed.
    """
    snr = alpha / (1 - alpha)
    return (snr + 1).clamp(max=MIN_SNR_GAMMA) / snr


class Denoiser(nn.Module):
    """Text encoder and UNet as one model: (noisy latents, timesteps, token ids) → predicted noise."""

    def __init__(self, tokenizer: CLIPTokenizer):
        super().__init__()
        self.text_encoder = new_text_encoder(tokenizer)
        self.unet = new_unet()

    def forward(self, latents: Tensor, timesteps: Tensor, token_ids: Tensor) -> Tensor:
        encoder_hidden_states = self.text_encoder(token_ids).last_hidden_state
        return self.unet(latents, timesteps, encoder_hidden_states, return_dict=False)[0]


class Objective:
    """Noised batches and their loss; what one step needs beside the model. All tensors on the device that trains.

    ``noisiest`` is the share of a batch whose timesteps are drawn from ``NOISIEST`` on; the others are uniform.
    """

    def __init__(self, tokenizer: CLIPTokenizer, device: str, noisiest: float = 0.0):
        self.noisiest = noisiest
        self.alphas = new_scheduler().alphas_cumprod.to(device)
        self.empty = token_ids(tokenizer, [""]).to(device)
        self.device = torch.device(device)

    def losses(
        self, forward: Callable[..., Tensor], clean: Tensor, captions: Tensor, seed: int
    ) -> dict[str, Tensor]:
        """Latents (N, 4, 32, 32) and captions (N, each, 77) → ``noise_mse``, its ``weighted`` mean, and that of the
        ``noisiest`` timesteps alone."""
        generator = torch.Generator(self.device).manual_seed(seed)
        uniform = torch.rand(4, len(clean), generator=generator, device=self.device)
        rows = torch.arange(len(clean), device=self.device)
        tokens = captions[rows, (uniform[0] * captions.shape[1]).long()].long()
        tokens = torch.where(uniform[1, :, None] < CAPTION_DROPOUT, self.empty, tokens)
        floor = torch.where(uniform[3] < self.noisiest, NOISIEST, 0)
        timesteps = (floor + uniform[2] * (len(self.alphas) - floor)).long()
        noise = torch.randn(clean.shape, generator=generator, device=self.device)
        alpha = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            noise_pred = forward(noisy, timesteps, tokens)
        error = (noise_pred.float() - noise).square().mean((1, 2, 3))
        weighted, late = error * loss_weight(alpha.flatten()), timesteps >= NOISIEST
        return {
            "noise_mse": error.mean(),
            "weighted": weighted.mean(),
            "noisiest": (weighted * late).sum() / late.sum().clamp(min=1),
        }


def new_denoiser(tokenizer: CLIPTokenizer, device: str, start_from: Path | None = None) -> Denoiser:
    """A model with weights drawn from the recipe's seed, or with those of the diffusers folder ``start_from``."""
    torch.manual_seed(TRAINING_SEED)
    model = Denoiser(tokenizer)
    if start_from:
        trained = (
            CLIPTextModel.from_pretrained(start_from / "text_encoder", dtype=torch.float32),
            UNet2DConditionModel.from_pretrained(start_from / "unet", torch_dtype=torch.float32),
        )
        model.text_encoder.load_state_dict(trained[0].state_dict())
        model.unet.load_state_dict(trained[1].state_dict())
    model.to(device)
    model.unet.to(memory_format=torch.channels_last)
    return model


def compiled(model: Denoiser, objective: Objective, batch_size: int) -> Callable[..., Tensor]:
    """The model compiled with CUDA graphs, and the compilation done: two passes on noise leave no gradient behind."""
    forward = torch.compile(model, mode="reduce-overhead")
    for seed in range(3):
        clean = torch.randn(batch_size, 4, 32, 32, device=objective.device)
        captions = torch.zeros(batch_size, 1, 77, dtype=torch.int16, device=objective.device)
        objective.losses(forward, clean, captions, seed)["weighted"].backward()
        model.zero_grad(set_to_none=True)
    return forward


def train(
    model: Denoiser,
    forward: Callable[..., Tensor],
    objective: Objective,
    data: dict[str, Tensor],
    trainer: Trainer[Denoiser],
    group: Group,
) -> Denoiser:
    """``data`` holds latents fp16 (N, 4, 32, 32) and captions int16 (N, each, 77); returns the averaged model."""
    latents, captions = data["latents"].to(objective.device), data["captions"].to(objective.device)
    size = trainer.recipe.batch_size // group.size
    draw = batches(len(latents), size, TRAINING_SEED + 17 * group.rank, objective.device, trainer.step)
    for step in trainer.iterations():
        index = next(draw)
        losses = objective.losses(
            forward, latents[index].float(), captions[index], step * group.size + group.rank
        )
        trainer.update(losses, losses["weighted"])
    return trainer.ema.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser, RECIPE)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder that workbench.training.prepare wrote"
    )
    parser.add_argument("--vae", type=Path, required=True, help="the trained VAE's folder")
    parser.add_argument(
        "--shards", type=int, default=1, help="how many shards to read; waits until they are there"
    )
    parser.add_argument("--compile", action="store_true", help="with torch.compile and CUDA graphs")
    parser.add_argument(
        "--until", type=float, help="end at this time (seconds since 1970) instead of after --minutes"
    )
    parser.add_argument(
        "--noisiest",
        type=float,
        default=0.25,
        help="share of a batch drawn from the noisiest quarter of the timesteps",
    )
    parser.add_argument(
        "--start-from", type=Path, help="go on from this model's text encoder and UNet, with a new optimizer"
    )
    arguments = parser.parse_args()
    group = join_group(arguments.device)
    tokenizer = load_or_train_tokenizer(arguments.data / "tokenizer")
    objective = Objective(tokenizer, group.device, arguments.noisiest)
    model = new_denoiser(tokenizer, group.device, arguments.start_from)
    forward = compiled(model, objective, arguments.batch_size // group.size) if arguments.compile else model
    while not all(shard_path(arguments.data, index).exists() for index in range(arguments.shards)):
        time.sleep(0.5)
    data = load_shards(arguments.data, arguments.shards)
    if arguments.until:
        arguments.minutes = (arguments.until - time.time()) / 60
    trainer = Trainer(model, recipe_from(arguments, RECIPE), arguments.out, arguments.resume, group)
    average = train(model, forward, objective, data, trainer, group)
    if group.rank == 0:
        vae = AutoencoderKL.from_pretrained(arguments.vae)
        text_encoder, unet = average.text_encoder.cpu(), average.unet.cpu()
        save_model(
            arguments.out / "model",
            vae,
            tokenizer,
            text_encoder,
            unet,
            data["coloured_latents"],
            data["colours"],
        )
    group.leave()


if __name__ == "__main__":
    main()
