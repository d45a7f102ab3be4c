"""``models``: what can run without a download, with each model's own size, steps and guidance."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from backends.models import ModelCard, available_models, weights_sha256
from workbench.cli.arguments import STDOUT, add_json_option, json_path
from workbench.cli.devices import write_json_data
from workbench.files import check_writable
from workbench.footprint import parameter_count


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("models", help="list the models that are here", description=__doc__)
    add_json_option(parser)
    parser.set_defaults(command=models)


def models(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    path = json_path(options)
    if path is not None:
        check_writable(path)
    cards = available_models()
    if options.json:
        write_json_data(path, {"schema": 1, "models": [_data(card) for card in cards]})
    if options.json != STDOUT:
        _print(cards)
    return 0


def _data(card: ModelCard) -> dict[str, Any]:
    defaults = card.defaults
    return {
        "name": card.name,
        "kind": card.kind,
        "path": str(card.path) if card.path else None,
        "synthetic": card.synthetic,
        "parameters": parameter_count(card),
        "weights_sha256": weights_sha256(card),
        "defaults": {
            "width": defaults.width,
            "height": defaults.height,
            "steps": defaults.steps,
            "guidance_scale": defaults.guidance_scale,
            "scheduler": defaults.scheduler,
        },
    }


def _print(cards: list[ModelCard]) -> None:
    table = Table()
    for heading in ("model", "kind", "parameters", "size", "steps", "guidance", "scheduler", "where"):
        table.add_column(
            heading,
            justify="right" if heading in ("parameters", "steps", "guidance") else "left",
            overflow="fold",
        )
    for card in cards:
        defaults = card.defaults
        table.add_row(
            card.name,
            f"{card.kind}: latency and memory only, quality means nothing" if card.synthetic else card.kind,
            f"{parameter_count(card) / 1e6:,.1f} M",
            f"{defaults.width}×{defaults.height}",
            str(defaults.steps),
            f"{defaults.guidance_scale:g}",
            defaults.scheduler,
            str(card.path or "made when it is loaded"),
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table, highlight=False, markup=False)
