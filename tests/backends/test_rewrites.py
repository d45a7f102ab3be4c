"""Rewritings of OpenVINO's graph to the same function: Winograd's convolutions, upsampling in phases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from backends import registry
from backends.contract import Generate, Generated, Request
from backends.generation import Generation
from backends.models import resolve
from backends.openvino import polyphase, winograd
from backends.variants import parse_variant
from tests.backends.openvino_models import STEPS, write_small_model

REQUEST = Request("a red fox", seed=7, steps=STEPS, guidance_scale=4.0, width=64, height=64)


def converted(network: nn.Module, shape: tuple[int, ...]) -> openvino.Model:
    """The OpenVINO model of a network, of this static shape."""
    model = openvino.convert_model(network.eval(), example_input=torch.zeros(shape))
    model.reshape(list(shape))
    return model


def operations(model: openvino.Model) -> Counter[str]:
    return Counter(node.get_type_name() for node in model.get_ops())


def computed(model: openvino.Model, given: torch.Tensor) -> torch.Tensor:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return torch.from_numpy(compiled(given.numpy())[0].copy())


def assert_same(network: nn.Module, model: openvino.Model, shape: tuple[int, ...]) -> None:
    given = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(given)
    assert (computed(model, given) - expected).norm() <= 1e-5 * expected.norm()


@settings(max_examples=8, deadline=None)
@given(
    batch=st.integers(1, 3),
    taken=st.integers(1, 40),
    made=st.integers(1, 40),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
)
def test_winograd_makes_what_the_convolution_makes(
    batch: int, taken: int, made: int, height: int, width: int
):
    network = nn.Conv2d(taken, made, 3, padding=1)
    shape = (batch, taken, height, width)
    model = converted(network, shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "LEAST_CHANNELS", 0)
        assert winograd.rewrite(model) == 1
    assert not operations(model)["Convolution"]
    assert_same(network, model, shape)


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (nn.Conv2d(256, 256, 3, padding=1), 1),
        (nn.Conv2d(255, 256, 3, padding=1), 0),
        (nn.Conv2d(256, 256, 3, padding=1, stride=2), 0),
        (nn.Conv2d(256, 256, 3, padding=0), 0),
        (nn.Conv2d(256, 256, 3, padding=2, dilation=2), 0),
        (nn.Conv2d(256, 256, 1), 0),
        (nn.Conv2d(256, 256, 3, padding=1, groups=2), 0),
    ],
    ids=["plain", "few channels", "stride", "no padding", "dilation", "1x1", "groups"],
)
def test_winograd_takes_the_convolutions_that_it_pays_for_and_leaves_the_others(
    network: nn.Conv2d, count: int
):
    model = converted(network, (1, network.in_channels, 8, 8))
    before = operations(model)
    assert winograd.rewrite(model) == count
    assert count or operations(model) == before


@settings(max_examples=8, deadline=None)
@given(
    batch=st.integers(1, 3),
    taken=st.integers(1, 20),
    made=st.integers(1, 20),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    bias=st.booleans(),
)
def test_phases_make_what_upsampling_and_convolution_make(
    batch: int, taken: int, made: int, height: int, width: int, bias: bool
):
    network = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(taken, made, 3, padding=1, bias=bias))
    shape = (batch, taken, height, width)
    model = converted(network, shape)
    assert polyphase.rewrite(model) == 1
    found = operations(model)
    assert (found["Convolution"], found["Interpolate"]) == (4, 0)
    assert_same(network, model, shape)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Upsample(scale_factor=3), nn.Conv2d(4, 4, 3, padding=1)),
        nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(4, 4, 3, padding=1)),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, padding=1, stride=2)),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 1)),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.SiLU(), nn.Conv2d(4, 4, 3, padding=1)),
    ],
    ids=["by three", "bilinear", "stride", "1x1", "something between"],
)
def test_phases_leave_what_is_no_doubling_and_convolution(network: nn.Module):
    model = converted(network, (1, 4, 6, 6))
    before = operations(model)
    assert polyphase.rewrite(model) == 0 and operations(model) == before


def drawn(model: Path, variant: str, **options: Any) -> tuple[Generated, int]:
    """What a variant makes, and the bytes of its weights."""
    parsed = parse_variant(variant)
    hosted = registry.factory(parsed.backend)(resolve(str(model)), parsed, lambda what, fraction: None)
    result = Generation(hosted).run(Generate(REQUEST, **options), lambda message: None, lambda: False)
    assert result.picture and hosted.weights_bytes
    return result, hosted.weights_bytes


def pixels(result: Generated) -> np.ndarray:
    assert result.picture
    return np.frombuffer(result.picture.pixels, np.uint8).astype(int)


def test_a_rewritten_variant_makes_the_same_picture_with_other_operations_and_more_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 0)
    model = write_small_model(tmp_path / "small")
    plain, weights = drawn(model, "openvino", kernels=True)
    convolutions = _convolutions(plain)
    for variant, fewer in (("openvino+winograd", True), ("openvino+polyphase", False)):
        result, more = drawn(model, variant, kernels=True)
        assert np.abs(pixels(result) - pixels(plain)).max() <= 1
        assert more > weights
        assert (_convolutions(result) < convolutions) is fewer
        assert _modules(result) >= _modules(plain) != set()
    both, most = drawn(model, "openvino+winograd+polyphase+tome=0.4")
    merged, _ = drawn(model, "openvino+tome=0.4")
    assert np.abs(pixels(both) - pixels(merged)).max() <= 1 and most > weights


def _convolutions(result: Generated) -> int:
    return sum(span.kind == "kernel" and span.detail.get("type") == "Convolution" for span in result.spans)


def _modules(result: Generated) -> set[str]:
    """The convolutions that the UNet's operations say they are of."""
    spans = (span for span in result.spans if span.kind == "kernel" and span.stage == "unet")
    modules = {str(span.detail.get("module")) for span in spans}
    return {module for module in modules if module.endswith((".conv", ".conv1", ".conv2"))}
