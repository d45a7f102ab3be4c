"""The devices that the backends found, kept in the cache until a library changes, so that a window need not ask each time."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.devices import Device
from backends.machine import processor_name
from backends.paths import cache_dir
from workbench.devices import Devices, list_devices
from workbench.environment import PACKAGES, version
from workbench.files import write_whole

FILE_NAME = "devices.json"


def known_devices(cancelled: threading.Event | None = None) -> list[Devices]:
    """From the cache where it is of this machine and these versions; else the backends are asked, which takes seconds.

    What a backend could not answer is not kept: it is asked again the next time. Raises Stopped as ``list_devices`` does.
    """
    key = {"cpu": processor_name(), "versions": {name: version(name) for name in PACKAGES}}
    path = cache_dir() / FILE_NAME
    kept = _read(path, key)
    if kept is not None:
        return kept
    found = list_devices(cancelled=cancelled)
    if all(item.error is None for item in found):
        content = {"key": key, "devices": [asdict(item) for item in found]}
        with contextlib.suppress(OSError):  # without a cache it is asked again
            write_whole(path, json.dumps(content).encode())
    return found


def _read(path: Path, key: dict[str, Any]) -> list[Devices] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            return None
        return [
            Devices(
                item["backend"],
                tuple(Device(**{**one, "precisions": tuple(one["precisions"])}) for one in item["devices"]),
            )
            for item in content["devices"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
