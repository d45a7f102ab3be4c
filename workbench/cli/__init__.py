"""The command line: every command's options, and the border where errors become one line and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backends.contract import BackendError, InvalidRequest
from backends.variants import InvalidVariant
from workbench.caches import UnknownCache
from workbench.cli import cache, compare, devices, doctor, generate, history, ladder, models, tune
from workbench.cli.arguments import Parser, UsageError
from workbench.files import CannotWrite, WriteFailed
from workbench.history import HistoryError, InvalidTag, UnknownRecord

FAILED, WRONG_ARGUMENTS, INTERRUPTED = 1, 2, 130


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit status: 0 all ran, 1 some failed, 2 the arguments are wrong, 130 interrupted."""
    parser = Parser(
        prog="run", description="Compare what each optimization of Stable Diffusion buys, and what it costs."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in (generate, compare, ladder, history, devices, models, doctor, cache, tune):
        command.add_to(commands)
    try:
        options = parser.parse_args(list(arguments))
        return options.command(options)
    except (
        UsageError,
        InvalidRequest,
        InvalidVariant,
        BackendError,
        UnknownRecord,
        InvalidTag,
        UnknownCache,
    ) as error:
        print_error(str(error))
        return WRONG_ARGUMENTS
    except (WriteFailed, HistoryError) as error:
        print_error(str(error))
        return FAILED
    except CannotWrite as error:
        print_error(str(error))
        return WRONG_ARGUMENTS
    except KeyboardInterrupt:
        return INTERRUPTED


def print_error(message: str) -> None:
    """One line on stderr."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)
