"""What fine-tuning reads: latents and captions, drawn by the critters' artist or read from a folder of pictures.

A folder follows the imagefolder convention of Hugging Face's ``datasets``: pictures, and a ``metadata.jsonl`` with an
object a line, ``{"file_name": "0001.png", "text": "a red fox"}``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from workbench.critters.artist import draw
from workbench.critters.attributes import Critter
from workbench.critters.captions import caption
from workbench.critters.sampling import sample
from workbench.training.data import TRAINING_SEED, as_signal
from workbench.training.prepare import CAPTIONS_PER_PICTURE, finite

METADATA = "metadata.jsonl"
Damaged = Literal["skip", "refuse"]


class UnusableData(ValueError):
    """A folder, or a line or picture of it, that nothing can be learnt from; the message names it."""


@dataclass(frozen=True)
class Captioned:
    """``latents`` fp16 (N, C, h, w), scaled as the UNet sees them; ``tokens`` int32 (N, captions each, tokens)."""

    latents: Tensor
    tokens: Tensor
    prompts: tuple[str, ...]
    """The first captions, as texts: what sheets and calibration ask for."""
    skipped: tuple[str, ...] = ()
    """What was left out, and why, a line each."""

    def __len__(self) -> int:
        return len(self.latents)


@dataclass(frozen=True)
class Entry:
    """A line of a folder's metadata."""

    file: Path
    caption: str


PROMPTS_KEPT = 64


def drawn(pipeline: Any, count: int, size: int, batch_size: int = 64) -> Captioned:
    """``count`` of the artist's drawings of training combinations, shrunk to ``size`` pixels, with their captions."""
    attributes = sample(count, TRAINING_SEED, held_out=False)
    seeds = torch.arange(count) + TRAINING_SEED * 100_000_000
    device = str(pipeline.vae.device)

    def pictures() -> Iterator[Tensor]:
        for part in torch.arange(count).split(batch_size):
            made = finite(draw(attributes[part], seeds[part], device=device), "pictures")
            if size != made.shape[-1]:
                made = torch.nn.functional.interpolate(made, (size, size), mode="area")
            yield made.mul(255).round().to(torch.uint8)

    rng = random.Random(TRAINING_SEED)
    critters = [Critter.from_indices(row) for row in attributes.tolist()]
    texts = [[caption(critter, rng) for _ in range(CAPTIONS_PER_PICTURE)] for critter in critters]
    return _encoded(pipeline, pictures(), texts, ())


def read(pipeline: Any, folder: Path, size: int, damaged: Damaged, batch_size: int = 8) -> Captioned:
    """The pictures of a folder, cropped to the middle square of ``size`` pixels. What cannot be read is named, and skipped or
    refused as ``damaged`` says. Raises UnusableData where refused, and where nothing is left."""
    skipped: list[str] = []

    def usable(found: Iterator[Any]) -> Iterator[Any]:
        for item in found:
            if isinstance(item, UnusableData):
                if damaged == "refuse":
                    raise item
                skipped.append(str(item))
            else:
                yield item

    entries = list(usable(entries_of(folder)))
    texts: list[list[str]] = []

    def pictures() -> Iterator[Tensor]:
        batch: list[Tensor] = []
        for entry, picture in usable(_opened(entries, size)):
            texts.append([entry.caption])
            batch.append(picture)
            if len(batch) == batch_size:
                yield torch.stack(batch)
                batch.clear()
        if batch:
            yield torch.stack(batch)

    return _encoded(pipeline, pictures(), texts, skipped, folder)


def entries_of(folder: Path) -> Iterator[Entry | UnusableData]:
    """Every line of a folder's metadata: an entry, or what is wrong with it. Raises UnusableData where there is no metadata."""
    metadata = folder / METADATA
    if not metadata.is_file():
        raise UnusableData(
            f"{folder} has no {METADATA}; expected a line for each picture: file_name and text"
        )
    for number, line in enumerate(metadata.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        where = f"{metadata}, line {number}"
        try:
            said = json.loads(line)
            name, caption = said["file_name"], said.get("text")
            inside = (folder / name).resolve().is_relative_to(folder.resolve())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            yield UnusableData(f"{where} is no object with a file_name: {error!r}")
            continue
        if not inside:
            yield UnusableData(f"{where}: {name} is outside of the folder")
        elif not isinstance(caption, str) or not caption.strip():
            yield UnusableData(f"{where}: {name} has no caption (text)")
        else:
            yield Entry(folder / name, caption)


def save(data: Captioned, file: Path) -> None:
    """Keep what was read, so that a resumed run need not read again."""
    texts = {"prompts": json.dumps(data.prompts), "skipped": json.dumps(data.skipped)}
    partial = file.with_suffix(".partial")
    save_file({"latents": data.latents, "tokens": data.tokens}, partial, texts)
    partial.replace(file)


def load(file: Path) -> Captioned:
    """What :func:`save` kept."""
    with safe_open(file, "pt") as opened:
        said = opened.metadata()
    prompts, skipped = (tuple(json.loads(said[name])) for name in ("prompts", "skipped"))
    return Captioned(**load_file(file), prompts=prompts, skipped=skipped)


def _opened(entries: list[Entry], size: int) -> Iterator[tuple[Entry, Tensor] | UnusableData]:
    for entry in entries:
        try:
            with Image.open(entry.file) as opened:
                picture = ImageOps.fit(
                    ImageOps.exif_transpose(opened).convert("RGB"), (size, size), Image.Resampling.LANCZOS
                )
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            yield UnusableData(f"{entry.file} cannot be read: {error}")
        else:
            yield entry, torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)


@torch.no_grad()
def _encoded(
    pipeline: Any,
    pictures: Iterator[Tensor],
    texts: list[list[str]],
    skipped: list[str] | tuple[str, ...],
    where: Path | None = None,
) -> Captioned:
    vae = pipeline.vae
    parts = []
    for batch in pictures:
        latents = vae.encode(as_signal(batch).to(vae.device)).latent_dist.mode()
        parts.append(finite((latents.float() * vae.config.scaling_factor).half(), "latents").cpu())
    if not parts:
        raise UnusableData(f"{where} has no usable picture; {len(skipped)} were skipped")
    each = len(texts[0])
    flat = [text for several in texts for text in several]
    limit = pipeline.tokenizer.model_max_length
    tokens = pipeline.tokenizer(
        flat, padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
    ).input_ids
    return Captioned(
        torch.cat(parts).contiguous(),
        tokens.int().view(len(texts), each, limit),
        tuple(several[0] for several in texts[:PROMPTS_KEPT]),
        tuple(skipped),
    )
