"""``ladder``: a published table, measured here: every row a variant, the repeats interleaved, the source's figures beside."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.models import ModelCard, resolve
from workbench.cli.arguments import (
    STDOUT,
    UsageError,
    add_request_options,
    add_running_options,
    repeats,
    request_of,
)
from workbench.cli.outputs import (
    add_brief_option,
    add_report_option,
    add_trace_option,
    check_outputs,
    keep,
    write_outputs,
)
from workbench.cli.running import perform
from workbench.cli.table import print_ladder
from workbench.ladder_table import climbed
from workbench.ladders import LADDERS, Ladder, climb, row_variants
from workbench.recording import encoded, record

ALL = "all"
PROMPT, SEED = "cartoon bird", 42
"""The article's; the paper names none."""
REPEATS = 3


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("ladder", help="measure a published table", description=__doc__)
    parser.add_argument(
        "ladder",
        choices=(*LADDERS, ALL),
        metavar="|".join((*LADDERS, ALL)),
        help="; ".join(f"{ladder.name}: {ladder.title}" for ladder in LADDERS.values()),
    )
    add_request_options(parser, prompt_required=False)
    parser.add_argument(
        "--repeat",
        type=repeats,
        default=REPEATS,
        metavar="N",
        help=f"repeats, interleaved; default {REPEATS}",
    )
    parser.add_argument(
        "--unet-only", action="store_true", help="time single UNet iterations, batch 2; makes no picture"
    )
    parser.add_argument(
        "--device",
        type=_device,
        action="append",
        default=[],
        metavar="BACKEND@DEVICE",
        help="run a backend's rows on another device, such as opencl@1 or openvino@GPU (see: run devices)",
    )
    parser.add_argument("--precision", metavar="NAME", help="of a ladder whose rows share one, such as fp16")
    add_running_options(parser)
    add_report_option(parser)
    add_trace_option(parser)
    add_brief_option(parser)
    parser.set_defaults(command=ladder, seed=SEED)


def ladder(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status, of all ladders the highest."""
    card = resolve(options.model)
    if options.prompt is None and not options.unet_only:
        options.prompt = PROMPT
    chosen = list(LADDERS.values()) if options.ladder == ALL else [LADDERS[options.ladder]]
    if len(chosen) > 1 and options.json == STDOUT:
        raise UsageError(f"the ladders are {len(chosen)} documents; give --json the name of a file")
    asked = [(item, _outputs(options, item, len(chosen) > 1)) for item in chosen]
    for item, outputs in asked:
        check_outputs(outputs)
        _rows(options, item, len(chosen) > 1)
    return max(_climb(outputs, item, card, _rows(options, item, len(chosen) > 1)) for item, outputs in asked)


def _climb(options: argparse.Namespace, item: Ladder, card: ModelCard, rows: dict) -> int:
    comparison = climb(
        item,
        options.model,
        request_of(options, card),
        rows,
        repeats=options.repeat,
        unet_only=options.unet_only,
        kernels=options.kernels,
        arenas=options.arenas,
    )
    print(f"{item.title} ({item.source})", file=sys.stderr)
    outcome = perform(comparison, options.memory_budget)
    pictures = encoded(outcome.finished, card)
    document = replace(record(comparison, card, outcome.finished), ladder=item.name, rows=rows)
    write_outputs(options, document, pictures)
    keep(document, pictures, "ladder")
    found = climbed(document)
    assert found is not None
    if options.json != STDOUT:
        print_ladder(document, found)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return outcome.exit_status


def _rows(options: argparse.Namespace, item: Ladder, several: bool) -> dict:
    """The rows on the devices asked for; of several ladders each takes what it has rows for."""
    devices = dict(options.device)
    precision = options.precision
    if several:
        known = {backend for other in LADDERS.values() for backend in other.backends}
        devices = {
            name: device for name, device in devices.items() if name in item.backends or name not in known
        }
        precision = precision if item.precisions else None
    return row_variants(item, devices, precision)


def _outputs(options: argparse.Namespace, item: Ladder, several: bool) -> argparse.Namespace:
    """The options of one ladder: where several are climbed, each file's name gets the ladder's."""
    own = argparse.Namespace(**vars(options))
    if several:
        own.json = options.json and str(_named(Path(options.json), item))
        own.report = options.report and _named(options.report, item)
        own.trace = options.trace and _named(options.trace, item)
    return own


def _named(path: Path, item: Ladder) -> Path:
    return path.with_name(f"{path.stem}-{item.name}{path.suffix}")


def _device(text: str) -> tuple[str, str]:
    backend, mark, device = text.partition("@")
    if not mark or not backend or not device:
        raise argparse.ArgumentTypeError(
            f"the device is {text[:60]!r}; write BACKEND@DEVICE, such as opencl@1 or openvino@GPU"
        )
    return backend, device
