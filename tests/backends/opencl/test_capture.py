"""The graph that capture makes says what the module says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from backends.contract import BackendError
from backends.opencl.capture import capture

sys.path.insert(0, str(Path(__file__).parent))
import networks
import reference


@pytest.mark.parametrize(
    "name", ["unet", "small", "small_linear", "merged", "merged_most", "vae", "text", "text_gelu"]
)
def test_the_graph_means_what_the_module_means(name: str):
    graph, inputs, wanted = networks.captured(name)
    (got,) = reference.run(graph, inputs)
    assert networks.relative_error(got, wanted) < 1e-6


def test_feature_maps_lie_channels_last_without_copies_for_their_permutations():
    graph, _, _ = networks.captured("small")
    copies = [op for op in graph.operations if op.attributes.get("expression") == "copy"]
    assert {op.module.rsplit(".", 1)[-1] for op in copies} <= {"time_proj", "up_blocks", "0", "1", "2"}


def test_an_operation_without_a_kernel_is_named_with_its_module():
    class Block(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.det(x)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.block(x)

    with pytest.raises(BackendError, match=r"no kernel for aten.linalg_det.*block"):
        capture(Model(), {"x": torch.randn(3, 3)})
