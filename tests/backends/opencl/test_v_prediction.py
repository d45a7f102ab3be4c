"""A model configured as Stable Diffusion 2.x is PyTorch's picture from end to end: linear projections, heads by block,
v-prediction, OpenCLIP's text encoder with its exact GELU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends import registry
from backends.contract import Generate, Request
from backends.generation import Generation
from backends.models import resolve
from backends.opencl import devices
from backends.variants import parse_variant
from tests.backends.sd2_model import write_sd2_model

REQUEST = Request("a green cat", seed=3, steps=2, width=64, height=64, guidance_scale=4.0)
pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


def _picture(model: Path, name: str) -> np.ndarray:
    variant = parse_variant(name)
    hosted = registry.factory(variant.backend)(resolve(str(model)), variant, lambda what, fraction: None)
    made = Generation(hosted).run(Generate(REQUEST), lambda message: None, lambda: False)
    assert made.picture
    return np.frombuffer(made.picture.pixels, np.uint8).astype(np.float64)


def test_a_model_of_stable_diffusion_2_is_pytorchs_picture(tmp_path: Path):
    model = write_sd2_model(tmp_path / "velocity", "v_prediction")
    wanted = _picture(model, "pytorch")
    assert np.abs(_picture(model, "opencl") - wanted).max() <= 1
    other = _picture(write_sd2_model(tmp_path / "noise", "epsilon"), "pytorch")
    assert np.abs(other - wanted).max() > 8  # so the prediction's kind decided
