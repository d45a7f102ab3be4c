"""``generate``: one picture as one variant, with the time that each stage took."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from backends.models import resolve
from workbench.cli.arguments import (
    DEFAULT_VARIANT,
    STDOUT,
    UsageError,
    add_request_options,
    add_running_options,
    request_of,
    variant,
)
from workbench.cli.names import picture_name
from workbench.cli.outputs import (
    add_brief_option,
    add_trace_option,
    check_outputs,
    keep,
    write_outputs,
    write_pictures,
)
from workbench.cli.running import perform
from workbench.cli.table import print_run
from workbench.comparison import Comparison
from workbench.recording import encoded, record


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("generate", help="make one picture", description=__doc__)
    add_request_options(parser)
    parser.add_argument(
        "--variant", type=variant, default=DEFAULT_VARIANT, metavar="V", help=f"default {DEFAULT_VARIANT}"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.png",
        help="default: the model, the seed and the variant, in this folder",
    )
    add_running_options(parser)
    add_trace_option(parser)
    add_brief_option(parser)
    parser.set_defaults(command=generate)


def generate(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    card = resolve(options.model)
    request = request_of(options, card)
    out = options.out or Path(picture_name(card.name, options.variant, request.seed))
    if out.suffix.lower() != ".png":
        raise UsageError(f"the output is {str(out)!r}; expected a name that ends in .png")
    check_outputs(options, out=out)
    comparison = Comparison(
        options.model,
        (request,),
        (options.variant,),
        options.variant,
        kernels=options.kernels,
        arenas=options.arenas,
    ).check()
    outcome = perform(comparison, options.memory_budget)
    pictures = encoded(outcome.finished, card)
    images = write_pictures(pictures, {(0, options.variant): out}, card.synthetic)
    document = record(comparison, card, outcome.finished, images)
    write_outputs(options, document, pictures)
    keep(document, pictures, "generate")
    if options.json != STDOUT and pictures:
        print_run(document)
        print(out)
    return outcome.exit_status
