"""``tune``: measures which tile sizes are fastest on this device, and remembers them for every later run."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from backends.contract import Loading
from backends.models import resolve
from backends.tuning import Tuned
from workbench.cli.arguments import (
    STDOUT,
    add_json_option,
    add_request_options,
    json_path,
    request_of,
    variant,
)
from workbench.cli.devices import write_json_data
from workbench.files import check_writable
from workbench.tuning import Tune, tune

DEFAULT_VARIANT = "opencl"


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("tune", help="measure the fastest tile sizes", description=__doc__)
    add_request_options(parser, prompt_required=False)
    parser.add_argument(
        "--variant", type=variant, default=DEFAULT_VARIANT, metavar="V", help=f"default {DEFAULT_VARIANT}"
    )
    parser.add_argument("--unet-only", action="store_true", help="leave text encoder and VAE as they are")
    add_json_option(parser)
    parser.set_defaults(command=tuning)


def tuning(options: argparse.Namespace) -> int:
    """Run the command; 0 once everything is measured and kept."""
    path = json_path(options)
    if path is not None:
        check_writable(path)
    options.steps = options.steps or 1
    request = request_of(options, resolve(options.model))
    found = tune(Tune(options.model, options.variant, request, options.unet_only), _say)
    if options.json:
        write_json_data(path, {"schema": 1, **asdict(found)})
    if options.json != STDOUT:
        _print(found)
    return 0


def _say(message: Loading) -> None:
    part = "" if message.fraction is None else f" {message.fraction:.0%}"
    print(f"{message.what}{part}", file=sys.stderr, flush=True)


def _print(found: Tuned) -> None:
    table = Table()
    for heading in ("kernel and shape", "tiles", "ms", "usual ms"):
        table.add_column(heading, justify="right" if "ms" in heading else "left", overflow="fold")
    for kernel in found.kernels:
        tiles = ", ".join(f"{name} {value}" for name, value in kernel.settings.items()) or "as usual"
        times = (f"{kernel.milliseconds:.3f}", f"{kernel.usual_milliseconds:.3f}")
        table.add_row(kernel.shape, tiles, *times)
    Console(width=None if sys.stdout.isatty() else 160).print(table, highlight=False, markup=False)
    print(f"remembered in {found.file}", file=sys.stderr)
