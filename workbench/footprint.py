"""How much memory a variant needs at the very least, told before it is loaded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from backends.contract import Variant
from backends.model_files import read_folder
from backends.models import ModelCard

SD14_PARAMETERS = {"unet": 859_520_964, "text_encoder": 123_060_480, "vae": 83_653_863}
"""Of Stable Diffusion 1.4, as its components' ``parameters()`` count them."""
BYTES_PER_PARAMETER = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}
PROCESS_BYTES = 450_000_000
"""A worker that has imported its backend and loaded nothing: 350 to 500 MB resident, measured."""


def needed_bytes(card: ModelCard, variant: Variant) -> int:
    """A lower bound of what the worker will take: its weights at the variant's precision, and the bare process.

    Intermediate tensors come on top; they depend on the size asked for, and no guess is made.
    """
    return PROCESS_BYTES + parameter_count(card) * BYTES_PER_PARAMETER.get(variant.precision, 4)


def parameter_count(card: ModelCard) -> int:
    """The parameters of all components; a lower bound where a file does not tell (a pickle may hold fp32 or fp16)."""
    if card.synthetic:
        return sum(SD14_PARAMETERS.values())
    if card.path is None:
        return 0
    if card.path.is_file():
        files: tuple[Path, ...] = (card.path,)
    else:
        files = tuple(file for weights in read_folder(card.path).weights.values() for file in weights.files)
    return sum(_parameters(file, file.stat().st_mtime_ns) for file in files)


@cache
def _parameters(file: Path, modified_ns: int) -> int:
    """The numbers in one weight file; ``modified_ns`` only tells one state of the file from another."""
    if file.suffix != ".safetensors":
        return file.stat().st_size // 4
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return sum(_product(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _product(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
