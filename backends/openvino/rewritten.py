"""Models of the store, rewritten: the kernels that it takes are computed once and mapped from a file, like a model's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from openvino import Core, Model, Node
from openvino import opset13 as op

from backends.contract import BackendError
from backends.models import Progress
from backends.openvino.rewriting import KERNEL, Constants, Rewriting, computed, rewrite
from backends.openvino.shapes import MODEL_FILE
from backends.openvino.store import Recipe, Store


class Rewritten:
    """Rewrites the parts of a pipeline, each by its own rewritings, in their order."""

    def __init__(self, store: Store, rewritings: Mapping[str, Sequence[Rewriting]], progress: Progress):
        self._store = store
        self._rewritings = rewritings
        self._progress = progress

    def __call__(self, part: str, file: Path, model: Model) -> list[Path]:
        """Rewrite, in place, the model of ``text_encoder``, ``unet`` or ``vae_decoder`` that was read from ``file`` and has
        static shapes; returns the files that it maps besides."""
        rewritings = self._rewritings.get(part, ())
        # Before any is rewritten: one's kernels are the same whether or not another comes first.
        found = [
            (rewriting, convolutions)
            for rewriting in rewritings
            if (convolutions := rewriting.convolutions(model))
        ]
        files = [self._stored(rewriting, convolutions, file) for rewriting, convolutions in found]
        for (rewriting, _), kernels in zip(found, files, strict=True):
            rewrite(rewriting, model, _read(kernels))
        return files

    def _stored(self, rewriting: Rewriting, convolutions: Sequence[Node], file: Path) -> Path:
        def make(folder: Path) -> None:
            from backends.openvino.export import save

            self._progress("rewriting", None)
            save(_constants_only(computed(rewriting, convolutions)), folder)

        recipe: Recipe = {
            "model": file.parent.relative_to(self._store.root).as_posix(),
            "convolutions": sorted(node.get_friendly_name() for node in convolutions),
            "kernels_sha256": kernels_sha256(rewriting),
        }
        return self._store.folder(rewriting.name, recipe, make, self._progress) / MODEL_FILE


def kernels_sha256(rewriting: Rewriting) -> str:
    """Over what becomes of the nine kernels with a single one each: whatever changes the sums changes this."""
    units = np.eye(KERNEL * KERNEL, dtype=np.float32).reshape(-1, 1, KERNEL, KERNEL)
    digest = hashlib.sha256()
    for kernel in rewriting.kernels(units):
        digest.update(f"{kernel.shape}".encode() + np.ascontiguousarray(kernel).tobytes())
    return digest.hexdigest()


def _constants_only(constants: Constants) -> Model:
    """A model that takes nothing and gives these constants, each named by its convolution and its place."""
    results = []
    for name, kernels in constants.items():
        for place, kernel in enumerate(kernels):
            kernel.set_friendly_name(f"{place} {name}")
            results.append(op.result(kernel))
    return Model(results, [], "kernels")  # pyright: ignore[reportGeneralTypeIssues]


def _read(file: Path) -> Constants:
    found: dict[str, dict[int, Node]] = {}
    try:
        model = Core().read_model(file)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise BackendError(
            f"the kernels in {file.parent} are damaged ({reason}); delete that folder"
        ) from error
    for node, place, name in _named(model):
        found.setdefault(name, {})[place] = node
    return {name: [kernels[place] for place in sorted(kernels)] for name, kernels in found.items()}


def _named(model: Model) -> Iterator[tuple[Node, int, str]]:
    for node in model.get_ops():
        if node.get_type_name() == "Constant":
            place, name = node.get_friendly_name().split(" ", 1)
            yield node, int(place), name
