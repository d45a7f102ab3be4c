"""``cache``: what can be made again, and how much room it takes; safe to clear at any time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from workbench.caches import Cache, clear, list_caches
from workbench.cli.arguments import STDOUT, add_json_option, json_path
from workbench.cli.devices import write_json_data
from workbench.cli.outputs import check_outputs
from workbench.timeline import format_bytes


def add_to(commands: Any) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("cache", help="what is kept to save time", description=__doc__)
    own = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = own.add_parser("list", help="the caches and their sizes")
    add_json_option(listing)
    listing.set_defaults(command=_list)
    clearing = own.add_parser("clear", help="empty the caches named, or all")
    clearing.add_argument("names", nargs="*", metavar="NAME", help="as cache list shows it; without one, all")
    add_json_option(clearing)
    clearing.set_defaults(command=_clear)


def _list(options: argparse.Namespace) -> int:
    check_outputs(options)
    _say(options, list_caches(), "size")
    return 0


def _clear(options: argparse.Namespace) -> int:
    check_outputs(options)
    _say(options, clear(options.names), "freed")
    return 0


def _say(options: argparse.Namespace, caches: Sequence[Cache], size: str) -> None:
    if options.json:
        write_json_data(json_path(options), {"schema": 1, "caches": [to_json(cache) for cache in caches]})
    if options.json == STDOUT:
        return
    table = Table()
    for heading in ("cache", "what", "files", size, "where"):
        table.add_column(heading, justify="right" if heading in ("files", size) else "left", overflow="fold")
    for cache in caches:
        table.add_row(
            cache.name, cache.what, str(cache.files), format_bytes(cache.size_bytes), str(cache.path)
        )
    if caches:
        Console(width=None if sys.stdout.isatty() else 160).print(table, highlight=False, markup=False)
    else:
        print("there is nothing in the cache", file=sys.stderr)


def to_json(cache: Cache) -> dict[str, Any]:
    """A cache as plain values; its size in bytes."""
    return {
        "name": cache.name,
        "what": cache.what,
        "path": str(cache.path),
        "files": cache.files,
        "size_bytes": cache.size_bytes,
    }
