"""The versions of the libraries that run a backend, read from what is installed, importing none of them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = {
    "pytorch": ("torch", "diffusers"),
    "openvino": ("openvino", "optimum-intel", "diffusers"),
    "opencl": ("pyopencl", "diffusers"),
}


@cache
def versions_of(backend: str) -> str:
    """For example ``torch 2.13.0, diffusers 0.37.1``."""
    found = []
    for package in PACKAGES.get(backend, ("diffusers",)):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
