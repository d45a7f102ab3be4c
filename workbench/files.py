"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class CannotWrite(OSError):
    """An output that cannot be written, in one line that names it."""


class WriteFailed(CannotWrite):
    """An output that could not be written although it had seemed so: the disk is full, say."""


def check_writable(path: Path) -> None:
    """Raise :class:`CannotWrite` where the file could not be written; leaves nothing behind."""
    if path.is_dir():
        raise CannotWrite(f"{path} is a folder; expected the name of a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise CannotWrite(f"{path} is read-only")
    _try_folder(path.parent, path)


def check_writable_folder(folder: Path) -> None:
    """Raise :class:`CannotWrite` where files could not be written into ``folder``, which need not exist yet."""
    if folder.exists() and not folder.is_dir():
        raise CannotWrite(f"{folder} is a file; expected a folder")
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir():
        raise CannotWrite(f"{folder} cannot be made: {existing} is a file")
    _try_folder(existing, folder)


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, flush to the disk, and rename. Raises :class:`WriteFailed`."""
    unfinished: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        unfinished = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(path)
    except OSError as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        raise WriteFailed(
            f"{path} cannot be written ({len(content):,} bytes): {error.strerror or error}"
        ) from error


def _try_folder(folder: Path, wanted: Path) -> None:
    if not folder.is_dir():
        raise CannotWrite(f"{wanted} cannot be written: there is no folder {folder}")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CannotWrite(f"{wanted} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    """The process's umask; a temporary file is made for its owner only, and a result should be readable as usual."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
