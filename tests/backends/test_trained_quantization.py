"""Quantization that ships with a model: packed and restored, used by ``openvino:int8``, refused where it does not belong."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import openvino
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from backends import registry
from backends.contract import BackendError, Generate, Generated, Request
from backends.generation import Generation
from backends.models import resolve, weights_sha256
from backends.openvino import trained
from backends.openvino.fake_quantizers import FakeQuantizer, full_weight, quantize_layer, quantized_layers
from backends.openvino.learned_step import LearnedStep
from backends.staged import Hosted
from backends.variants import parse_variant
from tests.backends.openvino_models import STEPS, quantize_by_range, write_small_model
from tests.backends.test_openvino import psnr

REQUEST = Request("a red fox", seed=7, steps=STEPS, guidance_scale=4.0, width=64, height=64)


@pytest.fixture(scope="module")
def shipping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that ships its quantization."""
    folder = write_small_model(tmp_path_factory.mktemp("models") / "shipping")
    unet = quantize_by_range(UNet2DConditionModel.from_pretrained(folder / "unet"))
    trained.pack(unet, folder / trained.FILE, weights_sha256(resolve(str(folder))), {"steps": 1})
    return folder


def load(model: Path, variant: str) -> Hosted:
    parsed = parse_variant(variant)
    return registry.factory(parsed.backend)(resolve(str(model)), parsed, lambda *_: None)


def picture(hosted: Hosted) -> Generated:
    return Generation(hosted).run(Generate(REQUEST), lambda message: None, lambda: False)


def inputs(unet: Any) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "sample": torch.randn(2, 4, 8, 8, generator=generator),
        "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": torch.randn(2, 77, unet.config.cross_attention_dim, generator=generator),
    }


def test_what_is_packed_comes_back_exactly_and_copies_are_independent(shipping: Path, tmp_path: Path):
    full = UNet2DConditionModel.from_pretrained(shipping / "unet").eval()
    unet = quantize_by_range(copy.deepcopy(full))
    trained.pack(unet, tmp_path / "packed.npz", "none", {})
    restored = trained.restore(copy.deepcopy(full), tmp_path / "packed.npz")
    twin = copy.deepcopy(restored)
    with torch.no_grad():
        expected = unet(**inputs(unet)).sample
        assert torch.equal(restored(**inputs(unet)).sample, expected)
        for layer in quantized_layers(restored).values():
            full_weight(layer).zero_()
        assert torch.equal(twin(**inputs(unet)).sample, expected)


def test_gradients_reach_the_weight_the_steps_and_the_zero_point():
    layer = nn.Linear(8, 4)
    weight = FakeQuantizer(layer.weight.detach().abs().amax(1) / 63, -63, 63, channels_axis=0)
    taken = FakeQuantizer(torch.tensor([2 / 255]), 0, 255, torch.tensor([128.0]))
    quantize_layer(layer, weight, taken)
    layer(3 * torch.randn(16, 8, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    for parameter in (full_weight(layer), weight.log_step, taken.log_step, taken.offset):
        assert parameter is not None and parameter.grad is not None and parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("zero_point", [0.0, 3.3, 128.4, 250.0])
def test_learned_steps_on_a_gpu_are_those_of_pytorchs_own_kernel(zero_point: float):
    """Values and all gradients, inside of the range and far outside. The operations are the same on a CPU."""
    generator = torch.Generator().manual_seed(0)
    given = (3 * torch.randn(64, 8, generator=generator), torch.tensor([0.013]), torch.tensor([zero_point]))
    weights = torch.randn(64, 8, generator=generator)
    found = []
    for rounded in (
        lambda x, step, zero: LearnedStep.apply(x, step, zero, 0, 255),
        lambda x, step, zero: torch._fake_quantize_learnable_per_tensor_affine(x, step, zero, 0, 255, 1.0),
    ):
        tensors = [tensor.clone().requires_grad_() for tensor in given]
        output = rounded(*tensors)
        found.append((output, *torch.autograd.grad((output * weights).sum(), tensors)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_learned_steps_of_channels_are_those_of_pytorchs_own_kernel():
    generator = torch.Generator().manual_seed(0)
    values, weights = torch.randn(2, 16, 8, 3, 3, generator=generator)
    steps = values.abs().amax((1, 2, 3)) / 50
    found = []
    for rounded in (
        lambda x, step: LearnedStep.apply(x, step.view(-1, 1, 1, 1), torch.zeros(16, 1, 1, 1), -40, 40),
        lambda x, step: torch._fake_quantize_learnable_per_channel_affine(
            x, step, torch.zeros(16), 0, -40, 40, 1.0
        ),
    ):
        tensors = [values.clone().requires_grad_(), steps.clone().requires_grad_()]
        output = rounded(*tensors)
        found.append((output, *torch.autograd.grad((output * weights).sum(), tensors)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("zero_point", [3.0, 128.0, 250.0])
@pytest.mark.parametrize(
    "layer", [nn.Linear(32, 16), nn.Conv2d(32, 16, 3, padding=1)], ids=["linear", "conv"]
)
def test_openvino_computes_a_quantized_layer_as_pytorch_does(layer: nn.Module, zero_point: float):
    """Also with the largest values that there are, whose products would overflow 16 bits at 8 bits of weight."""
    layer = copy.deepcopy(layer).eval()
    generator = torch.Generator().manual_seed(0)
    shape = (1, 20, 32) if isinstance(layer, nn.Linear) else (1, 32, 8, 8)
    values = 20 * torch.randn(shape, generator=generator)
    weight: Any = layer.weight
    step = weight.detach().flatten(1).abs().amax(1) / 63
    quantize_layer(
        layer,
        FakeQuantizer(step, -63, 63, channels_axis=0),
        FakeQuantizer(torch.tensor([0.1]), 0, 255, torch.tensor([zero_point])),
    )
    converted = openvino.convert_model(layer, example_input=values)
    compiled = openvino.Core().compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.no_grad():
        expected = layer(values)
    made = torch.from_numpy(compiled(values.numpy())[0])
    assert (made - expected).norm() <= 1e-5 * expected.norm()


def test_int8_takes_the_quantization_that_a_model_ships_and_says_so(shipping: Path):
    full, hosted = load(shipping, "pytorch"), load(shipping, "openvino:int8")
    assert "the UNet's quantization was trained with the model" in hosted.notices
    assert hosted.weights_bytes and full.weights_bytes and hosted.weights_bytes < 0.35 * full.weights_bytes
    made, expected = picture(hosted), picture(full)
    assert psnr(made, expected) > 15


def test_trained_quantization_and_token_merging_go_together(shipping: Path):
    merged = picture(load(shipping, "openvino:int8+tome=0.5"))
    assert psnr(merged, picture(load(shipping, "pytorch+tome=0.5"))) > 15


def test_quantization_for_other_weights_is_refused(shipping: Path, tmp_path: Path):
    other = write_small_model(tmp_path / "other", seed=1)
    (other / trained.FILE).write_bytes((shipping / trained.FILE).read_bytes())
    with pytest.raises(BackendError, match="other weights"):
        load(other, "openvino:int8")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"nothing of the kind"])
def test_a_damaged_quantization_is_refused(content: bytes, tmp_path: Path):
    model = write_small_model(tmp_path / "damaged")
    (model / trained.FILE).write_bytes(content)
    with pytest.raises(BackendError, match="quantization"):
        trained.shipped(resolve(str(model)))


def test_a_quantization_of_another_architecture_is_refused(shipping: Path):
    other = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
    )
    with pytest.raises(BackendError, match="does not fit"):
        trained.restore(other, shipping / trained.FILE)
