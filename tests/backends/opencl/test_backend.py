"""A whole picture through the OpenCL backend is PyTorch's picture; kernels and memory are reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends import registry
from backends.contract import Generate, Generated, Request
from backends.generation import Generation
from backends.models import resolve
from backends.opencl import devices
from backends.staged import Hosted
from backends.variants import parse_variant

REQUEST = Request("a green cat", seed=7, steps=2, width=64, height=64, guidance_scale=4.0)
pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


def _loaded(model: Path, name: str) -> tuple[Hosted, Generation]:
    variant = parse_variant(name)
    hosted = registry.factory(variant.backend)(resolve(str(model)), variant, lambda what, fraction: None)
    return hosted, Generation(hosted)


def _generated(generation: Generation, kernels: bool = False, unet_only: bool = False) -> Generated:
    asked = Generate(REQUEST, kernels=kernels, arenas=kernels, unet_only=unet_only)
    return generation.run(asked, lambda message: None, lambda: False)


def _pixels(result: Generated) -> np.ndarray:
    assert result.picture
    return np.frombuffer(result.picture.pixels, np.uint8).astype(np.float64)


@pytest.fixture(scope="module")
def baseline(tiny_model: Path) -> np.ndarray:
    return _pixels(_generated(_loaded(tiny_model, "pytorch")[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "largest"), [("opencl", 1), ("opencl:fp32-all", 1), ("opencl:fp16", 8)])
def test_a_picture_is_pytorchs_picture(variant: str, largest: int, tiny_model: Path, baseline: np.ndarray):
    hosted, generation = _loaded(tiny_model, variant)
    result = _generated(generation, kernels=variant == "opencl")
    assert np.abs(_pixels(result) - baseline).max() <= largest
    assert result.tensors_bytes and hosted.weights_bytes is None and result.weights_bytes
    if variant == "opencl":
        _check_kernels(result)
        assert sum(arena.size for arena in result.arenas) == result.tensors_bytes
        assert [arena.stage for arena in result.arenas] == ["text_encoder", "unet", "vae_decoder"]
        alone = _generated(generation, kernels=True, unet_only=True)
        assert [arena.stage for arena in alone.arenas] == ["unet"]
    else:
        assert result.arenas == ()


@pytest.mark.slow
def test_weights_are_what_the_device_holds_and_winograds_filters_take_more(tiny_model: Path):
    held = {}
    for name in ("opencl", "opencl-winograd", "opencl:fp16-winograd"):
        hosted, generation = _loaded(tiny_model, name)
        compiled = (hosted.pipeline.text_encoder, hosted.pipeline.unet, hosted.pipeline.vae)
        _generated(generation)
        held[name] = hosted.weights_held()
        networks = [network for part in compiled for network in part.compiled.networks.values()]
        assert held[name] == sum(network.weights_bytes for network in networks)
    assert held["opencl"] > 1.2 * held["opencl-winograd"] > 2.2 * held["opencl:fp16-winograd"]


def _check_kernels(result: Generated) -> None:
    stages = [span for span in result.spans if span.kind == "stage"]
    kernels = [span for span in result.spans if span.kind == "kernel"]
    assert {span.stage for span in kernels} == {"text_encoder", "unet", "vae_decoder"}
    for span in kernels:
        assert any(
            (stage.stage, stage.iteration) == (span.stage, span.iteration)
            and stage.start_ns <= span.start_ns <= span.end_ns <= stage.end_ns
            for stage in stages
        )
    products = [span for span in kernels if span.name in ("matmul", "conv2d")]
    assert all(span.detail["flops"] and span.detail["bytes"] for span in products)
    assert any(str(span.detail.get("module")).startswith("down_blocks.0") for span in products)
