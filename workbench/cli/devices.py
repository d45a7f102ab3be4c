"""``devices``: what each backend can run on, on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from workbench.cli.arguments import STDOUT, add_json_option, json_path
from workbench.devices import Devices, list_devices
from workbench.environment import environment
from workbench.files import check_writable, write_whole

FAILED = 1


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("devices", help="list the devices of every backend", description=__doc__)
    add_json_option(parser)
    parser.set_defaults(command=devices)


def devices(options: argparse.Namespace) -> int:
    """Run the command; 1 where a backend could not be asked."""
    path = json_path(options)
    if path is not None:
        check_writable(path)
    found = list_devices()
    for item in found:
        if item.error:
            print(f"error: {item.backend}: {item.error}", file=sys.stderr)
    if options.json:
        data = environment([asdict(device) for item in found for device in item.devices])
        data = {
            "schema": 1,
            "environment": data,
            "errors": {item.backend: item.error for item in found if item.error},
        }
        write_json_data(path, data)
    if options.json != STDOUT:
        _print(found)
    return FAILED if any(item.error for item in found) else 0


def write_json_data(path: Path | None, data: dict[str, Any]) -> None:
    """Plain data to a file, whole or not at all, or to stdout."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
    if path is None:
        sys.stdout.write(text)
    else:
        write_whole(path, text.encode())


def _print(found: list[Devices]) -> None:
    table = Table()
    for heading in ("variant", "device", "kind", "memory MiB", "precisions", "properties"):
        table.add_column(
            heading, justify="right" if heading.startswith("memory") else "left", overflow="fold"
        )
    for device in (device for item in found for device in item.devices):
        memory = "–" if device.memory_mb is None else f"{device.memory_mb:,}"
        properties = ", ".join(f"{name} {value}" for name, value in device.properties.items())
        table.add_row(
            f"{device.backend}@{device.id}",
            device.name,
            device.kind,
            memory,
            " ".join(device.precisions),
            properties,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table, highlight=False, markup=False)
