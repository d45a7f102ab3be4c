"""Draw, encode and caption the training pictures: ``python -m workbench.training.prepare --vae runs/vae/vae --out runs/data``.

The result is one file a shard, so that several processes and several GPUs can share the work (``--shard 0/4`` ...).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from workbench.critters.artist import draw
from workbench.critters.attributes import Critter
from workbench.critters.captions import caption
from workbench.critters.sampling import sample
from workbench.training.architecture import TOKENS
from workbench.training.data import TRAINING_SEED, as_signal
from workbench.training.tokenizer import load_or_train_tokenizer

CAPTIONS_PER_PICTURE = 4
PICTURES_KEPT = 500
"""Of every shard, as they are, at an eighth of their size: what the preview matrix is fitted to."""

ENCODED_AT_ONCE = 64
"""Pictures that the VAE encodes in one call; with 512 on a GPU its largest tensors reach 2 GiB."""


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids as Stable Diffusion's pipeline makes them: int64 (N, 77)."""
    return tokenizer(
        texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).input_ids


def tokenized_captions(
    tokenizer: CLIPTokenizer, attributes: Tensor, each: int, seed: int, processes: int
) -> Tensor:
    """``each`` captions for every row of attributes, as token ids padded to 77: int16 (N, each, 77)."""
    rows = attributes.tolist()
    chunks = [(seed * 1_000_003 + first, rows[first : first + 2000]) for first in range(0, len(rows), 2000)]
    work = partial(_tokenized_chunk, tokenizer, each)
    if processes == 1:
        return torch.cat([work(chunk) for chunk in chunks])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return torch.cat(pool.map(work, chunks))


def _tokenized_chunk(tokenizer: CLIPTokenizer, each: int, chunk: tuple[int, list[list[int]]]) -> Tensor:
    seed, rows = chunk
    rng = random.Random(seed)
    texts = [caption(Critter.from_indices(row), rng) for row in rows for _ in range(each)]
    return token_ids(tokenizer, texts).to(torch.int16).view(len(rows), each, TOKENS)


def finite(values: Tensor, what: str) -> Tensor:
    """The values themselves, (N, ...); raises FloatingPointError saying how many of the N hold a NaN or an infinity."""
    bad = int((~torch.isfinite(values).flatten(1).all(1)).sum())
    if bad:
        raise FloatingPointError(f"{bad} of {len(values)} {what} hold numbers that are not finite")
    return values


@torch.no_grad()
def latents_of(
    vae: AutoencoderKL, attributes: Tensor, seeds: Tensor, device: str, batch_size: int
) -> tuple[Tensor, Tensor]:
    """Scaled mean latents of the drawings, fp16 (N, 4, 32, 32), and the first pictures' 8x8 mean colours (K, 3, 32, 32)."""
    parts, colours = [], []
    for part in torch.arange(len(seeds)).split(batch_size):
        pictures = draw(attributes[part], seeds[part], device=device)
        finite(pictures, "pictures")
        if sum(map(len, colours)) < PICTURES_KEPT:
            colours.append(torch.nn.functional.avg_pool2d(pictures, 8).half().cpu())
        signal = as_signal(pictures.mul(255).round().to(torch.uint8))
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device.startswith("cuda")):
            mode = torch.cat([vae.encode(few).latent_dist.mode() for few in signal.split(ENCODED_AT_ONCE)])
        parts.append(finite((mode.float() * vae.config.scaling_factor).half(), "latents").cpu().contiguous())
    return torch.cat(parts), torch.cat(colours)[:PICTURES_KEPT]


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:03}.safetensors"


def load_shards(folder: Path, count: int) -> dict[str, Tensor]:
    """All shards of a folder, joined: ``latents``, ``captions``; and ``colours`` with the latents they belong to."""
    shards = [load_file(shard_path(folder, index)) for index in range(count)]
    joined = {
        name: torch.cat([shard[name] for shard in shards]) for name in ("latents", "captions", "colours")
    }
    joined["coloured_latents"] = torch.cat([shard["latents"][: len(shard["colours"])] for shard in shards])
    return joined


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vae", type=Path, required=True, help="the trained VAE's folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards and the tokenizer")
    parser.add_argument(
        "--pictures", type=int, default=160_000, help="how many drawings, in all shards together"
    )
    parser.add_argument(
        "--captions", type=int, default=CAPTIONS_PER_PICTURE, help="how many for each drawing"
    )
    parser.add_argument("--shard", default="0/1", help="which part of them, I/N")
    parser.add_argument("--processes", type=int, default=4, help="for writing captions")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    index, count = map(int, arguments.shard.split("/"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_or_train_tokenizer(arguments.out / "tokenizer")
    rows = torch.arange(arguments.pictures).chunk(count)[index]
    attributes = sample(arguments.pictures, TRAINING_SEED, held_out=False)[rows]
    vae = AutoencoderKL.from_pretrained(arguments.vae).to(arguments.device)
    latents, colours = latents_of(
        vae, attributes, rows + TRAINING_SEED * 100_000_000, arguments.device, arguments.batch_size
    )
    captions = tokenized_captions(tokenizer, attributes, arguments.captions, index, arguments.processes)
    temporary = shard_path(arguments.out, index).with_suffix(".tmp")
    save_file({"latents": latents, "captions": captions, "colours": colours}, temporary)
    temporary.replace(shard_path(arguments.out, index))
    print(
        f"shard {index} of {count}: {len(latents)} pictures, latents' standard deviation {latents.float().std():.4f}"
    )


if __name__ == "__main__":
    main()
