"""Critters' UNet computes the same on the device under every setting of the six switches; other networks with all on."""

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


def error(
    name: str, size: int, switches: Mapping[Any, bool], precision: str, reuses: tuple[bool, ...] = (True,)
) -> float:
    """The largest of those with and without ``buffer_reuse``, as ``reuses`` lists them."""
    graph, inputs, wanted = networks.captured(name, size)
    graph = optimized(graph, dict(switches), precision, engine().core.attends, engine().core.winograd_tile)
    errors = []
    for reuse in reuses:
        network = runtime.Network(engine(), graph, reuse)
        (got,) = network({name: tensor.numpy() for name, tensor in inputs.items()})
        errors.append(networks.relative_error(torch.from_numpy(got), wanted))
    return max(errors)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("values", SETTINGS, ids=lambda values: "".join("01"[value] for value in values))
def test_every_setting_computes_what_torch_computes_with_and_without_reuse(
    values: tuple[bool, ...], precision: str
):
    switches = dict(zip(SWITCHES, values, strict=True))
    bound = {"fp16": 2e-2, "fp32": 1e-3 if switches["winograd"] else 1e-4}[precision]
    assert error("unet", 16, switches, precision, (True, False)) <= bound


@pytest.mark.parametrize("name", ["small_linear", "vae", "text", "text_gelu", "merged", "merged_most"])
def test_the_other_networks_compute_what_torch_computes(name: str):
    assert error(name, 8, dict.fromkeys(SWITCHES, True), "fp32") <= 1e-3


@pytest.mark.parametrize("name", ["vae", "text"])
def test_the_other_networks_stay_near_in_halves(name: str):
    assert error(name, 8, dict.fromkeys(SWITCHES, True), "fp16") <= 2e-2
