"""Every ATen operation that capture knows, by name with or without its overload."""

from __future__ import annotations

from backends.opencl import aten, aten_indices
from backends.opencl.builder import Handler

HANDLERS: dict[str, Handler] = aten.HANDLERS | aten_indices.HANDLERS
