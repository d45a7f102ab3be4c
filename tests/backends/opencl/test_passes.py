"""Every pass preserves the meaning of the graph, and does what its switch says.

The graphs run in float64; but Winograd's transformed filters are fp32, and differ from exact ones in the last digit.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
import torch

from backends.opencl.builder import Builder
from backends.opencl.graph import Graph
from backends.opencl.passes import SWITCHES, gates, horizontal, optimized, repeats, winograd

sys.path.insert(0, str(Path(__file__).parent))
import networks
import reference

MIXTURES = [
    dict(zip(SWITCHES, values, strict=True))
    for values in itertools.product((False, True), repeat=len(SWITCHES))
]


def kinds(graph: Graph) -> list[str]:
    return [operation.attributes.get("expression", operation.kind) for operation in graph.operations]


@pytest.mark.parametrize("name", ["small", "small_linear"])
@pytest.mark.parametrize("switches", MIXTURES[:: len(MIXTURES) // 8 + 1] + MIXTURES[-1:])
def test_every_mixture_of_switches_means_the_same(name: str, switches: dict[str, bool]):
    graph, inputs, wanted = networks.captured(name)
    (got,) = reference.run(optimized(graph, switches), inputs)
    assert networks.relative_error(got, wanted) < (1e-5 if switches["winograd"] else 1e-6)


@pytest.mark.parametrize("name", ["unet", "vae", "text", "text_gelu"])
@pytest.mark.parametrize("on", [False, True])
def test_all_on_and_all_off_mean_the_same(name: str, on: bool):
    graph, inputs, wanted = networks.captured(name, 16 if name == "unet" else 8)
    (got,) = reference.run(optimized(graph, dict.fromkeys(SWITCHES, on)), inputs)
    assert networks.relative_error(got, wanted) < (1e-5 if on else 1e-6)


def test_on_leaves_no_elementary_step_behind():
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, True))
    found = kinds(graph)
    assert not {"gelu", "erf", "exp", "div", "normalize", "reduce", "attention"} & set(found)
    assert {"group_norm", "geglu", "softmax_statistics", "flash_attention", "winograd_input"} <= set(found)


def test_off_gives_every_step_its_own_tensor():
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, False))
    found = kinds(graph)
    assert not {"group_norm", "geglu", "gelu", "softmax_statistics", "flash_attention", "attention"} & set(
        found
    )
    assert {"reduce", "normalize", "affine", "silu", "erf"} <= set(found)


def test_off_writes_every_step_of_a_softmax_and_of_a_group_norm():
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, False))
    found = [
        operation.attributes.get("function", name)
        for operation, name in zip(graph.operations, kinds(graph), strict=True)
    ]
    assert _behind(found, "max") == {("max", "sub", "exp", "sum", "div", "matmul")}
    assert {steps[:4] for steps in _behind(found, "mean")} == {("mean", "variance", "normalize", "affine")}


def _behind(steps: list[str], first: str) -> set[tuple[str, ...]]:
    return {tuple(steps[at : at + 6]) for at, step in enumerate(steps) if step == first}


def test_residuals_and_upsampling_are_folded():
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, True))
    assert "add" not in kinds(graph)
    reading = [op.attributes.get("upsample") for op in graph.operations]
    assert reading.count(2) == 2


@pytest.mark.parametrize("name", ["small", "small_linear", "merged", "text", "vae"])
def test_joining_products_and_gates_means_the_same(name: str):
    graph, inputs, wanted = networks.captured(name)
    graph = optimized(graph, dict.fromkeys(SWITCHES, True) | {"winograd": False})
    changed = gates.apply(horizontal.apply(graph), 8)
    (got,) = reference.run(changed, inputs)
    assert networks.relative_error(got, wanted) < 1e-6
    assert len(changed.operations) < len(graph.operations) or name == "vae"


def test_all_that_read_the_text_or_the_time_are_one_product():
    graph = optimized(networks.captured("small")[0], dict.fromkeys(SWITCHES, True))
    joined = horizontal.apply(graph)
    for operations, most in ((graph.operations, False), (joined.operations, True)):
        text = [item for item in operations if item.inputs[0].value == "encoder_hidden_states"]
        time = [item for item in operations if item.inputs[0].shape == (1, 1, 2, 96)]
        assert (len(text), len(time)) == (1, 2) if most else len(text) > 1 and len(time) > 2


def test_the_silu_of_the_time_embedding_is_computed_once():
    graph, _, _ = networks.captured("small")
    before = [op for op in graph.operations if op.attributes.get("expression") == "silu"]
    after = [op for op in repeats.apply(graph).operations if op.attributes.get("expression") == "silu"]
    twice = [op for op in before if op.output.shape == (2, 96)]
    assert len(before) - len(after) == len(twice) - 2 > 0


def test_a_product_whose_result_runs_across_rows_stays_alone():
    """A reader that takes no notice of rows can't read columns of a wider result."""
    builder = Builder()
    left = builder.input("left", (1, 1, 6, 8), "fp32")
    outs = [
        builder.emit(
            "matmul", (left, builder.constant(torch.randn(1, 1, 8, 8))), (1, 1, 6, 8), scale=1.0, extras=()
        )
        for _ in range(3)
    ]
    flat = outs[0].reshaped((48,))
    assert flat is not None
    whole = builder.emit("elementwise", (flat,), (48,), expression="copy", scalars=())
    rest = [
        builder.emit("elementwise", (out,), (1, 1, 6, 8), expression="copy", scalars=()) for out in outs[1:]
    ]
    graph = Graph(builder.values, {"left": left}, (whole, *rest), tuple(builder.operations), builder.weights)
    joined = horizontal.apply(graph)
    assert kinds(joined).count("matmul") == 2
    inputs = {"left": torch.randn(1, 1, 6, 8)}
    for got, wanted in zip(reference.run(joined, inputs), reference.run(graph, inputs), strict=True):
        assert torch.allclose(got, wanted)


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("size", [(8, 8), (9, 13)])
def test_winograd_is_the_convolution(tile: int, size: tuple[int, int]):
    from backends.opencl.capture import capture

    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(32, 33, 3, padding=1)
    x = torch.randn(5, 32, *size)
    graph = winograd.apply(capture(convolution, {"input": x}), True, tile)
    (got,) = reference.run(graph, {"input": x})
    assert kinds(graph) == ["winograd_input", "matmul", "winograd_output"]
    with torch.no_grad():
        assert networks.relative_error(got, convolution.double()(x.double())) < 1e-5
