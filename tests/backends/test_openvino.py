"""The OpenVINO backend on real conversions of a small model: its pictures against PyTorch's, sizes, kernels, devices."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from openvino import Core

from backends import paths, registry
from backends.contract import BackendError, Generate, Generated, Request, Span
from backends.generation import Generation
from backends.models import resolve
from backends.openvino.conversion import Conversion
from backends.openvino.devices import devices
from backends.openvino.store import Store
from backends.staged import Cancellation, Hosted
from backends.variants import parse_variant
from tests.backends.openvino_models import STEPS, write_small_model

REQUEST = Request("a red fox", seed=7, steps=STEPS, guidance_scale=4.0, width=64, height=64)
HAS_BF16 = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
without_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this processor has no bf16 in OpenVINO")


@dataclass
class Host:
    """One loaded variant, and what its load and its sizes said they were doing."""

    hosted: Hosted
    generation: Generation
    said: list[str] = field(default_factory=list)

    def run(self, request: Request = REQUEST, **options: Any) -> Generated:
        return self.generation.run(Generate(request, **options), lambda message: None, lambda: False)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("models") / "small")


def load(model: Path, variant: str) -> Host:
    said: list[str] = []

    def progress(what: str, fraction: float | None) -> None:
        assert fraction is None or 0 <= fraction <= 1
        said.append(what)

    parsed = parse_variant(variant)
    hosted = registry.factory(parsed.backend)(resolve(str(model)), parsed, progress)
    return Host(hosted, Generation(hosted), said)


@pytest.fixture(scope="module")
def hosts(small_model: Path) -> Callable[[str], Host]:
    """Every variant once, however many tests ask for it."""
    loaded: dict[str, Host] = {}

    def host(variant: str) -> Host:
        if variant not in loaded:
            loaded[variant] = load(small_model, variant)
        return loaded[variant]

    return host


def psnr(one: Generated, other: Generated) -> float:
    """Decibels between two pictures, infinite where they are the same."""
    first, second = one.picture, other.picture
    assert first and second and (first.width, first.height) == (second.width, second.height)
    error = np.square(
        np.subtract(*(np.frombuffer(it.pixels, np.uint8).astype(float) for it in (first, second)))
    ).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def test_fp32_makes_the_picture_that_pytorch_makes_from_the_same_noise(hosts: Callable[[str], Host]):
    expected, result = hosts("pytorch").run(), hosts("openvino").run()
    assert result.latents == expected.latents
    assert psnr(result, expected) >= 50


@without_bf16
def test_bf16_makes_nearly_the_picture_of_fp32(hosts: Callable[[str], Host]):
    result = hosts("openvino:bf16").run()
    assert 28 <= psnr(result, hosts("openvino").run()) < 100


def test_int8_makes_nearly_the_picture_of_fp32_with_a_quarter_of_the_weights(hosts: Callable[[str], Host]):
    host = hosts("openvino:int8")
    assert psnr(host.run(), hosts("openvino").run()) >= 20
    weights = [hosts(variant).hosted.weights_bytes for variant in ("openvino:int8", "openvino")]
    assert weights[0] and weights[1] and weights[0] < 0.4 * weights[1]
    assert {"calibrating", "quantizing", "compiling"} <= set(host.said)


def test_the_quantized_unet_computes_in_8_bits(hosts: Callable[[str], Host]):
    operations = kernels(hosts("openvino:int8").run(kernels=True), "unet")
    convolutions = [span for span in operations if span.detail["type"] == "Convolution"]
    assert (
        sum("8" in str(span.detail["exec"]).split("_")[-1] for span in convolutions) > len(convolutions) / 2
    )


@pytest.mark.parametrize("batch", [1, 2])
def test_token_merging_makes_the_picture_that_pytorch_makes_with_it(batch: int, hosts: Callable[[str], Host]):
    request = replace(REQUEST, guidance_scale=4.0 if batch == 2 else 1.0)
    merged = hosts("openvino+tome=0.5").run(request)
    assert psnr(merged, hosts("pytorch+tome=0.5").run(request)) >= 50
    assert psnr(merged, hosts("openvino").run(request)) < 100


def test_int8_and_token_merging_go_together(hosts: Callable[[str], Host]):
    assert psnr(hosts("openvino:int8+tome=0.5").run(), hosts("openvino+tome=0.5").run()) >= 20


@pytest.mark.parametrize(
    "size", [(128, 64), (72, 88)], ids=["a multiple of the UNet's depth", "no multiple of it"]
)
def test_another_size_is_compiled_again_before_it_is_measured(
    size: tuple[int, int], hosts: Callable[[str], Host]
):
    host, request = hosts("openvino"), replace(REQUEST, width=size[0], height=size[1])
    host.run()
    assert host.generation.is_cold(Generate(request))
    del host.said[:]
    assert psnr(host.run(request), hosts("pytorch").run(request)) >= 50
    assert set(host.said) == {"compiling"}
    assert not host.generation.is_cold(Generate(request))
    assert host.generation.is_cold(Generate(REQUEST))
    assert host.run(request).warmup == ()


def test_what_a_conversion_for_another_size_took_is_let_go(hosts: Callable[[str], Host]):
    def networks() -> int:
        gc.collect()
        return sum(type(item).__name__ == "UNet2DConditionModel" for item in gc.get_objects())

    host, before = hosts("openvino+tome=0.5"), networks()
    del host.said[:]
    host.run(replace(REQUEST, width=128, height=128))
    assert "converting" in host.said
    assert networks() == before


def test_without_guidance_the_unet_runs_at_batch_one(hosts: Callable[[str], Host]):
    request = replace(REQUEST, guidance_scale=1.0)
    assert psnr(hosts("openvino").run(request), hosts("pytorch").run(request)) >= 50


def test_a_timestep_between_two_whole_ones_is_not_rounded(hosts: Callable[[str], Host]):
    def prediction(variant: str, timestep: float) -> torch.Tensor:
        host = hosts(variant)
        host.run()
        generator = torch.Generator().manual_seed(0)
        latents = torch.randn(2, 4, 8, 8, generator=generator)
        text = torch.randn(2, 77, 32, generator=generator)
        with torch.no_grad():
            unet = host.hosted.pipeline.unet
            return unet(latents, torch.tensor(timestep), encoder_hidden_states=text, return_dict=False)[0]

    torch.testing.assert_close(prediction("openvino", 0.5), prediction("pytorch", 0.5), rtol=0, atol=1e-5)
    assert (prediction("openvino", 0.5) - prediction("openvino", 0.0)).abs().max() > 1e-4


@pytest.mark.parametrize("scheduler", ["euler", "dpm++"])
def test_another_scheduler_makes_pytorchs_picture(scheduler: str, hosts: Callable[[str], Host]):
    request = replace(REQUEST, scheduler=scheduler)
    assert psnr(hosts("openvino").run(request), hosts("pytorch").run(request)) >= 50


@pytest.mark.parametrize("variant", ["openvino", "openvino:int8", "openvino:int8+tome=0.5"])
def test_a_second_start_converts_and_quantizes_nothing(
    variant: str, small_model: Path, hosts: Callable[[str], Host]
):
    first, second = hosts(variant), load(small_model, variant)
    assert set(second.said) == {"reading", "compiling"}
    assert psnr(second.run(), first.run()) > 50


def test_the_stages_are_timed_like_any_others(hosts: Callable[[str], Host]):
    def stages(variant: str) -> list[tuple[str, int | None]]:
        return [(span.stage, span.iteration) for span in hosts(variant).run().spans]

    assert stages("openvino") == stages("pytorch")


def test_unet_only_runs_the_unet_and_nothing_else(hosts: Callable[[str], Host]):
    result = hosts("openvino").run(unet_only=True)
    assert [span.stage for span in result.spans] == ["unet"] * STEPS
    assert result.picture is None


def kernels(result: Generated, stage: str) -> list[Span]:
    return [span for span in result.spans if span.kind == "kernel" and span.stage == stage]


def test_operations_lie_inside_the_stage_they_ran_in(hosts: Callable[[str], Host]):
    host = hosts("openvino")
    result = host.run(kernels=True)
    for stage in (span for span in result.spans if span.kind == "stage"):
        inside = [span for span in kernels(result, stage.name) if span.iteration == stage.iteration]
        assert bool(inside) == (stage.name in ("text_encoder", "unet", "vae_decoder"))
        for span in inside if stage.name == "unet" else ():
            assert stage.start_ns <= span.start_ns <= span.end_ns <= stage.end_ns
            assert span.detail["type"] and span.detail["exec"] and span.detail["layer"]
    modules = {span.detail.get("module") for span in kernels(result, "unet")}
    assert "conv_in" in modules
    assert not kernels(host.run(), "unet")


def test_cancelling_stops_before_the_next_iteration(hosts: Callable[[str], Host]):
    host, seen = hosts("openvino"), []
    host.run()
    with pytest.raises(Cancellation):
        host.generation.run(Generate(REQUEST), seen.append, lambda: len(seen) >= 2)
    assert len(seen) == 2
    assert host.run().picture


def test_every_device_says_what_it_is_and_can():
    found = devices()
    assert [device.id for device in found] == list(Core().available_devices)
    processor = next(device for device in found if device.id == "CPU")
    assert "fp32" in processor.precisions
    assert processor.properties["threads"] and "FP32" in str(processor.properties["capabilities"])


def test_a_device_that_is_not_there_is_refused_with_those_that_are(small_model: Path):
    with pytest.raises(BackendError, match=r"no device 'GPU.7' here; it has .*CPU"):
        load(small_model, "openvino@GPU.7")


def test_the_processor_and_its_threads_are_named(hosts: Callable[[str], Host]):
    assert hosts("openvino").hosted.device_name == hosts("pytorch").hosted.device_name


def test_a_model_with_nothing_to_merge_says_so(tmp_path: Path):
    """A UNet without attention at its highest resolution."""
    model = write_small_model(tmp_path / "flat", flat=True)
    conversion = Conversion(resolve(str(model)), 0.5, Store(tmp_path / "store"), lambda what, fraction: None)
    with pytest.raises(BackendError, match="cannot merge tokens"):
        conversion.model_file("unet", (2, 64, 64))


@pytest.mark.slow
def test_the_built_in_model_makes_pytorchs_picture():
    request = Request("a happy blue robot in a top hat, night sky", seed=11, steps=5, guidance_scale=4.0)
    model = paths.ASSETS / "critters"
    expected = load(model, "pytorch").run(request)
    assert psnr(load(model, "openvino").run(request), expected) >= 50
    if HAS_BF16:
        assert psnr(load(model, "openvino:bf16").run(request), expected) >= 28
