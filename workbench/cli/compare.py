"""``compare``: one request as several variants, one after the other, from the same noise."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from backends.contract import Request
from backends.models import resolve
from workbench.cli.arguments import (
    STDOUT,
    UsageError,
    add_request_options,
    add_running_options,
    repeats,
    request_of,
    variant,
)
from workbench.cli.names import picture_name
from workbench.cli.outputs import (
    add_brief_option,
    add_report_option,
    add_trace_option,
    check_outputs,
    keep,
    write_outputs,
    write_pictures,
)
from workbench.cli.running import perform
from workbench.cli.table import print_comparison
from workbench.comparison import Comparison
from workbench.figures import noise_warnings
from workbench.files import check_writable_folder
from workbench.recording import encoded, record


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("compare", help="compare variants", description=__doc__)
    add_request_options(parser, prompt_required=False)
    parser.add_argument(
        "--variant",
        type=variant,
        action="append",
        required=True,
        metavar="V",
        help="BACKEND[@DEVICE][:PRECISION][+-OPTIMIZATION]",
    )
    parser.add_argument(
        "--baseline", type=variant, metavar="V", help="what the others are compared with; default: the first"
    )
    parser.add_argument(
        "--repeat", type=repeats, default=1, metavar="N", help="repeats, interleaved: A B C A B C"
    )
    parser.add_argument(
        "--unet-only", action="store_true", help="time single UNet iterations, batch 2; makes no picture"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the pictures")
    add_running_options(parser)
    add_report_option(parser)
    add_trace_option(parser)
    add_brief_option(parser)
    parser.set_defaults(command=compare)


def compare(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if options.prompt is None and not options.unet_only:
        raise UsageError("--prompt is missing; only --unet-only goes without")
    if options.out is not None and options.unet_only:
        raise UsageError("--unet-only makes no pictures; leave --out away")
    card = resolve(options.model)
    request = request_of(options, card)
    comparison = comparison_of(options, request)
    if options.out is not None:
        check_writable_folder(options.out)
    check_outputs(options)
    outcome = perform(comparison, options.memory_budget)
    pictures = encoded(outcome.finished, card)
    images = {}
    if options.out is not None:
        names = {
            (0, item): options.out / picture_name(card.name, item, request.seed)
            for item in comparison.variants
        }
        images = write_pictures(pictures, names, card.synthetic)
    document = record(comparison, card, outcome.finished, images)
    write_outputs(options, document, pictures)
    keep(document, pictures, "compare")
    if options.json != STDOUT:
        print_comparison(document)
    if options.repeat > 1:
        for warning in noise_warnings(document.summaries()):
            print(f"warning: {warning}", file=sys.stderr)
    return outcome.exit_status


def comparison_of(options: argparse.Namespace, request: Request) -> Comparison:
    """The comparison that the options ask for; a baseline that is not among the variants is put first."""
    baseline = options.baseline or options.variant[0]
    variants = tuple(options.variant) if baseline in options.variant else (baseline, *options.variant)
    return Comparison(
        options.model,
        (request,),
        variants,
        baseline,
        repeats=options.repeat,
        previews=False,
        kernels=options.kernels,
        arenas=options.arenas,
        unet_only=options.unet_only,
    ).check()
