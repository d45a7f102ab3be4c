"""The vector core's layouts: what they join, and that the graph still means the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from backends.opencl.cores import vector
from backends.opencl.passes import SWITCHES, optimized

sys.path.insert(0, str(Path(__file__).parent))
import networks
import reference


@pytest.mark.parametrize("lanes", [8, 16])
def test_every_geglu_joins_its_product_and_means_the_same(lanes: int):
    graph, inputs, wanted = networks.captured("unet", 16)
    laid_out = vector.lay_out(optimized(graph, dict.fromkeys(SWITCHES, True)), lanes)
    paired = [operation for operation in laid_out.operations if "paired" in operation.attributes]
    assert paired and not any(operation.name == "geglu" for operation in laid_out.operations)
    (got,) = reference.run(laid_out, inputs)
    assert networks.relative_error(got, wanted) < 1e-5


def test_without_the_switch_a_gelu_keeps_its_steps():
    graph, _, _ = networks.captured("unet", 16)
    laid_out = vector.lay_out(optimized(graph, dict.fromkeys(SWITCHES, True) | {"gelu": False}), 16)
    assert not any("paired" in operation.attributes for operation in laid_out.operations)
    assert any(operation.name == "erf" for operation in laid_out.operations)
