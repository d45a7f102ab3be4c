"""What was measured, kept: every finished comparison with its pictures, in one SQLite file of the user's data directory.

Plain Python without Qt, for the command line and the window alike. A :class:`History` holds no open connection: each call
opens, does one transaction and closes, so that it may be used from any thread and by several processes at once. The file is
in write-ahead mode with full synchronisation: a writer that is killed leaves all earlier records, and nothing of its own.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from backends.contract import Variant
from backends.paths import data_dir
from backends.variants import format_variant
from workbench.document import Document, UnreadableDocument, dumps, from_json, recorded_variants

Kind = Literal["generate", "compare", "ladder"]

FILE_NAME = "history.sqlite3"
BUSY_SECONDS = 30.0
VERSION = 1
MAXIMUM_TAG_CHARACTERS = 100
_SCHEMA = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    synthetic INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    variants TEXT NOT NULL,
    status TEXT NOT NULL,
    tag TEXT NOT NULL DEFAULT '',
    document BLOB NOT NULL
);
CREATE TABLE picture (
    record INTEGER NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    request INTEGER NOT NULL,
    variant TEXT NOT NULL,
    png BLOB NOT NULL,
    PRIMARY KEY (record, request, variant)
) WITHOUT ROWID;
"""


class HistoryError(RuntimeError):
    """A store that cannot be used, in one line."""


class UnknownRecord(HistoryError):
    """A record that is not there."""


class InvalidTag(HistoryError):
    """A tag that is too long."""


@dataclass(frozen=True)
class Entry:
    """One record without its document: what a list shows.

    ``variants`` are lines, in order. ``status`` is ``ok`` where every variant ran, ``error`` where one failed, else
    ``cancelled``. ``recorded_at`` is local time with its offset, as ISO 8601.
    """

    id: int
    recorded_at: str
    kind: Kind
    model: str
    synthetic: bool
    prompt: str
    variants: tuple[str, ...]
    status: str
    tag: str


class History:
    """The store. Every method raises :class:`HistoryError` where the file is damaged, full, or of a newer version."""

    def __init__(self, path: Path | None = None):
        """``path`` is the file; without it, ``history.sqlite3`` in the user's data directory (``WORKBENCH_HOME`` moves it).

        Raises :class:`backends.paths.NoPlace` where that directory cannot be made.
        """
        self.path = path or data_dir() / FILE_NAME

    def add(
        self,
        document: Document,
        pictures: Mapping[tuple[int, Variant], bytes] | None = None,
        *,
        kind: Kind = "compare",
        tag: str = "",
    ) -> int:
        """Keep a document and its pictures (PNG files by request index and variant); returns the record's id."""
        variants = [format_variant(item) for item in _variants(document)]
        row = (
            datetime.now().astimezone().isoformat(timespec="seconds"),
            kind,
            document.model.name,
            document.model.synthetic,
            "" if document.unet_only else _storable(document.requests[0].prompt),
            json.dumps(variants),
            _status(document),
            _checked_tag(tag),
            zlib.compress(dumps(document).encode("utf-8", "replace")),
        )
        with self._transaction("BEGIN IMMEDIATE") as connection:
            cursor = connection.execute(
                "INSERT INTO record (recorded_at, kind, model, synthetic, prompt, variants, status, tag, document) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            number = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO picture VALUES (?, ?, ?, ?)",
                [
                    (number, request, format_variant(variant), png)
                    for (request, variant), png in (pictures or {}).items()
                ],
            )
        return number

    def entries(self, *, tag: str | None = None, limit: int | None = None) -> list[Entry]:
        """The records, newest first; of one tag where that is given."""
        query = "SELECT id, recorded_at, kind, model, synthetic, prompt, variants, status, tag FROM record"
        query += " WHERE tag = ?" if tag is not None else ""
        query += " ORDER BY id DESC LIMIT ?"
        values = (*([tag] if tag is not None else []), -1 if limit is None else limit)
        with self._transaction() as connection:
            return [_entry(row) for row in connection.execute(query, values)]

    def entry(self, number: int) -> Entry:
        """One record. Raises :class:`UnknownRecord` where there is none of that number."""
        query = "SELECT id, recorded_at, kind, model, synthetic, prompt, variants, status, tag FROM record WHERE id = ?"
        with self._transaction() as connection:
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            raise self._missing(number)
        return _entry(row)

    def document(self, number: int) -> Document:
        """The whole document of a record, spans and samples included."""
        with self._transaction() as connection:
            row = connection.execute("SELECT document FROM record WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise self._missing(number)
        with _reading(number):
            return from_json(json.loads(zlib.decompress(row[0])))

    def pictures(self, number: int) -> dict[tuple[int, Variant], bytes]:
        """The record's pictures as PNG files, by request index and variant."""
        query = "SELECT request, variant, png FROM picture WHERE record = ? ORDER BY request, variant"
        with self._transaction() as connection:
            row = connection.execute("SELECT document FROM record WHERE id = ?", (number,)).fetchone()
            rows = connection.execute(query, (number,)).fetchall()
        if row is None:
            raise self._missing(number)
        with _reading(number):
            variant = recorded_variants(json.loads(zlib.decompress(row[0])))
            return {(request, variant(line)): png for request, line, png in rows}

    def tag(self, number: int, tag: str) -> None:
        """Name a record; an empty tag takes the name away. Raises :class:`InvalidTag` or :class:`UnknownRecord`."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            changed = connection.execute(
                "UPDATE record SET tag = ? WHERE id = ?", (_checked_tag(tag), number)
            ).rowcount
        if not changed:
            raise self._missing(number)

    def delete(self, numbers: Sequence[int]) -> None:
        """Remove records with their pictures, all of them or, where one is not there, none (:class:`UnknownRecord`)."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            for number in dict.fromkeys(numbers):
                if not connection.execute("DELETE FROM record WHERE id = ?", (number,)).rowcount:
                    raise self._missing(number)

    def _missing(self, number: int) -> UnknownRecord:
        return UnknownRecord(
            f"there is no record {number} in the history; ./run history list shows those there are"
        )

    @contextmanager
    def _transaction(
        self, begin: Literal["BEGIN", "BEGIN IMMEDIATE"] = "BEGIN"
    ) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                self._prepare(connection)
                connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise HistoryError(f"the history {self.path} cannot be used: {error}") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set the connection up, and make the tables where the file is new."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise HistoryError(
                f"the history {self.path} was written by a newer version (its layout is {version}, this one reads {VERSION})"
            )
        if version < VERSION:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < VERSION:  # no other process was first
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")


@contextmanager
def _reading(number: int) -> Iterator[None]:
    try:
        yield
    except (UnreadableDocument, ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise HistoryError(f"record {number} cannot be read: {error}") from error


def _variants(document: Document) -> list[Variant]:
    return list(dict.fromkeys(run.result.variant for run in document.runs))


def _status(document: Document) -> str:
    found = {run.result.status for run in document.runs}
    return "error" if "error" in found else "cancelled" if "cancelled" in found else "ok"


def _checked_tag(tag: str) -> str:
    if len(tag) > MAXIMUM_TAG_CHARACTERS:
        raise InvalidTag(f"the tag has {len(tag):,} characters; at most {MAXIMUM_TAG_CHARACTERS} are kept")
    return _storable(tag)


def _storable(text: str) -> str:
    """What UTF-8 cannot hold (half a surrogate pair, pasted somewhere) becomes a question mark, as in the JSON."""
    return text.encode("utf-8", "replace").decode()


def _entry(row: Sequence) -> Entry:
    number, recorded_at, kind, model, synthetic, prompt, variants, status, tag = row
    return Entry(
        number, recorded_at, kind, model, bool(synthetic), prompt, tuple(json.loads(variants)), status, tag
    )
