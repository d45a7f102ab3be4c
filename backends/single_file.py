"""Checkpoints in one file, in the layout of the original Stable Diffusion release; read offline.

diffusers converts the weights; the configurations come from :mod:`backends.sd14` instead of the network.
A single file has no tokenizer in it: CLIP's vocabulary is looked for beside the file, among the user's models, and in the
Hugging Face cache.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import PNDMScheduler, StableDiffusionPipeline
from diffusers.loaders.single_file_utils import SingleFileComponentError
from transformers import CLIPTokenizer

from backends import sd14
from backends.assembly import assemble
from backends.contract import BackendError
from backends.hub import cache_root
from backends.model_files import checkpoint_generation, safetensors_keys
from backends.models import Progress
from backends.paths import data_dir
from backends.pickles import harmless_pickles, read_pickle

CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "1": {"unet": sd14.UNET, "vae": sd14.VAE, "text_encoder": sd14.TEXT_ENCODER, "scheduler": sd14.SCHEDULER},
    "2": {
        "unet": sd14.SD2_UNET,
        "vae": sd14.VAE,
        "text_encoder": sd14.SD2_TEXT_ENCODER,
        "scheduler": sd14.SCHEDULER | {"prediction_type": "v_prediction"},
    },
}
_CLASSES = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
}


def single_file_pipeline(path: Path, dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    """The pipeline of a ``.safetensors`` or ``.ckpt``. Raises BackendError for another model, code in a pickle, or where
    no tokenizer is found."""
    progress("reading", None)
    keys = safetensors_keys(path) if path.suffix == ".safetensors" else _pickle_keys(path)
    configs = CONFIGS[checkpoint_generation(keys, path)]
    tokenizer = find_tokenizer(path, int(configs["text_encoder"]["vocab_size"]))
    return convert(path, configs, tokenizer, dtype)


def convert(
    path: Path, configs: dict[str, dict[str, Any]], tokenizer: CLIPTokenizer, dtype: torch.dtype
) -> StableDiffusionPipeline:
    """Let diffusers convert the weights of ``path`` into components of these configurations."""
    scheduler = PNDMScheduler.from_config(configs["scheduler"])
    with tempfile.TemporaryDirectory() as folder, harmless_pickles():
        _write_configs(Path(folder), configs)
        try:
            pipeline = StableDiffusionPipeline.from_single_file(
                str(path),
                config=folder,
                tokenizer=tokenizer,
                scheduler=scheduler,
                safety_checker=None,
                feature_extractor=None,
                image_encoder=None,
                torch_dtype=dtype,
                local_files_only=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError, SingleFileComponentError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BackendError(f"{path} does not convert to a StableDiffusionPipeline: {reason}") from error
    return assemble(tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, scheduler)


def find_tokenizer(path: Path, vocabulary_size: int) -> CLIPTokenizer:
    """CLIP's tokenizer from the nearest place that has it. Raises BackendError saying where to put one."""
    for folder in _tokenizer_folders(path):
        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError):
            continue
        if len(tokenizer) == vocabulary_size:
            return tokenizer
    raise BackendError(
        f"{path.name} has no tokenizer in it, as no single file has, and none was found; put the folder 'tokenizer' "
        f"(vocab.json, merges.txt) of any Stable Diffusion 1.x or 2.x model beside it, or into {data_dir() / 'models'}"
    )


def _tokenizer_folders(path: Path) -> Iterator[Path]:
    yield path.parent / "tokenizer"
    models = data_dir() / "models"
    yield models / "tokenizer"
    yield from sorted(models.glob("*/tokenizer"))
    yield from sorted(cache_root().glob("models--*/snapshots/*/tokenizer"))
    yield from sorted(cache_root().glob("models--openai--clip-vit-large-patch14/snapshots/*"))


def _pickle_keys(path: Path) -> set[str]:
    return set(read_pickle(path))


def _write_configs(folder: Path, configs: dict[str, dict[str, Any]]) -> None:
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.37.1", **_CLASSES}
    (folder / "model_index.json").write_text(json.dumps(index))
    for name in ("unet", "vae", "text_encoder"):
        (folder / name).mkdir()
        kind = (
            {"model_type": "clip_text_model"}
            if name == "text_encoder"
            else {"_class_name": _CLASSES[name][1]}
        )
        (folder / name / "config.json").write_text(json.dumps(configs[name] | kind))
