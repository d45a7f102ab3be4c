"""Quantization that was trained with a model and ships beside its UNet: one file, ``unet/quantization.npz``.

It holds the weights as the 8-bit integers they are computed with, what every quantizer learnt, and the parameters that stay
real numbers. A zip of plain arrays: about 6.9 bits a weight, and nothing in it is ever executed.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backends.contract import BackendError
from backends.models import ModelCard, weights_sha256
from backends.openvino.fake_quantizers import (
    FakeQuantizer,
    full_weight,
    is_quantized,
    quantize_layer,
    quantized_layers,
    weight_quantizer,
)

FILE = Path("unet") / "quantization.npz"
FORMAT = 1
_ABOUT = "about"
_ROLES = ("weight", "taken", "made")


def shipped(card: ModelCard) -> Path | None:
    """The file of a model that ships its trained quantization. Raises BackendError where it was trained for other weights
    than lie beside it, or cannot be read."""
    file = card.path / FILE if card.path and card.path.is_dir() else None
    if file is None or not file.is_file():
        return None
    trained_for = about(file).get("weights_sha256")
    if trained_for != weights_sha256(card):
        raise BackendError(
            f"{file} was trained for other weights than those of {card.name}; train it again, or ask for quantization "
            "after training with int8-qat"
        )
    return file


def about(file: Path) -> dict[str, Any]:
    """What a file says of itself: ``weights_sha256`` of the model it belongs to, and the ``recipe`` it was trained by."""
    with _opened(file) as arrays:
        return _about(arrays, file)


def pack(unet: Any, file: Path, weights_sha256: str | None, recipe: dict[str, Any]) -> None:
    """Write the quantization of a UNet whose layers are quantized, whole or not at all."""
    layers = quantized_layers(unet)
    arrays: dict[str, Any] = {}
    bounds: dict[str, dict[str, list[int]]] = {}
    for name, layer in layers.items():
        quantizer = weight_quantizer(layer)
        arrays[f"{name}|levels"] = _array(quantizer.levels(full_weight(layer))).astype(np.int8)
        bounds[name] = {}
        for role, one in zip(_ROLES, (quantizer, layer.taken, layer.made), strict=True):
            if one is None:
                continue
            bounds[name][role] = [one.lowest, one.highest]
            arrays |= {f"{name}|{role}.{key}": _array(value) for key, value in one.named_parameters()}
        if layer.smooth is not None:
            arrays[f"{name}|smooth"] = _array(layer.smooth)
    arrays |= {f"|{name}": _array(value) for name, value in _unquantized(unet).items()}
    said = {"format": FORMAT, "weights_sha256": weights_sha256, "recipe": recipe, "layers": bounds}
    arrays[_ABOUT] = np.frombuffer(json.dumps(said).encode(), np.uint8)
    partial = file.with_suffix(".partial")
    with partial.open("wb") as opened:
        np.savez_compressed(opened, **arrays)
    partial.replace(file)


@torch.no_grad()
def restore(unet: Any, file: Path) -> Any:
    """Quantize a UNet of the same architecture, in place, as the file says, and return it. Raises BackendError where they
    do not fit each other."""
    with _opened(file) as arrays:
        layers = _about(arrays, file)["layers"]
        try:
            for name, parameter in _unquantized(unet, frozenset(layers)).items():
                parameter.copy_(_tensor(arrays[f"|{name}"]).to(parameter))
            for name, bounds in layers.items():
                _restore_layer(unet.get_submodule(name), name, bounds, arrays)
        except (KeyError, AttributeError, RuntimeError) as error:
            raise BackendError(
                f"{file} does not fit this UNet: {' '.join(str(error).split())[:200]}"
            ) from error
    return unet


def _restore_layer(layer: Any, name: str, bounds: dict[str, list[int]], arrays: Any) -> None:
    roles = {role: _quantizer(f"{name}|{role}", limits, role, arrays) for role, limits in bounds.items()}
    weight = roles["weight"]
    step = weight.step.view(-1, *(1 for _ in layer.weight.shape[1:]))
    layer.weight.copy_(_tensor(arrays[f"{name}|levels"]).float() * step)
    smooth = f"{name}|smooth"
    quantize_layer(
        layer,
        weight,
        roles.get("taken"),
        roles.get("made"),
        _tensor(arrays[smooth]) if smooth in arrays else None,
    )


def _quantizer(name: str, bounds: list[int], role: str, arrays: Any) -> FakeQuantizer:
    lowest, highest = bounds
    log_step, offset = _tensor(arrays[f"{name}.log_step"]), f"{name}.offset"
    channels_axis = 0 if role == "weight" else None
    zero_point = torch.zeros(1) if offset in arrays else None
    quantizer = FakeQuantizer(log_step.exp(), lowest, highest, zero_point, channels_axis)
    quantizer.log_step.copy_(log_step)
    if quantizer.offset is not None:
        quantizer.offset.copy_(_tensor(arrays[offset]))
    return quantizer


def _unquantized(unet: Any, layers: frozenset[str] | None = None) -> dict[str, Tensor]:
    """What stays a real number: every parameter but the weights of the quantized ``layers`` and their quantizers'."""
    names = frozenset(quantized_layers(unet)) if layers is None else layers
    inside = [name for name in names if is_quantized(unet.get_submodule(name))]
    quantizers = tuple(
        f"{name}.{part}" for name in inside for part in ("parametrizations.", "taken.", "made.")
    )
    weights = {f"{name}.weight" for name in names}
    return {
        name: value
        for name, value in unet.named_parameters()
        if name not in weights and not name.startswith(quantizers)
    }


def _opened(file: Path) -> Any:
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise BackendError(f"{file} is no readable quantization: {error}") from error


def _about(arrays: Any, file: Path) -> dict[str, Any]:
    try:
        said = json.loads(arrays[_ABOUT].tobytes())
        if said["format"] != FORMAT:
            raise BackendError(f"{file} has format {said['format']}; this version reads {FORMAT}")
        return said
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BackendError(f"{file} is no quantization of ours: {error!r}") from error


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().float().numpy()


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
