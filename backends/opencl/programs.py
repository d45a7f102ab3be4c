"""Compiled kernels: one program for every specialisation, its binary remembered under the cache directory."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pyopencl as cl

from backends.contract import BackendError
from backends.opencl.launch import Launch
from backends.paths import cache_dir

SOURCES = Path(__file__).parent / "kernels"
LANGUAGE = "-cl-std=CL1.2"


class Programs:
    """Builds the kernels of launches on one context and device, each specialisation once."""

    def __init__(self, context: Any, device: Any):
        self.context, self.device = context, device
        self._built: dict[str, Any] = {}
        self._place = cache_dir() / "opencl" / "binaries"
        self._place.mkdir(parents=True, exist_ok=True)

    def kernel(self, launch: Launch) -> Any:
        """A kernel of its own for this launch. Raises BackendError with the compiler's log where it does not build."""
        source, options = source_of(launch), [LANGUAGE, *launch.options]
        key = self._key(source, options)
        if key not in self._built:
            self._built[key] = self._remembered(key, options) or self._compiled(key, source, options, launch)
        return cl.Kernel(self._built[key], launch.kernel)

    def _key(self, source: str, options: list[str]) -> str:
        device = self.device
        parts = (device.platform.version, device.name, device.driver_version, *options, source)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _remembered(self, key: str, options: list[str]) -> Any:
        file = self._place / f"{key}.bin"
        if not file.exists():
            return None
        try:
            return cl.Program(self.context, [self.device], [file.read_bytes()]).build(options=options)
        except cl.Error:  # made by another driver, or damaged: it is compiled again
            file.unlink(missing_ok=True)
            return None

    def _compiled(self, key: str, source: str, options: list[str], launch: Launch) -> Any:
        try:
            program = cl.Program(self.context, source).build(options=options)
        except cl.RuntimeError as error:
            raise BackendError(
                f"the OpenCL compiler of {self.device.name.strip()} refused {launch.kernel} for "
                f"{launch.operation.module or 'the model'}: {' '.join(str(error).split())[:1500]}"
            ) from error
        binaries: Any = program.get_info(cl.program_info.BINARIES)
        self._place.mkdir(parents=True, exist_ok=True)  # the cache may have been cleared since
        handle, name = tempfile.mkstemp(dir=self._place)
        with os.fdopen(handle, "wb") as file:
            file.write(binaries[0])
        Path(name).replace(self._place / f"{key}.bin")
        return program


def source_of(launch: Launch) -> str:
    """The whole source of a specialisation: its macros, its numbers as ``NUMBERS`` in the kernel's arguments, then its files."""
    macros = [f"#define {name} {value}" for name, value in sorted(launch.macros.items())]
    numbers = (f", const {type(value).__name__} {name}" for name, value in launch.numbers.items())
    macros.append("#define NUMBERS " + "".join(numbers))
    return "\n".join([*macros, *(_file(name) for name in launch.sources)])


@functools.cache
def _file(name: str) -> str:
    return (SOURCES / name).read_text()
