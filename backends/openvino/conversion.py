"""The OpenVINO models of one variant: found in the store, or converted from the PyTorch model, quantized where asked."""

from __future__ import annotations

import gc
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openvino

from backends.contract import SIZE_MULTIPLE, BackendError, Variant
from backends.models import ModelCard, Progress, weights_sha256
from backends.openvino.store import Recipe, Store

MODEL_FILE = "openvino_model.xml"
VERSIONED = ("openvino", "optimum-intel", "nncf", "diffusers", "transformers", "torch")
_DESCRIPTIONS = (".json", ".txt")


class Conversion:
    """Where a variant's models are; a PyTorch model is loaded only when something must be converted, and let go after."""

    def __init__(self, card: ModelCard, variant: Variant, store: Store, progress: Progress):
        self.card = card
        self.precision = variant.precision
        self.tome = float(variant.option("tome"))
        self.store = store
        self.progress = progress
        self._pipeline: Any = None
        self._source: Recipe | None = None

    @property
    def source(self) -> Recipe:
        """What everything here is made from: the weights, how the model describes itself, and the makers' versions."""
        if self._source is None:
            self.progress("reading", None)
            self._source = {
                "weights_sha256": weights_sha256(self.card),
                "descriptions_sha256": _descriptions_sha256(self.card.path),
                "versions": {name: version(name) for name in VERSIONED},
            }
        return self._source

    def pipeline_folder(self) -> Path:
        """The folder that ``OVStableDiffusionPipeline`` loads, with models of fp32 weights and open sizes."""
        return self.store.folder("pipeline", {"source": self.source}, self._export, self.progress)

    def unet_folder(self, batch: int, height: int, width: int) -> Path:
        """The folder of the UNet's model for pictures of this size, in pixels."""
        if self.tome:
            return self.store.folder(
                "unet",
                self._unet_recipe(batch, height, width),
                self._tracer(batch, height, width),
                self.progress,
            )
        return self.pipeline_folder() / "unet"

    def release(self) -> None:
        """Let the PyTorch model go."""
        self._pipeline = None
        gc.collect()

    def _unet_recipe(self, batch: int, height: int, width: int) -> dict[str, Any]:
        return {"source": self.source, "tome": self.tome, "size": [batch, height, width]}

    def _export(self, folder: Path) -> None:
        from backends.openvino.export import export_pipeline

        export_pipeline(self._torch_pipeline(), folder, self.progress)
        _check_models(folder)

    def _tracer(self, batch: int, height: int, width: int) -> Any:
        def trace(folder: Path) -> None:
            from backends.openvino.export import save, trace_unet
            from backends.tome_attention import apply_tome

            pipeline = self._torch_pipeline()
            self.progress("converting", None)
            try:
                apply_tome(pipeline.unet, self.tome)
            except ValueError as error:
                raise BackendError(
                    f"tome={self.tome:g} cannot be applied to {self.card.name}: {error}"
                ) from error
            tokens = int(pipeline.tokenizer.model_max_length)
            model = trace_unet(pipeline.unet, batch, height // SIZE_MULTIPLE, width // SIZE_MULTIPLE, tokens)
            save(model, folder)
            _check_models(folder)

        return trace

    def _torch_pipeline(self) -> Any:
        if self._pipeline is None:
            import torch

            from backends.loading import load_pipeline

            self._pipeline = load_pipeline(self.card, torch.float32, self.progress)
        return self._pipeline


def _descriptions_sha256(path: Path | None) -> str | None:
    """Over the configurations of a folder: scheduler, tokenizer, the models' own; None for what is no folder."""
    if path is None or not path.is_dir():
        return None
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in _DESCRIPTIONS and file.name != "workbench.json" and file.is_file():
            digest.update(f"{file.relative_to(path).as_posix()}\0".encode() + file.read_bytes() + b"\n")
    return digest.hexdigest()


def _check_models(folder: Path) -> None:
    """Read back what was written, so that a full disk is noticed now. Raises OSError."""
    for file in folder.rglob(MODEL_FILE):
        try:
            openvino.Core().read_model(file)
        except RuntimeError as error:
            raise OSError(f"{file.name} was cut short: {' '.join(str(error).split())[:200]}") from error
