"""The PyTorch backend's precisions, options, devices and figures, on the tiny model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from backends.contract import BackendError, Generate, Generated, Request
from backends.generation import Generation
from backends.models import resolve
from backends.pytorch.backend import load
from backends.pytorch.devices import devices
from backends.pytorch.memory import cpu_peak
from backends.staged import Hosted
from backends.variants import parse_variant

REQUEST = Request("a green cat", seed=7, steps=3, width=64, height=64)


def _hosted(model: Path, variant: str) -> Hosted:
    return load(resolve(str(model)), parse_variant(variant), lambda what, fraction: None)


def _generated(model: Path, variant: str, kernels: bool = False) -> Generated:
    return Generation(_hosted(model, variant)).run(
        Generate(REQUEST, kernels=kernels), lambda message: None, lambda: False
    )


def _pixels(result: Generated) -> np.ndarray:
    assert result.picture
    return np.frombuffer(result.picture.pixels, np.uint8).astype(np.float64)


@pytest.fixture(scope="module")
def baseline(tiny_model: Path) -> Generated:
    return _generated(tiny_model, "pytorch")


@pytest.mark.parametrize(
    ("variant", "largest"), [("pytorch+channels_last", 1), ("pytorch:bf16", 40), ("pytorch:fp16", 10)]
)
def test_a_variant_makes_nearly_the_same_picture(
    variant: str, largest: int, tiny_model: Path, baseline: Generated
):
    try:
        result = _generated(tiny_model, variant)
    except BackendError as error:
        assert "PyTorch has no fp16" in str(error)
        pytest.skip(str(error))
    assert np.abs(_pixels(result) - _pixels(baseline)).max() <= largest
    assert result.latents == baseline.latents


def test_half_precision_halves_the_weights(tiny_model: Path):
    full, half = (_hosted(tiny_model, variant).weights_bytes or 0 for variant in ("pytorch", "pytorch:bf16"))
    assert 0.49 < half / full < 0.51


def test_weights_are_the_parameters_and_buffers(tiny_model: Path):
    hosted = _hosted(tiny_model, "pytorch")
    pipeline = hosted.pipeline
    models = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    assert hosted.weights_bytes == sum(
        tensor.nbytes for model in models for tensor in (*model.parameters(), *model.buffers())
    )


def test_attention_fused_or_not_agrees_to_1e_5(tiny_model: Path):
    latents, embeddings = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 32)
    outputs, prompts, decoded = [], [], []
    for variant in ("pytorch", "pytorch-sdpa"):
        pipeline = _hosted(tiny_model, variant).pipeline
        with torch.no_grad():
            outputs.append(pipeline.unet(latents, 500, embeddings).sample)
            decoded.append(pipeline.vae.decode(latents).sample)
            prompts.append(pipeline.text_encoder(torch.arange(77)[None]).last_hidden_state)
    for fused, plain in (outputs, decoded, prompts):
        assert torch.allclose(fused, plain, atol=1e-5)


def test_attention_that_is_not_fused_materialises_its_softmax(tiny_model: Path):
    fused, plain = (_kernels(tiny_model, variant) for variant in ("pytorch", "pytorch-sdpa"))
    assert "scaled_dot_product_attention" in fused and "softmax" not in fused
    assert "softmax" in plain and "scaled_dot_product_attention" not in plain


def _kernels(model: Path, variant: str) -> set[str]:
    return {span.name for span in _generated(model, variant, kernels=True).spans if span.kind == "kernel"}


def test_kernels_lie_inside_their_stage_and_name_their_module(tiny_model: Path):
    result = _generated(tiny_model, "pytorch", kernels=True)
    stages = {(s.stage, s.iteration): s for s in result.spans if s.kind == "stage" and s.name != "tokenizer"}
    kernels = [
        span for span in result.spans if span.kind == "kernel" and span.stage in ("unet", "vae_decoder")
    ]
    for kernel in kernels:
        stage = stages[kernel.stage, kernel.iteration]
        assert stage.start_ns <= kernel.start_ns <= kernel.end_ns <= stage.end_ns
    convolutions = [kernel for kernel in kernels if kernel.name == "conv2d"]
    assert len({kernel.iteration for kernel in convolutions if kernel.stage == "unet"}) == 3
    assert any(kernel.detail.get("module") == "conv_in" for kernel in convolutions)
    assert all(int(kernel.detail["flops"]) > 0 for kernel in convolutions)
    unet = [kernel for kernel in kernels if kernel.stage == "unet"]
    busy = sum(kernel.milliseconds for kernel in unet)
    assert 0.3 < busy / sum(stages["unet", index].milliseconds for index in range(3)) <= 1


def test_the_cpu_peak_is_what_tensors_really_took():
    def work() -> None:
        one = torch.zeros(1000, 1000)
        two = one + 1
        del one
        torch.ones(500, 1000).add_(two[:500])

    assert abs(cpu_peak(work) - 8_000_000) < 10_000


def test_unfused_attention_takes_more_memory_for_its_tensors(tiny_model: Path):
    fused, plain = (
        _generated(tiny_model, variant).tensors_bytes or 0 for variant in ("pytorch", "pytorch-sdpa")
    )
    assert 0 < fused <= plain


def test_the_processor_is_a_device_and_an_absent_one_is_refused(tiny_model: Path):
    found = devices()
    assert found[0].id == "cpu" and found[0].name and found[0].properties["threads"] == 1
    with pytest.raises(BackendError, match="no device 'gpu9' here; it has cpu"):
        _hosted(tiny_model, "pytorch@gpu9")


def test_compile_without_a_compiler_says_so(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BackendError, match=r"compile needs a C\+\+ compiler"):
        _hosted(tiny_model, "pytorch+compile")
