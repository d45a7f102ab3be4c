"""A model card to a diffusers ``StableDiffusionPipeline`` on the CPU: component by component, offline, no foreign code."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from backends.assembly import assemble
from backends.contract import BackendError, InvalidModel
from backends.model_files import ModelFolder, WeightFiles, read_folder
from backends.models import ModelCard, Progress
from backends.pickles import read_pickle
from backends.single_file import single_file_pipeline
from backends.synthetic import synthetic_pipeline


def load_pipeline(card: ModelCard, dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    """The pipeline of a card, every weight in ``dtype``, in evaluation mode, without safety checker.

    Raises InvalidModel with one line where the model cannot be read.
    """
    try:
        return _pipeline(card, dtype, progress)
    except BackendError as error:
        raise InvalidModel(str(error)) from error


def _pipeline(card: ModelCard, dtype: torch.dtype, progress: Progress) -> StableDiffusionPipeline:
    if card.kind == "synthetic":
        return synthetic_pipeline(dtype, progress)
    if card.path is None:
        raise BackendError(f"{card.name} was not downloaded; expected models.fetch to have done so")
    if card.kind == "file":
        return single_file_pipeline(card.path, dtype, progress)
    return _from_folder(read_folder(card.path), dtype, progress)


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
    tokenizer = _tokenizer(folder)
    scheduler_class = getattr(diffusers, folder.scheduler_class, None)
    if not folder.scheduler_class.endswith("Scheduler") or scheduler_class is None:
        raise BackendError(
            f"the scheduler of {folder.path} is {folder.scheduler_class!r}, which diffusers does not have"
        )
    scheduler = scheduler_class.from_config(folder.configs["scheduler"])
    return assemble(tokenizer, scheduler=scheduler, **components)


def _tokenizer(folder: ModelFolder) -> CLIPTokenizer:
    try:
        return CLIPTokenizer.from_pretrained(folder.path / "tokenizer", local_files_only=True)
    except Exception as error:  # tokenizers raises nothing more special
        reason = " ".join(str(error).split())[:200]
        raise BackendError(
            f"the tokenizer of {folder.path} is damaged: {type(error).__name__}: {reason}"
        ) from error


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
