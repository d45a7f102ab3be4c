"""A GEGLU joins the product of its halves on the cores that can do that; with the switch ``gelu`` off, on none."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from backends.opencl.cores import Core, portable, tensor, vector
from backends.opencl.cores.tensor_chip import Chip
from backends.opencl.graph import Graph
from backends.opencl.passes import SWITCHES, optimized

sys.path.insert(0, str(Path(__file__).parent))
import networks
import reference


def vector_core(lanes: int) -> Core:
    return vector.core(SimpleNamespace(native_vector_width_float=lanes, max_compute_units=2))


CORES = [
    vector_core(8),
    vector_core(16),
    tensor.tensor_core(Chip(True, 132), splits=(1,)),
    portable.core(None),
]
every_core = pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)


def laid_out(core: Core, switches: dict[str, bool]) -> tuple[Graph, float]:
    """The built-in model's UNet as a core runs it, and how far it is from what torch computes."""
    graph, inputs, wanted = networks.captured("unet", 16)
    graph = core.lay_out(optimized(graph, switches, "fp32", core.attends, core.winograd_tile))
    (got,) = reference.run(graph, inputs)
    return graph, networks.relative_error(got, wanted)


def steps(graph: Graph) -> set[str]:
    return {operation.name for operation in graph.operations}


@every_core
def test_every_geglu_joins_its_product_and_means_the_same(core: Core):
    graph, error = laid_out(core, dict.fromkeys(SWITCHES, True))
    one, other = ("geglu", "gated_matmul") if core.name == "portable" else ("gated_matmul", "geglu")
    assert one in steps(graph) and other not in steps(graph)
    assert error < 1e-5


@every_core
@pytest.mark.parametrize("others", [False, True])
def test_without_the_switch_a_gelu_keeps_its_steps(core: Core, others: bool):
    graph, error = laid_out(core, dict.fromkeys(SWITCHES, others) | {"gelu": False})
    assert not {"geglu", "gated_matmul", "gelu", "quick_gelu"} & steps(graph)
    assert {"matmul", "mul_scalar", "erf", "add_scalar", "mul"} <= steps(graph)
    assert error < 1e-5


@every_core
def test_a_product_that_something_else_reads_too_is_written_whole(core: Core):
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, True))
    halves = [item.inputs[0].value for item in graph.operations if item.name == "geglu"]
    whole = next(item.output for item in graph.operations if item.output.value == halves[0])
    seen = replace(graph, outputs=(*graph.outputs, whole))
    left = [item for item in core.lay_out(seen).operations if item.name == "geglu"]
    assert len(left) == (len(halves) if core.name == "portable" else 1)
