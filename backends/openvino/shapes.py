"""A pipeline's models at one picture size: read, reshaped to static shapes, compiled; again when the size changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openvino
from openvino import Core, Type

from backends.contract import SIZE_MULTIPLE
from backends.models import Progress
from backends.openvino.memory import constants_bytes, drop_mapped_pages, return_free_memory

MODEL_FILE = "openvino_model.xml"
PARTS = ("text_encoder", "vae_decoder", "unet")

Size = tuple[int, int, int]
"""Batch of the UNet (2 with guidance, 1 without), height and width of the picture in pixels."""

Rewrite = Callable[[str, Path, openvino.Model], Iterable[Path]]
"""Changes the model of a part in place, to the same function: its name, the file it was read from, and the model, of static
shapes. Returns the model files that it maps besides."""


class StaticShapes:
    """Compiles the parts of an ``OVStableDiffusionPipeline`` for one size at a time.

    A part's own model is let go once it is compiled (the compiled model answers for its inputs), so that the weights are
    not held twice; it is read again from its file when the size changes.
    """

    def __init__(
        self,
        pipeline: Any,
        files: Callable[[str, Size], Path],
        progress: Progress,
        rewrite: Rewrite = lambda part, file, model: (),
        release: Callable[[], None] = lambda: None,
    ):
        """``files`` names the model file of ``text_encoder``, ``unet`` or ``vae_decoder`` for a size, and may have to make it;
        ``release`` lets go of what that took. Every model goes through ``rewrite`` before it is compiled."""
        self._parts: dict[str, Any] = {name: getattr(pipeline, name) for name in PARTS}
        self._tokens = int(pipeline.tokenizer.model_max_length)
        self._files = files
        self._progress = progress
        self._rewrite = rewrite
        self._release = release
        self._size: Size | None = None
        self._compiled_for: dict[str, Any] = {}
        self._constants: dict[str, int] = {}

    @property
    def weights_bytes(self) -> int:
        """The constants of the three models as they were compiled."""
        return sum(self._constants.values())

    def is_ready(self, batch: int, height: int, width: int) -> bool:
        """Whether a request of this size runs without compiling first."""
        return self._size == (batch, height, width)

    def prepare(self, batch: int, height: int, width: int) -> None:
        """Compile what is not compiled for this size yet, and let the models of another size go."""
        size = (batch, height, width)
        if self._size == size:
            return
        self._size = None
        try:
            for index, name in enumerate(self._parts):
                self._compile(name, size, index / len(self._parts))
        finally:
            self._release()
            return_free_memory()
        self._size = size

    @contextmanager
    def profiling(self) -> Iterator[dict[str, openvino.InferRequest]]:
        """While entered, every part runs on a model compiled with performance counters; yields their requests by part.

        Each has run once already, so that its buffers are allocated.
        """
        assert self._size is not None
        usual = {name: part.request for name, part in self._parts.items()}
        requests = {}
        for name in self._parts:
            requests[name] = self._compiled(name, self._size, {"PERF_COUNT": "YES"}).create_infer_request()
            requests[name].infer()
        try:
            for name, request in requests.items():
                self._parts[name].request = request.infer
            yield requests
        finally:
            for name, request in usual.items():
                self._parts[name].request = request

    def _compile(self, name: str, size: Size, fraction: float) -> None:
        part = self._parts[name]
        shapes = self._shapes(name, size)
        file = self._files(name, size)
        if self._compiled_for.get(name) == (file, shapes):
            return
        self._progress("compiling", fraction)
        self._compiled_for.pop(name, None)
        part.request = part.model = None
        part.request = part.model = self._compiled(name, size)
        self._compiled_for[name] = (file, shapes)

    def _compiled(self, name: str, size: Size, more: dict[str, str] | None = None) -> openvino.CompiledModel:
        part, file = self._parts[name], self._files(name, size)
        model = read(file)
        model.reshape(self._shapes(name, size))
        mapped = [file, *self._rewrite(name, file, model)]
        self._constants[name] = constants_bytes(model)
        compiled = Core().compile_model(model, part._device, part.ov_config | (more or {}))
        for each in mapped:
            drop_mapped_pages(each.with_suffix(".bin"))
        return compiled

    def _shapes(self, name: str, size: Size) -> dict[str, list[int]]:
        batch, height, width = size
        part = self._parts[name]
        latents = [height // SIZE_MULTIPLE, width // SIZE_MULTIPLE]
        if name == "text_encoder":
            return {"input_ids": [1, self._tokens]}
        if name == "vae_decoder":
            return {"latent_sample": [1, int(part.config.latent_channels), *latents]}
        return {
            "sample": [batch, int(part.config.in_channels), *latents],
            "timestep": [1],
            "encoder_hidden_states": [batch, self._tokens, int(part.config.cross_attention_dim)],
        }


def read(file: Path) -> openvino.Model:
    """A model from its file. A ``timestep`` that was exported as a whole number becomes a real one: some schedulers
    (euler, lms) step at fractions, and rounding them would ask the UNet about another noise level."""
    model = Core().read_model(file)
    for parameter in model.get_parameters():
        if "timestep" in parameter.output(0).get_names() and parameter.get_element_type() != Type.f32:
            parameter.set_element_type(Type.f32)
    model.validate_nodes_and_infer_types()
    return model
