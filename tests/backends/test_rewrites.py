"""Rewritings of OpenVINO's graph to the same function: Winograd's convolutions, upsampling in phases."""

from __future__ import annotations

import errno
import shutil
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

from backends import paths, registry
from backends.contract import BackendError, Generate, Generated, Request
from backends.devices import Device
from backends.generation import Generation
from backends.models import resolve
from backends.openvino import backend, polyphase, winograd
from backends.openvino.rewriting import Rewriting, rewrite
from backends.openvino.rewriting import computed as computed_kernels
from backends.openvino.rewritten import kernels_sha256
from backends.staged import Hosted
from backends.variants import parse_variant
from tests.backends.openvino_models import STEPS, write_small_model

REQUEST = Request("a red fox", seed=7, steps=STEPS, guidance_scale=4.0, width=64, height=64)


def converted(network: nn.Module, shape: tuple[int, ...]) -> openvino.Model:
    """The OpenVINO model of a network, of this static shape."""
    model = openvino.convert_model(network.eval(), example_input=torch.zeros(shape))
    model.reshape(list(shape))
    return model


def rewritten(rewriting: Rewriting, model: openvino.Model) -> int:
    """Rewrite a model in place with kernels held in memory; how many convolutions that were."""
    return rewrite(rewriting, model, computed_kernels(rewriting, rewriting.convolutions(model)))


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
        assert rewritten(winograd.REWRITING, model) == 1
    assert operations(model)["Convolution"] == 6
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
    assert rewritten(winograd.REWRITING, model) == count
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
    assert rewritten(polyphase.REWRITING, model) == 1
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
    assert rewritten(polyphase.REWRITING, model) == 0 and operations(model) == before


def loaded(model: Path, variant: str) -> tuple[Hosted, list[str]]:
    """A model as a variant, and what loading it said that it does."""
    said: list[str] = []
    parsed = parse_variant(variant)
    hosted = registry.factory(parsed.backend)(resolve(str(model)), parsed, lambda what, _: said.append(what))
    return hosted, said


def drawn(model: Path, variant: str, **options: Any) -> tuple[Generated, int]:
    """What a variant makes, and the bytes of its weights."""
    hosted, _ = loaded(model, variant)
    result = Generation(hosted).run(Generate(REQUEST, **options), lambda message: None, lambda: False)
    assert result.picture and hosted.weights_bytes
    return result, hosted.weights_bytes


def pixels(result: Generated) -> np.ndarray:
    assert result.picture
    return np.frombuffer(result.picture.pixels, np.uint8).astype(int)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose convolutions have few channels, and are rewritten all the same; nothing of it is in the store yet."""
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 0)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return write_small_model(tmp_path / "small")


def test_a_rewritten_variant_makes_the_same_picture_with_other_operations_and_more_weights(small: Path):
    plain, weights = drawn(small, "openvino-all", kernels=True)
    for variant, factor in (("openvino-all+winograd", 6), ("openvino-all+polyphase", 4)):
        result, more = drawn(small, variant, kernels=True)
        assert np.abs(pixels(result) - pixels(plain)).max() <= 1
        assert more > weights
        added = _convolutions(result) - _convolutions(plain)
        assert added > 0 and added % (factor - 1) == 0
        assert _modules(result) >= _modules(plain) != set()
    both, most = drawn(small, "openvino+tome=0.4")
    merged, _ = drawn(small, "openvino-all+tome=0.4")
    assert np.abs(pixels(both) - pixels(merged)).max() <= 1 and most > weights


def test_kernels_are_computed_once_and_found_by_every_variant_of_the_model(small: Path):
    def computed(line: str) -> list[str]:
        store = paths.cache_dir() / "openvino"
        before = {*store.iterdir()} if store.exists() else set()
        said = loaded(small, line)[1]
        made = sorted(folder.name.split("-")[0] for folder in {*store.iterdir()} - before)
        found = [name for name in made if name in ("polyphase", "winograd")]
        assert bool(found) == ("rewriting" in said)
        return found

    assert computed("openvino-all") == []
    assert computed("openvino") == ["polyphase", "polyphase", "winograd", "winograd"], "also for the decoder"
    assert computed("openvino-polyphase") == computed("openvino:bf16") == []
    assert computed("openvino+tome=0.4") == ["polyphase", "winograd"], "only the UNet is another model"


def test_where_the_kernels_cannot_be_kept_it_says_how_much_they_are_and_what_does_without(
    small: Path, monkeypatch: pytest.MonkeyPatch
):
    loaded(small, "openvino-all")
    monkeypatch.setattr("backends.openvino.rewritten.rewrite", pytest.fail)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("backends.openvino.export.save", full)
    with pytest.raises(
        BackendError, match=r"No space left.* polyphase keeps 1 MiB of kernels there, -polyphase does"
    ):
        loaded(small, "openvino")
    assert not list((paths.cache_dir() / "openvino").glob("*.partial"))


def test_the_kernels_of_other_sums_are_others(monkeypatch: pytest.MonkeyPatch):
    before = kernels_sha256(winograd.REWRITING)
    assert before == kernels_sha256(winograd.REWRITING) != kernels_sha256(polyphase.REWRITING)
    monkeypatch.setattr(winograd, "_KERNEL_SUMS", 2 * winograd._KERNEL_SUMS)
    assert kernels_sha256(winograd.REWRITING) != before


def test_damaged_kernels_are_named_and_what_is_done_about_them(small: Path):
    loaded(small, "openvino")
    folder, _ = (paths.cache_dir() / "openvino").glob("winograd-*")
    file = folder / "0" / "openvino_model.bin"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(BackendError, match=f"{folder.name} are damaged .*delete that folder"):
        loaded(small, "openvino")
    shutil.rmtree(file.parent)
    with pytest.raises(BackendError, match=f"{folder.name} are damaged .*not there.*delete that folder"):
        loaded(small, "openvino")


def test_another_device_has_the_model_as_it_was_converted_and_says_so():
    graphics = Device("openvino", "GPU", "a graphics processor", "GPU", None, ("fp32",), {})
    processor = Device("openvino", "CPU", "a processor", "CPU", None, ("fp32",), {})
    variant = parse_variant("openvino")
    assert not any(backend.rewritings(variant, graphics).values())
    assert "polyphase and winograd" in backend.left_out(variant, graphics)[0]
    assert (
        backend.left_out(parse_variant("openvino-all"), graphics)
        == backend.left_out(variant, processor)
        == ()
    )
    assert all(backend.rewritings(variant, processor).values())


def _convolutions(result: Generated) -> int:
    return sum(span.kind == "kernel" and span.detail.get("type") == "Convolution" for span in result.spans)


def _modules(result: Generated) -> set[str]:
    """The convolutions that the UNet's operations say they are of."""
    spans = (span for span in result.spans if span.kind == "kernel" and span.stage == "unet")
    modules = {str(span.detail.get("module")) for span in spans}
    return {module for module in modules if module.endswith((".conv", ".conv1", ".conv2"))}
