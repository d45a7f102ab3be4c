"""Cores: how the heavy operations, products, convolutions and attention, run on a class of devices.

A core is a file of this package and a line of ``CORES``. It may run kinds of operations in its own way (``makers``), lay
weights and operands out as its kernels read them (``lay_out``, a pass that runs last), say which attention it takes
without writing scores (``attends``), and which convolutions by Winograd's transforms (``winograd_tile``). What it does not
make, the portable makers of :mod:`backends.opencl.launches` do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.opencl.graph import Graph, Operation
from backends.opencl.launch import Maker


@dataclass(frozen=True)
class Core:
    """A core made for one device."""

    name: str
    lay_out: Callable[[Graph], Graph]
    """The graph as this core's kernels read it."""
    attends: Callable[[int, int], bool]
    """Whether flash attention pays here for a head size and a number of keys."""
    makers: Mapping[str, Maker] = field(default_factory=dict)
    """For kinds of operations the maker of their launch, in place of the portable one."""
    winograd_tile: Callable[[str], Callable[[Operation, int], int | None]] | None = None
    """For a precision the tile of Winograd's that a convolution takes here, where the pass is not to choose it."""
    settings: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    """For kinds of operations the tile sizes worth trying, by name: the makers read them in the attribute ``tiles``."""


def is_nvidia(device: Any) -> bool:
    """Whether NVIDIA's driver runs it."""
    return "cl_nv_device_attribute_query" in device.extensions.split()


def has_tensor_cores(device: Any) -> bool:
    """Whether it is an NVIDIA GPU of compute capability 8.0 (Ampere) or later."""
    return is_nvidia(device) and device.compute_capability_major_nv >= 8


CORES: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (lambda device: device.type & CPU != 0, "backends.opencl.cores.vector:core"),
    (has_tensor_cores, "backends.opencl.cores.tensor:core"),
    (lambda device: True, "backends.opencl.cores.portable:core"),
)
"""Which devices, and ``module:function`` that makes the core for one; the first that fits is taken."""
CPU = 2
"""CL_DEVICE_TYPE_CPU."""


def core_of(device: Any) -> Core:
    """The core for an OpenCL device."""
    path = next(path for fits, path in CORES if fits(device))
    module, function = path.split(":")
    return getattr(importlib.import_module(module), function)(device)
