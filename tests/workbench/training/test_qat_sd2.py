"""Eight bits of a Stable Diffusion 2.x with v-prediction: trained, and calibrated after training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backends import registry
from backends.contract import Generate, Request
from backends.generation import Generation
from backends.models import resolve
from backends.openvino import trained
from backends.variants import parse_variant
from tests.backends.openvino_models import WORKBENCH
from tests.backends.sd2_model import write_sd2_model
from workbench.training import qat

REQUEST = Request("a green cat", seed=3, steps=2, width=64, height=64, guidance_scale=4.0)
pytestmark = pytest.mark.usefixtures("one_thread")


def picture(model: Path, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    variant = parse_variant(name)
    hosted = registry.factory(variant.backend)(resolve(str(model)), variant, lambda *_: None)
    made = Generation(hosted).run(Generate(REQUEST), lambda message: None, lambda: False).picture
    assert made
    return np.frombuffer(made.pixels, np.uint8).astype(float), hosted.notices


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one - other).mean()))


@pytest.mark.slow
def test_a_model_with_v_prediction_is_quantized_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    model = write_sd2_model(tmp_path / "sd2", "v_prediction")
    (model / "workbench.json").write_text(json.dumps(WORKBENCH | {"name": "sd2"}))
    line = (
        f"--model {model} --out {tmp_path / 'run'} --pictures 4 --size 64 --steps 2 --batch-size 2 --init-samples 2 "
        "--warmup 1 --sampler-steps 4 --tome 0..0.4 --sheet-every 0 --device cpu --no-openvino"
    )
    quantization = qat.run(qat.parser().parse_args(line.split()))
    (model / trained.FILE).write_bytes(quantization.read_bytes())
    expected, _ = picture(model, "pytorch")
    taken, notices = picture(model, "openvino:int8")
    assert any("trained with the model" in notice for notice in notices)
    calibrated, notices = picture(model, "openvino:int8-qat")
    assert any("calibrated after training" in notice for notice in notices)
    assert decibels(taken, expected) > 20 and decibels(calibrated, expected) > 20
