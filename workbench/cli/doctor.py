"""``doctor``: what is here, what is missing, and the one command that mends it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from workbench.cli.arguments import STDOUT, add_json_option, json_path
from workbench.cli.devices import write_json_data
from workbench.cli.outputs import check_outputs
from workbench.devices import list_devices
from workbench.doctor import Finding, examine
from workbench.environment import environment

MARKS = {"ok": "✓", "note": "·", "missing": "✗"}
MISSING = 1


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("doctor", help="what is here and what is missing", description=__doc__)
    add_json_option(parser)
    parser.set_defaults(command=doctor)


def doctor(options: argparse.Namespace) -> int:
    """Run the command; 1 where something is missing."""
    check_outputs(options)
    devices = list_devices()
    findings = examine(devices)
    if options.json:
        found = [asdict(device) for item in devices for device in item.devices]
        data = {
            "schema": 1,
            "environment": environment(found),
            "findings": [asdict(item) for item in findings],
        }
        write_json_data(json_path(options), data)
    if options.json != STDOUT:
        _print(findings)
    return MISSING if any(item.status == "missing" for item in findings) else 0


def _shortened(findings: Sequence[Finding]) -> list[Finding]:
    """The packages that are as they should be in one line; the JSON has each."""
    whole = [item for item in findings if item.area == "packages" and item.status == "ok"]
    rest = [item for item in findings if item not in whole]
    place = next((index for index, item in enumerate(findings) if item.area == "packages"), 0)
    versions = ", ".join(f"{item.name} {item.detail}" for item in whole)
    return [*rest[:place], Finding("packages", "as pinned", "ok", versions), *rest[place:]]


def _print(findings: Sequence[Finding]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("", "area", "what", "found"):
        table.add_column(heading, overflow="fold")
    for item in _shortened(findings):
        table.add_row(
            MARKS[item.status],
            item.area,
            item.name,
            item.detail,
            style="red" if item.status == "missing" else None,
        )
    console.print(table, highlight=False, markup=False)
    missing = [item for item in findings if item.status == "missing"]
    for item in missing:
        mended = item.remedy or "no single command mends this"
        console.print(f"{item.area}, {item.name}: {mended}", highlight=False, markup=False, soft_wrap=True)
    if not missing:
        console.print("nothing is missing", highlight=False, markup=False)
