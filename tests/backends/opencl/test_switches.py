"""Networks of random weights compute the same on the device under every setting of the six switches."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from backends.opencl import devices, runtime
from backends.opencl.passes import SWITCHES, optimized

sys.path.insert(0, str(Path(__file__).parent))
import networks

SETTINGS = list(itertools.product((False, True), repeat=len(SWITCHES)))
pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


@functools.cache
def engine() -> runtime.Engine:
    return runtime.Engine(devices.find(None)[1])


def error(name: str, size: int, switches: Mapping[Any, bool], precision: str, reuse: bool) -> float:
    graph, inputs, wanted = networks.captured(name, size)
    graph = optimized(graph, dict(switches), precision, engine().core.attends)
    network = runtime.Network(engine(), graph, reuse)
    (got,) = network({name: tensor.numpy() for name, tensor in inputs.items()})
    return networks.relative_error(torch.from_numpy(got), wanted)


@pytest.mark.parametrize("values", SETTINGS, ids=lambda values: "".join("01"[value] for value in values))
def test_every_setting_computes_the_same_with_and_without_reuse(values: tuple[bool, ...]):
    switches = dict(zip(SWITCHES, values, strict=True))
    for reuse in (True, False):
        assert error("slim", 16, switches, "fp32", reuse) <= (1e-3 if switches["winograd"] else 1e-4)


@pytest.mark.parametrize("values", SETTINGS[::5])
def test_halves_stay_near(values: tuple[bool, ...]):
    assert error("slim", 16, dict(zip(SWITCHES, values, strict=True)), "fp16", True) <= 2e-2


@pytest.mark.parametrize(
    ("precision", "on", "bound"), [("fp32", False, 1e-4), ("fp32", True, 1e-3), ("fp16", True, 2e-2)]
)
def test_the_built_in_models_unet_computes_what_torch_computes(precision: str, on: bool, bound: float):
    assert error("unet", 16, dict.fromkeys(SWITCHES, on), precision, True) <= bound


@pytest.mark.parametrize("name", ["small_linear", "vae", "text", "text_gelu", "merged"])
def test_the_other_networks_compute_what_torch_computes(name: str):
    assert error(name, 8, dict.fromkeys(SWITCHES, True), "fp32", True) <= 1e-3


@pytest.mark.parametrize("name", ["vae", "text"])
def test_the_other_networks_stay_near_in_halves(name: str):
    assert error(name, 8, dict.fromkeys(SWITCHES, True), "fp16", True) <= 2e-2
