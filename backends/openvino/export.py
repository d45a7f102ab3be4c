"""From PyTorch models to OpenVINO's: optimum-intel's export of a pipeline, and of a UNet traced at one size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openvino
import torch
from optimum.exporters.openvino.convert import export_models, get_diffusion_models_for_export_ext
from optimum.intel.openvino.configuration import OVConfig

from backends.models import Progress
from backends.openvino.shapes import MODEL_FILE, PARTS

UNET_INPUTS = ("sample", "timestep", "encoder_hidden_states")
UNET_OUTPUT = "out_sample"


def export_pipeline(pipeline: Any, folder: Path, progress: Progress) -> None:
    """Write a diffusers pipeline as ``OVStableDiffusionPipeline`` reads it: fp32 weights, sizes left open.

    The VAE's encoder is left out: from text to picture nothing encodes.
    """
    for index, name in enumerate(PARTS):
        progress("converting", index / len(PARTS))
        export_part(pipeline, name, folder)
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    pipeline.tokenizer.save_pretrained(folder / "tokenizer")
    pipeline.save_config(folder)
    progress("converting", 1.0)


def export_part(pipeline: Any, name: str, folder: Path) -> Path:
    """Write one of a pipeline's models with its configuration into ``folder/name``, and return that folder."""
    models: dict[str, Any] = get_diffusion_models_for_export_ext(pipeline, exporter="openvino")[1]
    model, config = models[name]
    (folder / name).mkdir()
    save_config = getattr(model, "save_config", None) or model.config.save_pretrained
    save_config(folder / name)
    with _quiet_tracing():
        export_models(
            {name: (model, config)},
            folder,
            [f"{name}/{MODEL_FILE}"],
            ov_config=OVConfig(dtype="fp32"),
            stateful=False,
            library_name="diffusers",
        )
    _check(folder / name / MODEL_FILE)
    return folder / name


def trace_unet(unet: Any, height: int, width: int, tokens: int) -> openvino.Model:
    """The OpenVINO model of a UNet at one height and width of the latents, the batch left open, named as optimum names it.

    For a UNet whose computation depends on the size, as token merging does.
    """
    example = {
        "sample": torch.zeros(2, unet.config.in_channels, height, width),
        "timestep": torch.zeros(1),
        "encoder_hidden_states": torch.zeros(2, tokens, unet.config.cross_attention_dim),
    }
    shapes = [(name, [-1 if len(value) > 1 else 1, *value.shape[1:]]) for name, value in example.items()]
    with _quiet_tracing(), torch.no_grad():
        model = openvino.convert_model(_NoisePrediction(unet), example_input=example, input=shapes)
    for port, name in zip((*model.inputs, *model.outputs), (*UNET_INPUTS, UNET_OUTPUT), strict=True):
        port.get_tensor().set_names({name})
    return model


def save(model: openvino.Model, folder: Path) -> None:
    """Write a model as ``openvino_model.xml`` and ``.bin``, its weights as they are, and read it back, because OpenVINO
    does not notice a full disk. Raises OSError where it was cut short."""
    try:
        openvino.save_model(model, folder / MODEL_FILE, compress_to_fp16=False)
    except RuntimeError as error:
        raise OSError(f"OpenVINO could not write it: {' '.join(str(error).split())[:200]}") from error
    _check(folder / MODEL_FILE)


def _check(file: Path) -> None:
    try:
        openvino.Core().read_model(file)
    except RuntimeError as error:
        raise OSError(f"{file.name} was cut short: {' '.join(str(error).split())[:200]}") from error


class _NoisePrediction(torch.nn.Module):
    def __init__(self, unet: Any):
        super().__init__()
        self.unet = unet

    def forward(self, sample: Any, timestep: Any, encoder_hidden_states: Any) -> Any:
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


@contextmanager
def _quiet_tracing() -> Iterator[None]:
    """Tracing warns of every Python value it fixes; that the sizes stay open is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        yield
