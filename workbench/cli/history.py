"""``history``: what was measured before: list it, show it, compare two records, name, export or delete them."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from backends.contract import Variant
from workbench.changes import Change, Changes, compare_documents
from workbench.cli.arguments import STDOUT, UsageError, add_json_option, json_path, text_argument
from workbench.cli.devices import write_json_data
from workbench.cli.names import picture_name
from workbench.cli.outputs import (
    add_brief_option,
    add_report_option,
    add_trace_option,
    check_outputs,
    write_outputs,
    write_pictures,
)
from workbench.cli.table import NONE, print_document
from workbench.document import Document
from workbench.figures import Figure
from workbench.files import check_writable_folder
from workbench.history import Entry, History

WIDTH_WHERE_NO_TERMINAL = 200
VERDICTS = {"lower": "lower", "higher": "higher", "same": "within the spread", "unclear": "one value each"}


def add_to(commands: Any) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("history", help="what was measured before", description=__doc__)
    own = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = own.add_parser("list", help="the records, newest first")
    listing.add_argument("--tag", type=text_argument, metavar="TEXT", help="only those of this tag")
    listing.add_argument("--limit", type=_count, metavar="N", help="no more than these")
    add_json_option(listing)
    listing.set_defaults(command=_list)
    showing = own.add_parser("show", help="the table of a record")
    showing.add_argument("record", type=_number, metavar="ID")
    add_json_option(showing)
    showing.set_defaults(command=_show)
    comparing = own.add_parser("compare", help="which figures changed beyond their spread")
    comparing.add_argument("before", type=_number, metavar="A")
    comparing.add_argument("after", type=_number, metavar="B")
    comparing.add_argument("--all", action="store_true", help="show also what did not change")
    add_json_option(comparing)
    comparing.set_defaults(command=_compare)
    tagging = own.add_parser("tag", help="name a record; without a name, take it away")
    tagging.add_argument("record", type=_number, metavar="ID")
    tagging.add_argument("tag", type=text_argument, nargs="?", default="", metavar="TEXT")
    add_json_option(tagging)
    tagging.set_defaults(command=_tag)
    deleting = own.add_parser("delete", help="remove records and their pictures")
    deleting.add_argument("records", type=_number, nargs="+", metavar="ID")
    add_json_option(deleting)
    deleting.set_defaults(command=_delete)
    exporting = own.add_parser("export", help="write a record's files")
    exporting.add_argument("record", type=_number, metavar="ID")
    exporting.add_argument("--out", type=Path, metavar="DIR", help="folder for its pictures")
    add_json_option(exporting)
    add_report_option(exporting)
    add_trace_option(exporting)
    add_brief_option(exporting)
    exporting.set_defaults(command=_export)


def _list(options: argparse.Namespace) -> int:
    check_outputs(options)
    entries = History().entries(tag=options.tag, limit=options.limit)
    if options.json:
        write_json_data(json_path(options), {"schema": 1, "records": [asdict(entry) for entry in entries]})
    if options.json != STDOUT:
        _print_entries(entries)
    return 0


def _show(options: argparse.Namespace) -> int:
    check_outputs(options)
    document = History().document(options.record)
    write_outputs(options, document, {})
    if options.json != STDOUT:
        print_document(document)
    return 0


def _compare(options: argparse.Namespace) -> int:
    check_outputs(options)
    history = History()
    found = compare_documents(history.document(options.before), history.document(options.after))
    if options.json:
        write_json_data(json_path(options), _changes_to_json(options.before, options.after, found))
    if options.json != STDOUT:
        _print_changes(options.before, options.after, found, options.all)
    return 0


def _tag(options: argparse.Namespace) -> int:
    check_outputs(options)
    history = History()
    history.tag(options.record, options.tag)
    if options.json:
        write_json_data(json_path(options), {"schema": 1, "records": [asdict(history.entry(options.record))]})
    return 0


def _delete(options: argparse.Namespace) -> int:
    check_outputs(options)
    History().delete(options.records)
    if options.json:
        write_json_data(json_path(options), {"schema": 1, "deleted": options.records})
    return 0


def _export(options: argparse.Namespace) -> int:
    if not any((options.out, options.json, options.report, options.trace)):
        raise UsageError("nothing to export; name a file or folder by --json, --report, --trace or --out")
    check_outputs(options)
    if options.out is not None:
        check_writable_folder(options.out)
    history = History()
    document, pictures = history.document(options.record), history.pictures(options.record)
    if options.out is not None:
        write_pictures(pictures, _picture_paths(options.out, document, pictures), document.model.synthetic)
    write_outputs(options, document, pictures)
    return 0


def _picture_paths(
    folder: Path, document: Document, pictures: dict[tuple[int, Variant], bytes]
) -> dict[tuple[int, Variant], Path]:
    """Names as ``compare --out`` gives them; where requests share a seed, with the request's number before them."""
    seeds = [request.seed for request in document.requests]
    paths = {}
    for request, variant in pictures:
        name = picture_name(document.model.name, variant, seeds[request])
        paths[request, variant] = folder / (
            name if seeds.count(seeds[request]) == 1 else f"{request + 1}_{name}"
        )
    return paths


def _print_entries(entries: list[Entry]) -> None:
    table = Table()
    for heading in ("id", "when", "what", "model", "prompt", "variants", "status", "tag"):
        table.add_column(heading, justify="right" if heading == "id" else "left", overflow="fold")
    for entry in entries:
        table.add_row(
            str(entry.id),
            entry.recorded_at[:16].replace("T", " "),
            entry.kind,
            entry.model + (" (synthetic)" if entry.synthetic else ""),
            _short(entry.prompt) or NONE,
            "\n".join(entry.variants),
            entry.status,
            entry.tag,
            style=None if entry.status == "ok" else "red",
        )
    if entries:
        _console().print(table, highlight=False, markup=False)
    else:
        print("the history has no such record yet; generate, compare and ladder add to it", file=sys.stderr)


def _print_changes(before: int, after: int, found: Changes, everything: bool) -> None:
    shown = [change for change in found.changes if everything or change.verdict in ("lower", "higher")]
    console = _console()
    table = Table()
    for heading in (
        "variant",
        "figure",
        f"record {before}",
        f"record {after}",
        "change",
        "beyond its spread",
    ):
        table.add_column(heading, justify="left" if heading in ("variant", "figure") else "right")
    for change in shown:
        percent = NONE if change.percent is None else f"{change.percent:+.1f} %"
        what = f"{change.title}, {change.before.unit}" if change.before.unit else change.title
        table.add_row(
            change.variant,
            what,
            _shown(change.before),
            _shown(change.after),
            percent,
            VERDICTS[change.verdict],
        )
    if shown:
        console.print(table, highlight=False, markup=False)
    same = sum(change.verdict == "same" for change in found.changes)
    unclear = sum(change.verdict == "unclear" for change in found.changes)
    changed = len(found.changes) - same - unclear
    lines = [
        f"{changed} changed beyond their spread, {same} did not; of {unclear} the spread is not known (one value each)"
    ]
    lines += [f"only in {before}: {name}" for name in found.only_before]
    lines += [f"only in {after}: {name}" for name in found.only_after]
    lines += [f"also different: {text}" for text in found.differences]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _changes_to_json(before: int, after: int, found: Changes) -> dict[str, Any]:
    return {
        "schema": 1,
        "before": before,
        "after": after,
        "changes": [_change_to_json(change) for change in found.changes],
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
        "differences": list(found.differences),
    }


def _change_to_json(change: Change) -> dict[str, Any]:
    return {
        "variant": change.variant,
        "figure": change.name,
        "unit": change.before.unit,
        "before": _figure_to_json(change.before),
        "after": _figure_to_json(change.after),
        "percent": change.percent,
        "verdict": change.verdict,
    }


def _figure_to_json(item: Figure) -> dict[str, Any]:
    finite = item.value if abs(item.value) != float("inf") else None
    return {"value": finite, "low": finite and item.low, "high": finite and item.high, "count": item.count}


def _shown(item: Figure) -> str:
    if item.value == float("inf"):
        return "identical"
    spread = "" if item.spread is None else f" ± {item.spread:,.{item.digits}f}"
    return f"{item.value:,.{item.digits}f}{spread}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 50 else text[:47] + "..."


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text) or not int(text):
        raise argparse.ArgumentTypeError(
            f"the record is {text[:60]!r}; expected its number, as history list shows it"
        )
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"the limit is {text[:60]!r}; expected a whole number above 0")
    return int(text)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_WHERE_NO_TERMINAL)
