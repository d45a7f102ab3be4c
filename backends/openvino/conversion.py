"""A model as OpenVINO's, at fp32 weights: found in the store, or converted from the PyTorch model."""

from __future__ import annotations

import copy
import gc
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backends.contract import SIZE_MULTIPLE, BackendError
from backends.models import ModelCard, Progress, weights_sha256
from backends.openvino.shapes import MODEL_FILE, Size
from backends.openvino.store import Recipe, Store

VERSIONED = ("openvino", "optimum-intel", "nncf", "diffusers", "transformers", "torch")
_DESCRIPTIONS = (".json", ".txt")


class Conversion:
    """Where a model's OpenVINO files are. A PyTorch model is loaded only when something must be converted."""

    def __init__(self, card: ModelCard, tome: float, store: Store, progress: Progress):
        """``tome`` is the ratio of token merging; 0 merges none."""
        self.card = card
        self.tome = tome
        self.store = store
        self.progress = progress
        self._source: Recipe | None = None
        self._torch_pipeline: Any = None

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
        """The folder that ``OVStableDiffusionPipeline`` loads; the sizes of its models are open."""
        return self.store.folder("pipeline", {"source": self.source}, self._export, self.progress)

    def model_file(self, part: str, size: Size) -> Path:
        """The file of ``text_encoder``, ``unet`` or ``vae_decoder``. With token merging a UNet is of one height and width."""
        if part != "unet" or not self.tome:
            return self.pipeline_folder() / part / MODEL_FILE
        _, height, width = size
        recipe = {"source": self.source, "tome": self.tome, "height": height, "width": width}
        folder = self.store.folder(
            "unet", recipe, lambda folder: self._trace(folder, height, width), self.progress
        )
        return folder / MODEL_FILE

    def trained_unet_file(self, quantization: Path, size: Size) -> Path:
        """The file of a UNet with its trained ``quantization``. With token merging it is of one height and width."""
        _, height, width = size
        with quantization.open("rb") as file:
            recipe: dict[str, Any] = {
                "source": self.source,
                "quantization_sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
        if self.tome:
            recipe |= {"tome": self.tome, "height": height, "width": width}

        def convert(folder: Path) -> None:
            from backends.openvino.export import export_part
            from backends.openvino.trained import restore

            pipeline = self._loaded()
            full = pipeline.unet
            try:
                pipeline.unet = restore(copy.deepcopy(full), quantization)
                if self.tome:
                    self._trace(folder, height, width)
                else:
                    self.progress("converting", None)
                    export_part(pipeline, "unet", folder)
                    for file in (folder / "unet").iterdir():
                        file.rename(folder / file.name)
            finally:
                pipeline.unet = full

        return self.store.folder("unet-trained", recipe, convert, self.progress) / MODEL_FILE

    def release(self) -> None:
        """Let the PyTorch model go, where one was loaded: looking for it takes a second in a process of this size."""
        if self._torch_pipeline is not None:
            self._torch_pipeline = None
            gc.collect()

    def _export(self, folder: Path) -> None:
        from backends.openvino.export import export_pipeline

        export_pipeline(self._loaded(), folder, self.progress)

    def _trace(self, folder: Path, height: int, width: int) -> None:
        from backends.openvino.export import save, trace_unet
        from backends.tome_attention import apply_tome, remove_tome

        pipeline = self._loaded()
        self.progress("converting", None)
        try:
            apply_tome(pipeline.unet, self.tome)
        except ValueError as error:
            raise BackendError(f"{self.card.name} cannot merge tokens: {error}") from error
        tokens = int(pipeline.tokenizer.model_max_length)
        save(trace_unet(pipeline.unet, height // SIZE_MULTIPLE, width // SIZE_MULTIPLE, tokens), folder)
        remove_tome(pipeline.unet)

    def _loaded(self) -> Any:
        if self._torch_pipeline is None:
            import torch

            from backends.loading import load_pipeline

            pipeline = load_pipeline(self.card, torch.float32, self.progress)
            if pipeline.unet.config.time_cond_proj_dim is not None:
                raise BackendError(
                    f"{self.card.name} is distilled to take its guidance as an input (time_cond_proj_dim); the OpenVINO "
                    "backend has no such UNet; run it on pytorch"
                )
            self._torch_pipeline = pipeline
        return self._torch_pipeline


def _descriptions_sha256(path: Path | None) -> str | None:
    """Over the configurations of a folder: scheduler, tokenizer, the models' own; None for what is no folder."""
    if path is None or not path.is_dir():
        return None
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in _DESCRIPTIONS and file.name != "workbench.json" and file.is_file():
            digest.update(f"{file.relative_to(path).as_posix()}\0".encode() + file.read_bytes() + b"\n")
    return digest.hexdigest()
