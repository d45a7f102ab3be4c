"""Captured graphs, remembered on disk: their structure, and of their weights only what no module has.

A file is keyed by the model's hash, the module, the shapes, the versions of what exports and the sources of what captures.
It is written under a temporary name and renamed. A file that cannot be read is captured again.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backends.opencl.capture import capture
from backends.opencl.graph import Graph, Operation, Value, View, Weight
from backends.paths import cache_dir

_EXPORTERS = ("torch", "diffusers", "transformers")
_OWN = ("aten.py", "aten_indices.py", "capture.py", "graph.py", "graphs.py", "networks.py")
_SOURCES = (*_OWN, "../tome.py", "../tome_attention.py")


def captured(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], model: str | None) -> Graph:
    """The graph of ``module(**inputs)``, from the cache where ``model`` was captured at these shapes before.

    ``model`` names the weights and whatever else changes what the module computes; with None nothing is remembered.
    Raises BackendError as :func:`backends.opencl.capture.capture` does.
    """
    if model is None:
        return capture(module, inputs)
    file = cache_dir() / "opencl" / "graphs" / f"{_key(module, inputs, model)}.npz"
    with suppress(OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return read(file, module.state_dict())
    graph = capture(module, inputs)
    with suppress(OSError):  # where the cache cannot be written, the next start captures again
        write(graph, file)
    return graph


def write(graph: Graph, file: Path) -> None:
    """Keep a graph: an ``.npz`` of its structure as JSON, and the weights that have no name.

    Raises OSError, and ValueError where passes have laid its weights beside each other: what capture made is kept.
    """
    weights = {name: weight for name, weight in graph.weights.items() if isinstance(weight, Weight)}
    if len(weights) < len(graph.weights):
        raise ValueError(
            "a graph whose weights lie beside each other cannot be kept; keep it as it was captured"
        )
    described = {
        "values": [dataclasses.astuple(value) for value in graph.values.values()],
        "inputs": {name: _listed(view) for name, view in graph.inputs.items()},
        "outputs": [_listed(view) for view in graph.outputs],
        "operations": [
            [
                operation.kind,
                [_listed(view) for view in operation.inputs],
                _listed(operation.output),
                dict(operation.attributes),
                operation.module,
            ]
            for operation in graph.operations
        ],
        "weights": {name: [weight.name, weight.steps] for name, weight in weights.items()},
    }
    arrays = {
        f"weight {name}": np.ascontiguousarray(weight.source)
        for name, weight in weights.items()
        if weight.name is None
    }
    text = np.frombuffer(json.dumps(described).encode(), np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            np.savez(opened, graph=text, **arrays)  # pyright: ignore[reportArgumentType]
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read(file: Path, state: Mapping[str, torch.Tensor]) -> Graph:
    """The graph of a file, its named weights from ``state``. Raises OSError, ValueError or KeyError where it can't be."""
    with np.load(file, allow_pickle=False) as stored:
        described = json.loads(stored["graph"].tobytes())
        weights = {
            name: Weight(
                stored[f"weight {name}"] if source is None else state[source].detach().numpy(),
                source,
                tuple(steps),
            )
            for name, (source, steps) in described["weights"].items()
        }
    return Graph(
        {row[0]: Value(*row) for row in described["values"]},
        {name: _view(row) for name, row in described["inputs"].items()},
        tuple(map(_view, described["outputs"])),
        tuple(
            Operation(kind, tuple(map(_view, inputs)), _view(output), _attributes(attributes), module)
            for kind, inputs, output, attributes, module in described["operations"]
        ),
        weights,
    )


def _key(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], model: str) -> str:
    shapes = [(name, tuple(tensor.shape), str(tensor.dtype)) for name, tensor in inputs.items()]
    return hashlib.sha256(repr((model, type(module).__name__, shapes, _versions())).encode()).hexdigest()


@functools.cache
def _versions() -> tuple[str, ...]:
    here = Path(__file__).parent
    sources = (hashlib.sha256((here / name).read_bytes()).hexdigest() for name in _SOURCES)
    return (*map(importlib.metadata.version, _EXPORTERS), *sources)


def _listed(view: View) -> list[Any]:
    return [view.value, view.shape, view.strides, view.offset]


def _view(row: list[Any]) -> View:
    value, shape, strides, offset = row
    return View(value, tuple(shape), tuple(strides), offset)


def _attributes(read: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}
