"""The versions of the libraries that run a backend, read from what is installed, importing none of them."""

from __future__ import annotations

from workbench.environment import version

PACKAGES = {
    "pytorch": ("torch", "diffusers"),
    "openvino": ("openvino", "optimum-intel", "diffusers"),
    "opencl": ("pyopencl", "diffusers"),
}


def versions_of(backend: str) -> list[str]:
    """For example ``["torch 2.13.0", "diffusers 0.37.1"]``."""
    names = PACKAGES.get(backend, ("diffusers",))
    return [f"{name} {found}" for name in names if (found := version(name))]
