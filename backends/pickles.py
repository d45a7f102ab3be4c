"""Pickled checkpoints, read as weights only: one that wants to run code is refused."""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
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
    """The tensors of a ``.bin`` or ``.ckpt`` by name, read as weights only; those of a checkpoint are in its ``state_dict``.

    Raises BackendError for one that wants to run code, or holds something else.
    """
    with harmless_pickles():
        try:
            checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
        except Exception as error:
            raise BackendError(pickle_refusal(path, error)) from error
    weights = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise BackendError(f"{path} holds no weights: expected tensors by name, or a state_dict of them")
    return weights


def pickle_refusal(path: Path, error: BaseException) -> str:
    """One line for a pickle that torch refused: the code it names, or what is wrong with it."""
    named = re.search(r"GLOBAL (\S+)|\bglobal[: ]+`?([\w.]+)", str(error))
    code = (named[1] or named[2]) if named else next(_code_named(path), None)
    if code:
        return f"{path} wants to run code ({code}); only weights are read: refused. Use a .safetensors file instead"
    # torch goes on to advise reading it with weights_only=False, which would run its code
    reason = re.search(r"WeightsUnpickler error:\s*([^\n]+)", str(error))
    said = reason[1].strip() if reason else " ".join(str(error).split())[:200]
    return f"{path} cannot be read as weights only ({said}): refused. Use a .safetensors file instead"


def _code_named(path: Path) -> Iterator[str]:
    """What a bare pickle, of whatever protocol, imports besides tensors and containers; nothing of it is executed."""
    said: list[str] = []
    with path.open("rb") as file:
        try:
            for operation, argument, _ in pickletools.genops(file):
                if isinstance(argument, str):
                    said.append(argument.replace(" ", "."))
                name = ".".join(said[-2:]) if operation.name == "STACK_GLOBAL" else said[-1] if said else ""
                imports = operation.name in ("GLOBAL", "INST", "STACK_GLOBAL")
                if imports and not name.startswith(("torch.", "collections.", "numpy.")):
                    yield name
        except ValueError:  # it ends, or is no pickle, from here on
            return


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"
