"""Models of the store, rewritten: the kernels that it takes are computed once and mapped from a file, like a model's own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        found = [(each, convolutions) for each in rewritings if (convolutions := each.convolutions(model))]
        folders = [self._stored(rewriting, convolutions, file) for rewriting, convolutions in found]
        for (rewriting, convolutions), folder in zip(found, folders, strict=True):
            rewrite(rewriting, model, _read(folder, convolutions))
        return [kernels for folder in folders for kernels in _files(folder)]

    def _stored(self, rewriting: Rewriting, convolutions: Sequence[Node], file: Path) -> Path:
        """The folder of a rewriting's kernels, a model in it for each convolution."""

        def make(folder: Path) -> None:
            from backends.openvino.export import save

            for index, convolution in enumerate(convolutions):
                self._progress("rewriting", index / len(convolutions))
                (folder / str(index)).mkdir()
                save(_constants_only(computed(rewriting, [convolution])), folder / str(index))

        recipe: Recipe = {
            "model": file.parent.relative_to(self._store.root).as_posix(),
            "convolutions": sorted(node.get_friendly_name() for node in convolutions),
            "kernels_sha256": kernels_sha256(rewriting),
        }
        try:
            return self._store.folder(rewriting.name, recipe, make, self._progress)
        except BackendError as error:
            needed = -(-_kernels_bytes(rewriting, convolutions) // 2**20)
            raise BackendError(
                f"{error}; {rewriting.name} keeps {needed:,} MiB of kernels there, -{rewriting.name} does without"
            ) from error


def kernels_sha256(rewriting: Rewriting) -> str:
    """Over what becomes of the nine kernels with a single one each: whatever changes the sums changes this."""
    units = np.eye(KERNEL * KERNEL, dtype=np.float32).reshape(-1, 1, KERNEL, KERNEL)
    digest = hashlib.sha256()
    for kernel in rewriting.kernels(units):
        digest.update(f"{kernel.shape}".encode() + np.ascontiguousarray(kernel).tobytes())
    return digest.hexdigest()


def _kernels_bytes(rewriting: Rewriting, convolutions: Sequence[Node]) -> int:
    each = sum(kernel.nbytes for kernel in rewriting.kernels(np.zeros((1, 1, KERNEL, KERNEL), np.float32)))
    return sum(each * math.prod(list(node.input_value(1).get_shape())[:2]) for node in convolutions)


def _constants_only(constants: Constants) -> Model:
    """A model that takes nothing and gives these constants, each named by its convolution and its place."""
    results = []
    for name, kernels in constants.items():
        for place, kernel in enumerate(kernels):
            kernel.set_friendly_name(f"{place} {name}")
            results.append(op.result(kernel))
    return Model(results, [], "kernels")  # pyright: ignore[reportGeneralTypeIssues]


def _files(folder: Path) -> list[Path]:
    return list(folder.glob(f"*/{MODEL_FILE}"))


def _read(folder: Path, convolutions: Sequence[Node]) -> Constants:
    """The kernels of these convolutions. Raises BackendError where they are damaged."""
    found: dict[str, dict[int, Node]] = {}
    try:
        for node, place, name in _named(Core().read_model(file) for file in _files(folder)):
            found.setdefault(name, {})[place] = node
        missing = [name for node in convolutions if (name := node.get_friendly_name()) not in found]
        if missing:
            raise RuntimeError(f"{missing[0]} is not there")
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise BackendError(f"the kernels in {folder} are damaged ({reason}); delete that folder") from error
    return {name: [kernels[place] for place in sorted(kernels)] for name, kernels in found.items()}


def _named(models: Iterable[Model]) -> Iterator[tuple[Node, int, str]]:
    for node in (node for model in models for node in model.get_ops()):
        if node.get_type_name() == "Constant":
            place, name = node.get_friendly_name().split(" ", 1)
            yield node, int(place), name
