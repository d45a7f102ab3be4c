"""Tile sizes that were measured: remembered on disk by device class and shape, and given to the operations they are for.

One file for a device, its driver, its core and the sources of the kernels: with any of them changed, another file. In it a
choice for every shape that was tuned. It is written under a temporary name and renamed; deleting it is safe.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.opencl.graph import Graph, Operation, Value
from backends.paths import cache_dir

Settings = Mapping[str, int]
"""Tile sizes by name, as a core's ``settings`` lists them; what is left out is what the core takes anyway."""
HERE = Path(__file__).parent


class Choices:
    """The settings of one device and core, by :func:`shape_of` an operation."""

    def __init__(self, device: Any, core: str, known: Mapping[str, Mapping[str, tuple[int, ...]]]):
        """``known`` are the settings that exist for each kind of operation, as in :class:`backends.opencl.cores.Core`."""
        parts = (device.platform.version, device.name, device.driver_version, core, _sources())
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        self.file = cache_dir() / "opencl-tuning" / f"{key}.json"
        self.device = f"{device.name.strip()}, driver {device.driver_version}"
        self.notices: tuple[str, ...] = ()
        self.found: dict[str, Settings] = {}
        names = {name for settings in known.values() for name in settings}
        try:
            self.found = _read(self.file, names)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"the tile sizes in {self.file} cannot be read ({str(error)[:100]}) and are ignored"
            self.notices = (f"{reason}; ./run tune measures them again",)

    def applied(self, graph: Graph) -> Graph:
        """The graph, every operation that was tuned with its settings as the attribute ``tiles``."""
        if not self.found:
            return graph
        return replace(
            graph, operations=tuple(self._chosen(graph, operation) for operation in graph.operations)
        )

    def remember(self, settings: Mapping[str, Settings]) -> None:
        """Add settings by shape, and keep all of them. Raises OSError."""
        self.found |= settings
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.file.parent)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump({"device": self.device, "tiles": self.found}, file, indent=1)
            Path(name).replace(self.file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _chosen(self, graph: Graph, operation: Operation) -> Operation:
        settings = self.found.get(shape_of(graph.values, operation))
        return with_tiles(operation, settings) if settings else operation


def with_tiles(operation: Operation, settings: Settings) -> Operation:
    """The operation run with these tile sizes."""
    return replace(operation, attributes={**operation.attributes, "tiles": dict(settings)})


def shape_of(values: Mapping[str, Value], operation: Operation) -> str:
    """What a kernel's time depends on: the kind, every view's shape, strides and dtype, and the attributes in whole numbers."""

    def told(view: Any) -> str:
        shape, strides = ("x".join(map(str, numbers)) for numbers in (view.shape, view.strides))
        return f"{shape}:{strides}:{values[view.value].dtype}"

    numbers = sorted(
        (name, value) for name, value in operation.attributes.items() if isinstance(value, (int, tuple))
    )
    attributes = " ".join(f"{name}={value}" for name, value in numbers)
    return " ".join([operation.kind, *map(told, operation.inputs), "->", told(operation.output), attributes])


def _read(file: Path, names: set[str]) -> dict[str, Settings]:
    found = json.loads(file.read_text())["tiles"]
    for settings in found.values():
        for name, value in settings.items():
            if name not in names or type(value) is not int or not 0 < value < 2**16:
                raise ValueError(f"{name} is {value!r}")
    return found


@functools.cache
def _sources() -> str:
    files = [*sorted((HERE / "kernels").glob("*.cl")), *sorted((HERE / "cores").glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
