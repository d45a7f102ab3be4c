"""A model card to a diffusers ``StableDiffusionPipeline`` on the CPU: component by component, offline, no foreign code."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from backends.contract import BackendError
from backends.model_files import ModelFolder, WeightFiles, read_folder
from backends.models import ModelCard, Progress

# Pickles of the original release name this class as a key; it is data there, and this inert stand-in takes its place.
_ModelCheckpoint = type("ModelCheckpoint", (), {})
_HARMLESS: list[Any] = [
    (_ModelCheckpoint, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
]


def load_pipeline(card: ModelCard, dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    """The pipeline of a card, every weight in ``dtype``, in evaluation mode, without safety checker.

    Raises BackendError with one line where the model cannot be read.
    """
    if card.kind == "synthetic":
        from backends.synthetic import synthetic_pipeline

        return synthetic_pipeline(dtype, progress)
    if card.path is None:
        raise BackendError(f"{card.name} was not downloaded; expected models.fetch to have done so")
    if card.kind == "file":
        from backends.single_file import single_file_pipeline

        return single_file_pipeline(card.path, dtype, progress)
    return _from_folder(read_folder(card.path), dtype, progress)


def assemble(
    tokenizer: Any, text_encoder: Any, unet: Any, vae: Any, scheduler: Any
) -> StableDiffusionPipeline:
    """The pipeline of these components; the tokenizer is told how many tokens the text encoder takes."""
    limit = int(text_encoder.config.max_position_embeddings)
    tokenizer.model_max_length = min(int(tokenizer.model_max_length), limit)
    for module in (text_encoder, unet, vae):
        module.eval().requires_grad_(False)
        if absent := [name for name, parameter in module.named_parameters() if parameter.is_meta]:
            raise BackendError(
                f"the weights of the {type(module).__name__} lack {len(absent)} tensors, {absent[0]} the first"
            )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )


def harmless_pickles() -> AbstractContextManager[None]:
    """While entered, weights-only reading of pickles takes the names in them that stand for no code."""
    return torch.serialization.safe_globals(_HARMLESS)


def read_pickle(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a ``.bin`` or ``.ckpt``, read as weights only. Raises BackendError for one that wants to run code."""
    with harmless_pickles():
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
        except Exception as error:
            raise BackendError(pickle_refusal(path, error)) from error


def pickle_refusal(path: Path, error: BaseException) -> str:
    """One line for a pickle that torch refused: the code it names, or what is wrong with it."""
    named = re.search(r"GLOBAL (\S+)|\bglobal[: ]+`?([\w.]+)", str(error))
    if named:
        code = named[1] or named[2]
        return f"{path} wants to run code ({code}); only weights are read: refused. Use a .safetensors file instead"
    return f"{path} cannot be read as weights only: {' '.join(str(error).split())[:200]}"


def _from_folder(folder: ModelFolder, dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    makers: dict[str, Any] = {
        "text_encoder": CLIPTextModel,
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
    }
    sizes = {name: sum(file.stat().st_size for file in folder.weights[name].files) for name in makers}
    done, components = 0, {}
    for name, maker in makers.items():
        progress("reading", done / sum(sizes.values()))
        components[name] = _component(maker, folder, name, dtype)
        done += sizes[name]
    progress("reading", 1.0)
    tokenizer = CLIPTokenizer.from_pretrained(folder.path / "tokenizer", local_files_only=True)
    scheduler_class = getattr(diffusers, folder.scheduler_class, None)
    if not folder.scheduler_class.endswith("Scheduler") or scheduler_class is None:
        raise BackendError(
            f"the scheduler of {folder.path} is {folder.scheduler_class!r}, which diffusers does not have"
        )
    scheduler = scheduler_class.from_config(folder.configs["scheduler"])
    return assemble(tokenizer, scheduler=scheduler, **components)


def _component(maker: Any, folder: ModelFolder, name: str, dtype: torch.dtype) -> Any:
    weights = folder.weights[name]
    if weights.pickled:
        _refuse_code(weights)
    try:
        component, info = maker.from_pretrained(
            folder.path / name,
            torch_dtype=dtype,
            variant=weights.variant,
            use_safetensors=not weights.pickled,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BackendError(f"the {name} of {folder.path} does not fit its configuration: {reason}") from error
    if missing := sorted(info["missing_keys"]):
        raise BackendError(
            f"the weights of the {name} of {folder.path} lack {len(missing)} tensors, {missing[0]} the first"
        )
    return component


def _refuse_code(weights: WeightFiles) -> None:
    for file in weights.files:
        read_pickle(file)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
