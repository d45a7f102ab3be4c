"""Folders that are made once: by one process at a time, whole or not at all, and found again by their recipe."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from backends import paths
from backends.contract import BackendError
from backends.models import Progress

RECIPE = "recipe.json"
_PARTIAL = ".partial"
_SECONDS_BETWEEN_TRIES = 0.5
_STREAM = "iostream"
"""What OpenVINO says of a file that it cannot write to its end."""

Recipe = Mapping[str, Any]
"""All that decides what a folder holds, as JSON can say it."""


class Store:
    """A directory of finished folders, each named by what it is and the hash of its recipe.

    A folder is made under a ``.partial`` name and renamed when it is whole. While it is made a lock is held that the system
    frees when its process ends, however it ends; so a ``.partial`` whose lock is free is rubbish, and is swept.
    """

    def __init__(self, root: Path, temporary: tempfile.TemporaryDirectory[str] | None = None):
        self.root = root
        self._temporary = temporary
        self._locks = root / "locks"
        self._locks.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def folder(self, what: str, recipe: Recipe, make: Callable[[Path], None], progress: Progress) -> Path:
        """The folder of this recipe; ``make`` fills it where it is not there yet.

        Where another process is making it, that is waited for. Raises BackendError where it cannot be written.
        """
        name = f"{what}-{digest(recipe)}"
        finished = self.root / name
        if (finished / RECIPE).is_file():
            return finished
        lock = self._acquire(name, progress)
        try:
            if not (finished / RECIPE).is_file():
                self._make(finished, recipe, make)
        finally:
            lock.release()
        return finished

    def clear(self) -> None:
        """Remove every finished folder that can be, and leave those that a process is making right now.

        A folder gets the name of an unfinished one first, so that a clearing that is killed leaves none half removed.
        """
        for finished in [folder for folder in self.root.iterdir() if (folder / RECIPE).is_file()]:
            lock = FileLock(self._locks / f"{finished.name}.lock")
            with suppress(Timeout, PermissionError), lock.acquire(timeout=0):  # Windows keeps what is in use
                partial = finished.with_name(finished.name + _PARTIAL)
                shutil.rmtree(partial, ignore_errors=True)
                finished.rename(partial)
                shutil.rmtree(partial, ignore_errors=True)

    def close(self) -> None:
        """Remove a temporary store; one in the cache stays."""
        if self._temporary:
            self._temporary.cleanup()

    def _acquire(self, name: str, progress: Progress) -> BaseFileLock:
        lock = FileLock(self._locks / f"{name}.lock")
        while True:
            try:
                lock.acquire(timeout=_SECONDS_BETWEEN_TRIES)
            except Timeout:
                progress("waiting for another process that is converting the same", None)
            else:
                return lock

    def _make(self, finished: Path, recipe: Recipe, make: Callable[[Path], None]) -> None:
        partial = finished.with_name(finished.name + _PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(finished, ignore_errors=True)
        try:
            partial.mkdir()
            make(partial)
            (partial / RECIPE).write_text(json.dumps(recipe, indent=2, sort_keys=True), encoding="utf-8")
            partial.rename(finished)
        except (OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and _STREAM not in str(error):
                raise
            free = shutil.disk_usage(self.root).free // 2**20
            reason = getattr(error, "strerror", None) or error
            raise BackendError(
                f"cannot write {finished.name} to {self.root} ({reason}; {free:,} MiB are free there); "
                "make room, or set WORKBENCH_HOME to another disk"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _sweep(self) -> None:
        for partial in self.root.glob(f"*{_PARTIAL}"):
            lock = FileLock(self._locks / f"{partial.name.removesuffix(_PARTIAL)}.lock")
            with suppress(Timeout), lock.acquire(timeout=0):
                shutil.rmtree(partial, ignore_errors=True)


def open_store() -> tuple[Store, tuple[str, ...]]:
    """The store in the user's cache; where that can't be written, a temporary one, and a notice that says so."""
    try:
        root = paths.cache_dir() / "openvino"
        store = Store(root)
        with tempfile.TemporaryFile(dir=root):
            return store, ()
    except OSError as error:
        temporary = tempfile.TemporaryDirectory(prefix="workbench-openvino-")
        notice = (
            f"the cache cannot be written ({error}): what was converted lasts until this worker ends, and the next start "
            "converts again"
        )
        return Store(Path(temporary.name), temporary), (notice,)


def digest(recipe: Recipe) -> str:
    """A recipe's hash: 24 hexadecimal digits, the same whatever the order of its entries."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:24]
