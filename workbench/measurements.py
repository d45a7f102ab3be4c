"""Figures in documents come from files: ``docs/measurements/*.json``, as the commands beside them wrote them.

Two marks in a Markdown document, invisible where it is shown, say where what stands between them comes from::

    <!-- measured nncf.json -->            a table, the machine, and the command; generated
    <!-- end measured -->

    ... is <!-- figure nncf.json "OpenVINO INT8" speedup -->6.03×<!-- end figure --> as fast ...
    ... draws <!-- figure critters.json "guidance 4" prompt_fidelity .3f -->0.948<!-- end figure --> of it ...

The second kind of figure is of a file that no comparison wrote: the keys that lead to the number, and its format. Of a list of
rows the key is a row's variant.

``python -m workbench.measurements README.md docs/measuring.md`` writes what belongs between the marks of those documents; with
``--check`` it only says what does not agree, and ends with status 1. A test runs that for all documents.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.variants import format_variant
from workbench.command import commands
from workbench.document import Document, UnreadableDocument, read_document
from workbench.figures import figures_of
from workbench.files import write_whole
from workbench.ladder_table import climbed, shown_relative
from workbench.rounds import SYNTHETIC_NOTICE
from workbench.summary import Summary
from workbench.tables import figures_table, ladder_table, markdown
from workbench.versions import PACKAGES

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "measurements"
_BLOCK = re.compile(r"(<!-- measured (\S+) -->\n)(.*?)(<!-- end measured -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!-- figure (\S+) ([^>]+?) -->)(.*?)(<!-- end figure -->)", re.DOTALL)


class WrongMark(ValueError):
    """A mark that names no file, row or figure, in one line."""


def filled(text: str, folder: Path = FOLDER) -> str:
    """The document with everything between its marks as the files have it. Raises WrongMark or UnreadableDocument."""
    text = _BLOCK.sub(lambda found: f"{found[1]}{block(found[2], folder)}{found[4]}", text)
    return _FIGURE.sub(lambda found: f"{found[1]}{figure(found[2], found[3], folder)}{found[5]}", text)


def block(name: str, folder: Path = FOLDER) -> str:
    """The table of a file as Markdown, with the machine, the way of measuring and the command below it."""
    document = _read(name, folder)
    found = climbed(document)
    summaries = document.summaries()
    names = [format_variant(summary.variant) for summary in summaries]
    table = ladder_table(document, found) if found else figures_table(document, names, summaries)
    command = "\n".join(f"{line} --brief --json docs/measurements/{name}" for line in commands(document))
    notes = f"{SYNTHETIC_NOTICE.partition(';')[0].capitalize()}. " if document.model.synthetic else ""
    return f"\n{markdown(table)}\n\n{notes}{_surroundings(document, summaries)}\n\n```sh\n{command}\n```\n\n"


def figure(name: str, said: str, folder: Path = FOLDER) -> str:
    """One figure of a file: ``said`` is a row's or variant's name and the figure's, quoted as a shell would; of a file that is
    no comparison's the keys to a number, and its format."""
    words = shlex.split(said)
    if (plain := _plain(name, folder)) is not None:
        return _plain_figure(name, plain, words)
    if len(words) != 2:
        raise WrongMark(f"the mark of {name} says {said!r}; expected a row's name and a figure's")
    document = _read(name, folder)
    row, wanted = words
    for summary in document.summaries():
        if row in (document.rows.get(summary.variant), format_variant(summary.variant)):
            return _figure(document, summary, wanted)
    raise WrongMark(f"{name} has no row {row!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or with ``--check`` compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workbench.measurements", description=__doc__)
    parser.add_argument("documents", nargs="+", type=Path, metavar="FILE.md")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 1 where a document does not agree"
    )
    options = parser.parse_args(arguments)
    wrong = 0
    for path in options.documents:
        try:
            before = path.read_text(encoding="utf-8")
            after = filled(before)
        except (OSError, WrongMark, UnreadableDocument) as error:
            print(f"error: {path}: {error}", file=sys.stderr)
            return 2
        if before != after and options.check:
            print(f"{path} does not agree with docs/measurements", file=sys.stderr)
            wrong = 1
        elif before != after:
            write_whole(path, after.encode())
    return wrong


def _figure(document: Document, summary: Summary, wanted: str) -> str:
    if wanted == "relative":
        found = climbed(document)
        rung = (
            next((item for item in found.rungs if item.summary.variant == summary.variant), None)
            if found
            else None
        )
        if found and rung:
            return shown_relative(found.ladder, rung.relative)
    if wanted == "speedup" and summary.speedup is not None:
        return f"{summary.speedup:.2f}×"
    figures = figures_of(summary)
    if wanted not in figures:
        known = ", ".join([*figures, "speedup", "relative"])
        raise WrongMark(f"{format_variant(summary.variant)} has no figure {wanted!r}; it has {known}")
    item = figures[wanted]
    return f"{item.value:,.{item.digits}f} {item.unit}".rstrip()


def _plain_figure(name: str, held: Any, words: Sequence[str]) -> str:
    *keys, form = words
    for key in keys:
        if isinstance(held, list):
            held = next((row for row in held if isinstance(row, dict) and row.get("variant") == key), None)
        else:
            held = held.get(key) if isinstance(held, dict) else None
    if not isinstance(held, int | float):
        raise WrongMark(f"{name} has no number at {' '.join(keys)!r}")
    try:
        return format(held, form)
    except ValueError as error:
        raise WrongMark(f"the mark of {name} formats by {form!r}: {error}") from error


def _surroundings(document: Document, summaries: Sequence[Summary]) -> str:
    """The machine, the versions, the day, and over how many runs the medians are."""
    said = document.environment
    packages = said.get("packages", {})
    backends = dict.fromkeys(summary.variant.backend for summary in summaries)
    names = dict.fromkeys(
        name for backend in backends for name in PACKAGES.get(backend, ()) if name in packages
    )
    versions = ", ".join(f"{name} {packages[name]}" for name in names)
    devices = "; ".join(dict.fromkeys(device["name"] for device in said.get("devices", ())))
    runs = max((len(summary.totals_ms) for summary in summaries), default=0)
    request = document.requests[0]
    what = f"“{request.prompt}”, {request.steps} steps"
    if document.unet_only:
        what = f"single UNet iterations, batch 2, {request.steps} a run"
    memory = f", {said['memory_mb']:,} MiB" if said.get("memory_mb") else ""
    return (
        f"{document.model.name}, {what}, {request.width}×{request.height}. Medians of {runs} interleaved runs on "
        f"{devices or said['cpu']} ({said['cpu']}, {said['cores']} cores, {said['threads']} threads{memory}; {versions}; "
        f"{str(said.get('time'))[:10]}):"
    )


def _read(name: str, folder: Path) -> Document:
    return read_document(_file(name, folder))


def _plain(name: str, folder: Path) -> Any:
    """What a JSON file holds that no comparison wrote; None for a comparison's, or where it cannot be read."""
    try:
        held = json.loads(_file(name, folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return None if isinstance(held, dict) and "schema" in held else held


def _file(name: str, folder: Path) -> Path:
    if Path(name).name != name:
        raise WrongMark(f"the mark names {name!r}; expected a file of docs/measurements")
    return folder / name


if __name__ == "__main__":
    sys.exit(main())
