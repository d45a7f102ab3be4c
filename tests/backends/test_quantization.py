"""Quantization after training on a processor that sums products of 8 bits in 16, where large ones are cut off silently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from backends import machine, registry
from backends.models import resolve
from backends.openvino import backend
from backends.openvino.quantization import quantize_decoder
from backends.openvino.recipes import HALF_RANGE, RECIPES
from backends.variants import parse_variant
from tests.backends.openvino_models import write_small_model

CHANNELS = 64
RUN = """
import sys
import numpy, openvino
model, taken, made = sys.argv[1:]
compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
numpy.save(made, compiled(numpy.load(taken))[0])
"""


def two_convolutions() -> openvino.Model:
    """Of weights and activations that are all positive, so that products add up."""
    draw = np.random.default_rng(0)
    taken = ops.parameter([1, CHANNELS, 8, 8], np.float32, name="latent_sample")
    made: Any = taken
    for _ in range(2):
        weights = draw.random((CHANNELS, CHANNELS, 3, 3), np.float32) / (9 * CHANNELS)
        made = ops.relu(ops.convolution(made, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1]))
    model_of: Any = openvino.Model
    model = model_of([made], [taken])
    model.input(0).get_tensor().set_names({"latent_sample"})
    return model


def run(model: Path, taken: Path, instructions: str | None) -> np.ndarray:
    """What the model makes in a process whose processor has no more than these instructions, as oneDNN calls them."""
    made = model.with_suffix(f".{instructions}.npy")
    limit = {"ONEDNN_MAX_CPU_ISA": instructions} if instructions else {}
    command = [sys.executable, "-c", RUN, str(model), str(taken), str(made)]
    subprocess.run(command, env=os.environ | limit, check=True, timeout=120)
    return np.load(made)


def test_seven_bits_of_weight_are_summed_alike_with_and_without_vnni(tmp_path: Path):
    samples = [{"latent_sample": np.ones((1, CHANNELS, 8, 8), np.float32)}]
    quantized = quantize_decoder(
        two_convolutions(), samples, RECIPES["vae_decoder"] | HALF_RANGE, lambda what, fraction: None
    )
    openvino.save_model(quantized, tmp_path / "model.xml", compress_to_fp16=False)
    np.save(tmp_path / "taken.npy", samples[0]["latent_sample"])
    here, there = (run(tmp_path / "model.xml", tmp_path / "taken.npy", which) for which in (None, "AVX2"))
    assert np.linalg.norm(here - there) <= 1e-3 * np.linalg.norm(here)


@pytest.mark.parametrize(
    ("architecture", "found", "exactly"),
    [
        ("x86_64", ("avx2", "avx512f"), False),
        ("AMD64", (), False),
        ("x86_64", ("avx2", "avx_vnni"), True),
        ("x86_64", ("avx512f", "avx512_vnni"), True),
        ("aarch64", (), True),
    ],
)
def test_which_processors_cut_sums_off(
    architecture: str, found: tuple[str, ...], exactly: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(machine.platform, "machine", lambda: architecture)
    monkeypatch.setattr(machine, "instructions", lambda: found)
    assert machine.sums_bytes_exactly() is exactly


def test_a_cache_that_comes_from_another_processor_is_not_taken_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    model = write_small_model(tmp_path / "small")

    def load(exactly: bool) -> tuple[list[str], tuple[str, ...]]:
        said: list[str] = []
        monkeypatch.setattr(backend, "sums_bytes_exactly", lambda: exactly)
        variant = parse_variant("openvino:int8")
        hosted = registry.factory("openvino")(resolve(str(model)), variant, lambda what, _: said.append(what))
        return said, hosted.notices

    for exactly in (True, False):
        said, notices = load(exactly)
        assert "quantizing" in said and any("7 bits" in notice for notice in notices) is not exactly
    for exactly in (True, False):
        assert "quantizing" not in load(exactly)[0]
    store = tmp_path / "home" / "cache" / "openvino"
    unets = [products(file) for file in store.glob("unet-int8-*/openvino_model.xml")]
    largest = [max(value for taken, value in unet.values() if taken == "FakeQuantize") for unet in unets]
    assert sorted(value > 64 for value in largest) == [False, True]
    for unet in unets:
        apart = {name for name in unet if any(part in name for part in ("time_emb", "attn2.to_"))}
        assert len(apart) > 4
        assert {name for name, (taken, _) in unet.items() if taken != "FakeQuantize"} == apart


MOVED = ("Convert", "Multiply", "Reshape", "Transpose")


def products(file: Path) -> dict[str, tuple[str, int]]:
    """Of every convolution and product with a weight in 8 bits, by its name: what makes its input, and its largest weight as
    a whole number without its sign."""
    found = {}
    for item in openvino.Core().read_model(file).get_ops():
        if item.get_type_name() in ("Convolution", "MatMul"):
            taken, weight = (origin(item.input_value(port).get_node()) for port in (0, 1))
            if weight.get_element_type() == openvino.Type.i8:
                largest = int(np.abs(weight.data.astype(int)).max())
                found[item.get_friendly_name()] = taken.get_type_name(), largest
    return found


def origin(node: Any) -> Any:
    """The operation that made these values, past what scales or moves them."""
    while node.get_type_name() in MOVED:
        node = node.input_value(0).get_node()
    return node
