"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotWrite(OSError):
    """An output that cannot be written, in one line that names it."""


class WriteFailed(CannotWrite):
    """An output that could not be written although it had seemed so: the disk is full, say."""


def check_writable(path: Path) -> None:
    """Raise :class:`CannotWrite` where the file could not be written; leaves nothing behind."""
    with _naming(path):
        if path.is_dir():
            raise CannotWrite(f"{path} is a folder; expected the name of a file")
        if path.exists() and not os.access(path, os.W_OK):
            raise CannotWrite(f"{path} is read-only")
        if not _is_stream(path):
            target = _target(path)
            _try_folder(target.parent, path)
            target.exists()  # a name too long for the system shows here


def check_writable_folder(folder: Path) -> None:
    """Raise :class:`CannotWrite` where files could not be written into ``folder``, which need not exist yet."""
    with _naming(folder):
        if folder.exists() and not folder.is_dir():
            raise CannotWrite(f"{folder} is a file; expected a folder")
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not existing.is_dir():
            raise CannotWrite(f"{folder} cannot be made: {existing} is a file")
        _try_folder(existing, folder)


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, flush to the disk, and rename. Raises :class:`WriteFailed`.

    A link stays, and what it points to is replaced; into a device or a pipe (``/dev/null``) it writes.
    """
    unfinished: Path | None = None
    try:
        if _is_stream(path):
            path.write_bytes(content)
            return
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
        unfinished = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    except OSError as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        raise WriteFailed(
            f"{path} cannot be written ({len(content):,} bytes): {error.strerror or error}"
        ) from error


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _target(path: Path) -> Path:
    """What a link points to, at its end; ``Path.resolve`` would raise for links in a circle."""
    return Path(os.path.realpath(path))


@contextmanager
def _naming(wanted: Path) -> Iterator[None]:
    """What the system refuses (a name too long, a folder that may not be looked into) becomes CannotWrite."""
    try:
        yield
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(f"{wanted} cannot be written: {error.strerror or error}") from error


def _try_folder(folder: Path, wanted: Path) -> None:
    if not folder.is_dir():
        raise CannotWrite(f"{wanted} cannot be written: there is no folder {folder}")
    with tempfile.TemporaryFile(dir=folder):
        pass


def _umask() -> int:
    """The process's umask; a temporary file is made for its owner only, and a result should be readable as usual."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
