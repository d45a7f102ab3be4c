"""Tile sizes are measured on request, remembered for a device and shape, used by later runs, and change no result."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from backends.opencl import devices, runtime, tuner
from backends.opencl.builder import Builder
from backends.opencl.graph import Graph

sys.path.insert(0, str(Path(__file__).parent))
import networks

pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(tuner, "ROUNDS", 1)
    return tmp_path


def _engine() -> runtime.Engine:
    return runtime.Engine(devices.find(None)[1])


def _graph() -> tuple[Graph, dict[str, np.ndarray], torch.Tensor]:
    """A product of a weight, and attention over what it makes."""
    torch.manual_seed(0)
    builder, x, weight = Builder(), torch.randn(1, 2, 70, 24), torch.randn(1, 2, 24, 24)
    view = builder.input("x", tuple(x.shape), "fp32")
    y = builder.emit("matmul", (view, builder.constant(weight)), tuple(x.shape), scale=1.0, extras=())
    out = builder.emit("flash_attention", (y, y, view), tuple(x.shape), scale=0.1)
    graph = Graph(builder.values, {"x": view}, (out,), tuple(builder.operations), builder.weights)
    made = x.double() @ weight.double()
    wanted = (made @ made.transpose(-1, -2) * 0.1).softmax(-1) @ x.double()
    return graph, {"x": x.numpy()}, wanted


def test_what_is_tuned_is_remembered_and_used_and_changes_no_result(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tuner, "WORTH", 1e9)  # the fastest, however little it gains
    engine, (graph, inputs, wanted) = _engine(), _graph()
    if not engine.core.settings:
        pytest.skip(f"the {engine.core.name} core leaves nothing to choose")
    found = tuner.tune_graphs(engine, [runtime.Network(engine, graph).graph], lambda what, fraction: None)
    assert len(found) == 2 and all(kernel.milliseconds <= kernel.usual_milliseconds for kernel in found)
    assert engine.choices.file.is_relative_to(home / "cache" / "opencl-tuning")

    other = _engine()
    assert other.choices.found == {kernel.shape: kernel.settings for kernel in found}
    settings = {"panel_matmul": {"block_rows": 48, "depth_at_once": 160}, "flash_attention": {"queries": 24}}
    other.choices.remember({shape: settings[shape.split()[0]] for shape in other.choices.found})
    network = runtime.Network(_engine(), graph)
    assert [operation.attributes["tiles"] for operation in network.graph.operations] == list(
        settings.values()
    )
    assert networks.relative_error(torch.from_numpy(network(inputs)[0]), wanted) < 1e-5
    assert [file.name for file in engine.choices.file.parent.iterdir()] == [engine.choices.file.name]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tiles": {"a": {"block_rows": "x"}}}', '{"tiles": {"a": {"b": 1}}}']
)
def test_a_damaged_file_is_ignored_and_named(text: str, home: Path):
    file = _engine().choices.file
    file.parent.mkdir(parents=True)
    file.write_text(text)
    choices = _engine().choices
    assert not choices.found and len(choices.notices) == 1
    assert str(file) in choices.notices[0] and "./run tune" in choices.notices[0]


def test_another_driver_or_core_has_another_file(home: Path):
    from types import SimpleNamespace

    from backends.opencl.choices import Choices

    def file(driver: str, core: str) -> Path:
        device = SimpleNamespace(platform=SimpleNamespace(version="1"), name="d", driver_version=driver)
        return Choices(device, core, {}).file

    assert len({file("1", "vector8"), file("2", "vector8"), file("1", "vector16")}) == 3
