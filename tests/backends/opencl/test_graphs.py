"""A captured graph is remembered: the same graph comes back, its weights from the module, and damage is noticed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from backends.opencl import graphs
from backends.opencl.graph import Graph, Weight
from backends.opencl.networks import UNetCalling
from backends.opencl.packing import packed
from backends.opencl.passes import horizontal
from backends.paths import cache_dir

sys.path.insert(0, str(Path(__file__).parent))
import networks


def inputs() -> dict[str, torch.Tensor]:
    return networks.unet_inputs(networks.merged_unet(), 8)


def remembered(monkeypatch: pytest.MonkeyPatch, model: str) -> Graph:
    """The graph, where capturing would fail."""
    monkeypatch.setattr(graphs, "capture", lambda *_: pytest.fail("captured again"))
    return graphs.captured(UNetCalling(networks.merged_unet()), inputs(), model)


def test_the_graph_that_comes_back_is_the_one_that_was_captured(monkeypatch: pytest.MonkeyPatch):
    first = graphs.captured(UNetCalling(networks.merged_unet()), inputs(), "same")
    again = remembered(monkeypatch, "same")
    assert (again.values, again.inputs, again.outputs) == (first.values, first.inputs, first.outputs)
    assert again.operations == first.operations
    for name, weight in first.weights.items():
        assert np.array_equal(packed(again.weights[name]), packed(weight))


def test_named_weights_are_the_modules_own_and_not_on_disk():
    graph = graphs.captured(UNetCalling(networks.merged_unet()), inputs(), "small")
    weights = [weight for weight in graph.weights.values() if isinstance(weight, Weight)]
    named = sum(weight.source.nbytes for weight in weights if weight.name)
    largest = max((cache_dir() / "opencl" / "graphs").glob("*.npz"), key=lambda file: file.stat().st_size)
    assert largest.stat().st_size < named


def test_another_model_or_shape_is_captured_anew():
    module = UNetCalling(networks.merged_unet())
    graphs.captured(module, inputs(), "one")
    before = set((cache_dir() / "opencl" / "graphs").iterdir())
    graphs.captured(module, inputs(), "another")
    assert len(set((cache_dir() / "opencl" / "graphs").iterdir()) - before) == 1


def test_a_damaged_file_is_captured_anew():
    module = UNetCalling(networks.merged_unet())
    graphs.captured(module, inputs(), "damaged")
    newest = max((cache_dir() / "opencl" / "graphs").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:1000])
    assert graphs.captured(module, inputs(), "damaged").operations


def test_a_graph_whose_weights_lie_beside_each_other_is_not_kept(tmp_path: Path):
    graph = horizontal.apply(networks.captured("small")[0])
    with pytest.raises(ValueError, match="as it was captured"):
        graphs.write(graph, tmp_path / "graph.npz")
