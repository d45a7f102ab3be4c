"""What a finished comparison leaves behind: the files that were asked for, and its record in the history."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.contract import Variant
from backends.paths import NoPlace
from workbench.cli.arguments import STDOUT, UsageError, json_path
from workbench.document import Document, brief, dumps, write_document
from workbench.files import check_writable, write_whole
from workbench.history import History, HistoryError, Kind
from workbench.recording import worth_keeping
from workbench.trace import write_trace

Pictures = Mapping[tuple[int, Variant], bytes]


def add_report_option(parser: Any) -> None:
    """``--report FILE.html``."""
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="write a page that needs nothing else: pictures, charts, tables, the command to repeat it",
    )


def add_trace_option(parser: Any) -> None:
    """``--trace FILE``."""
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write a trace for Perfetto or chrome://tracing; with --kernels down to single operations",
    )


def add_brief_option(parser: Any) -> None:
    """``--brief``."""
    parser.add_argument(
        "--brief",
        action="store_true",
        help="leave memory samples, kernels, arenas and warm-up out of the JSON; every figure stays",
    )


def check_outputs(options: argparse.Namespace, **more: Path | None) -> None:
    """Raise UsageError or CannotWrite before anything is run for nothing; ``more`` are files of other options."""
    wanted = {
        "json": json_path(options),
        "report": getattr(options, "report", None),
        "trace": getattr(options, "trace", None),
    } | more
    report = wanted["report"]
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the report is {str(report)!r}; expected a name that ends in .html")
    taken: dict[Path, str] = {}
    for name, path in wanted.items():
        if path is None:
            continue
        check_writable(path)
        if (path.is_file() or not path.exists()) and (
            other := taken.setdefault(path.resolve(), name)
        ) != name:
            raise UsageError(f"--{other} and --{name} both name {path}")


def write_outputs(options: argparse.Namespace, document: Document, pictures: Pictures) -> None:
    """Write the JSON, the report and the trace where they were asked for. Raises CannotWrite."""
    path = json_path(options)
    written = brief(document) if getattr(options, "brief", False) else document
    if path is not None:
        write_document(path, written)
    elif options.json == STDOUT:
        sys.stdout.write(dumps(written))
        sys.stdout.flush()
    if getattr(options, "report", None) is not None:
        from workbench.report.page import write_report

        write_report(options.report, document, _outgoing(pictures, document.model.synthetic))
    if getattr(options, "trace", None) is not None:
        write_trace(options.trace, document)


def write_pictures(
    pictures: Pictures, paths: Mapping[tuple[int, Variant], Path], synthetic: bool
) -> dict[tuple[int, Variant], str]:
    """Write every picture that has a path; returns their names as the document keeps them. Raises CannotWrite."""
    wanted = {place: png for place, png in pictures.items() if place in paths}
    for place, png in _outgoing(wanted, synthetic).items():
        write_whole(paths[place], png)
    return {place: str(paths[place]) for place in wanted}


def _outgoing(pictures: Pictures, synthetic: bool) -> Pictures:
    """Marked where their weights are synthetic; the history keeps them plain, for the window marks what it shows."""
    if not synthetic:
        return pictures
    from workbench.exports.marking import marked_png

    return {place: marked_png(png) for place, png in pictures.items()}


def keep(document: Document, pictures: Pictures, kind: Kind) -> None:
    """Record it in the history, unless nothing came of it.

    A history that cannot be written takes no result away: that is said, and no more.
    """
    if not any(worth_keeping(run.result) for run in document.runs):
        return
    try:
        History().add(document, pictures, kind=kind)
    except (HistoryError, NoPlace) as error:
        print(f"notice: not kept in the history: {error}", file=sys.stderr)
