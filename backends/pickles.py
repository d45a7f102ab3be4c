"""Pickled checkpoints, read as weights only: one that wants to run code is refused."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from backends.contract import BackendError

# Pickles of the original release name this class as a key; it is data there, and this inert stand-in takes its place.
_ModelCheckpoint = type("ModelCheckpoint", (), {})
_HARMLESS: list[Any] = [
    (_ModelCheckpoint, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
]


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


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
