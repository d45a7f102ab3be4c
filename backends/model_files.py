"""Reading what a model folder or checkpoint is, and whether it is whole, without loading it. No torch.

The two layouts: a diffusers folder (``model_index.json`` and a folder per component), and a single file in the layout
of the original Stable Diffusion release.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from backends.contract import BackendError

EXPECTED = "a StableDiffusionPipeline (Stable Diffusion 1.x or 2.x) in diffusers' layout"
COMPONENTS: dict[str, tuple[str, ...]] = {
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "text_encoder": ("CLIPTextModel",),
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "scheduler": (),
}
WEIGHTS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
_PICKLED = {"model": "pytorch_model", "diffusion_pytorch_model": "diffusion_pytorch_model"}
_OTHER_ARCHITECTURES = {
    "conditioner.embedders.": "Stable Diffusion XL",
    "model.diffusion_model.joint_blocks.": "Stable Diffusion 3",
    "double_blocks.": "Flux",
    "model.diffusion_model.double_blocks.": "Flux",
    "lora_unet_": "a LoRA, which is no model of its own",
    "lora_te_": "a LoRA, which is no model of its own",
}


@dataclass(frozen=True)
class WeightFiles:
    """The files that hold one component's weights. ``variant`` is diffusers' word for the ``fp16`` in their names."""

    files: tuple[Path, ...]
    variant: str | None
    pickled: bool


@dataclass(frozen=True)
class ModelFolder:
    """A whole diffusers folder: the configurations of its components, and where the weights are."""

    path: Path
    configs: dict[str, dict[str, Any]]
    scheduler_class: str
    weights: dict[str, WeightFiles]


def read_folder(path: Path) -> ModelFolder:
    """Read and check a diffusers folder. Raises :class:`BackendError` naming what is missing, damaged or another model."""
    index_file = path / "model_index.json"
    if not index_file.is_file():
        raise BackendError(f"{path} has no model_index.json; expected {EXPECTED}")
    index = _json(index_file)
    _check_class(path, index)
    for name, classes in COMPONENTS.items():
        entry = index.get(name)
        if not isinstance(entry, list) or len(entry) != 2 or entry[1] is None or not (path / name).is_dir():
            raise BackendError(f"{path} has no {name}; expected {EXPECTED}")
        if classes and (entry[0] not in ("transformers", "diffusers") or entry[1] not in classes):
            raise BackendError(f"the {name} of {path} is a {entry[1]} of {entry[0]}; expected {classes[0]}")
    configs = {name: _json(path / name / "config.json") for name in WEIGHTS}
    configs["scheduler"] = _json(path / "scheduler" / "scheduler_config.json")
    _check_shapes(path, configs)
    _check_tokenizer(path / "tokenizer")
    weights = {name: weight_files(path / name, stem) for name, stem in WEIGHTS.items()}
    return ModelFolder(path, configs, str(index["scheduler"][1]), weights)


def weight_files(folder: Path, stem: str) -> WeightFiles:
    """The weights that will be loaded: safetensors before pickles, full precision before fp16; every file checked."""
    for name, suffix, pickled in ((stem, "safetensors", False), (_PICKLED[stem], "bin", True)):
        for variant in (None, "fp16"):
            part = f".{variant}" if variant else ""
            single = folder / f"{name}{part}.{suffix}"
            shards = folder / f"{name}.{suffix}.index{part}.json"
            if single.is_file():
                files: tuple[Path, ...] = (single,)
            elif shards.is_file():
                files = tuple(
                    folder / shard for shard in sorted(set(_json(shards).get("weight_map", {}).values()))
                )
            else:
                continue
            for file in files:
                check_pickle(file) if pickled else safetensors_keys(file)
            return WeightFiles(files, variant, pickled)
    raise BackendError(f"{folder} has no weights; expected {stem}.safetensors")


def safetensors_keys(path: Path) -> set[str]:
    """The tensors' names in a safetensors file. Raises :class:`BackendError` where it is missing, truncated or none.

    Layout: 8 bytes of little-endian header length, the header in JSON, then the tensors up to the end of the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if 2 <= length <= size - 8 else None
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} is no readable safetensors file: {error}") from error
    if not isinstance(header, dict):
        raise BackendError(f"{path} is no safetensors file, or its first bytes are damaged ({size:,} bytes)")
    tensors = {name: value for name, value in header.items() if name != "__metadata__"}
    try:
        expected = 8 + length + max((value["data_offsets"][1] for value in tensors.values()), default=0)
    except (KeyError, TypeError, IndexError) as error:
        raise BackendError(f"{path} has a damaged safetensors header") from error
    if size != expected:
        raise BackendError(
            f"{path} is truncated or damaged: {size:,} bytes, its header promises {expected:,}; copy it again"
        )
    return set(tensors)


def check_pickle(path: Path) -> None:
    """Raise :class:`BackendError` where a ``.bin`` or ``.ckpt`` is missing or truncated; it is not unpickled here."""
    if not path.is_file():
        raise BackendError(f"{path} is missing")
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"PK" and not zipfile.is_zipfile(path):
        raise BackendError(
            f"{path} is a truncated PyTorch checkpoint ({path.stat().st_size:,} bytes); copy it again"
        )
    if start[:2] != b"PK" and start[:1] != b"\x80":
        raise BackendError(f"{path} is no PyTorch checkpoint")


def checkpoint_generation(keys: set[str], path: Path) -> Literal["1", "2"]:
    """Which Stable Diffusion a single file in the original layout is. Raises :class:`BackendError` for any other."""
    for prefix, name in _OTHER_ARCHITECTURES.items():
        if any(key.startswith(prefix) for key in keys):
            raise BackendError(f"{path} is {name}; expected a Stable Diffusion 1.x or 2.x checkpoint")
    if "model.diffusion_model.input_blocks.0.0.weight" not in keys:
        raise BackendError(
            f"{path} holds no Stable Diffusion UNet; expected a 1.x or 2.x checkpoint in the original layout"
        )
    if any(key.startswith("cond_stage_model.transformer.") for key in keys):
        return "1"
    if any(key.startswith("cond_stage_model.model.") for key in keys):
        return "2"
    raise BackendError(f"{path} has a UNet but no text encoder; expected a whole Stable Diffusion checkpoint")


def _check_class(path: Path, index: dict[str, Any]) -> None:
    given = index.get("_class_name")
    if isinstance(given, list):
        raise BackendError(
            f"{path} brings its own pipeline code ({given[0]}), which is never run; expected {EXPECTED}"
        )
    if given != "StableDiffusionPipeline":
        raise BackendError(f"{path} holds a {given or 'nameless pipeline'}; expected {EXPECTED}")


def _check_shapes(path: Path, configs: dict[str, dict[str, Any]]) -> None:
    channels = configs["unet"].get("in_channels", 4)
    latent_channels = configs["vae"].get("latent_channels", 4)
    if channels != latent_channels:
        raise BackendError(
            f"the UNet of {path} takes {channels} channels and its VAE makes {latent_channels}; expected a text-to-image "
            "model, where they are the same"
        )
    levels = len(configs["vae"].get("block_out_channels", ()))
    if levels != 4:
        raise BackendError(
            f"the VAE of {path} has {levels} levels; expected 4, a picture 8 times as wide as its latents"
        )


def _check_tokenizer(folder: Path) -> None:
    whole = (folder / "tokenizer.json").is_file() or all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    )
    if not whole:
        raise BackendError(
            f"{folder} has no vocabulary; expected vocab.json and merges.txt, or tokenizer.json"
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BackendError(f"{path} is missing; expected {EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise BackendError(f"{path} is damaged: expected a JSON object")
    return value
