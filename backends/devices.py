"""What a device is, for every backend alike."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Device:
    """A device as a variant names it (``id`` after the ``@``), with what matters of it in ``properties``.

    ``memory_mb`` is the device's own memory, or the machine's for a CPU; None where the driver does not say.
    """

    backend: str
    id: str
    name: str
    kind: str
    memory_mb: int | None = None
    precisions: tuple[str, ...] = ()
    properties: dict[str, str | int | float | bool] = field(default_factory=dict)
