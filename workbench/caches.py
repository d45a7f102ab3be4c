"""What the workbench keeps because making it again takes time: what there is, how large it is, and removing it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backends import paths

OPENVINO = "openvino"
KNOWN = {
    OPENVINO: "converted, quantized and compiled models",
    "opencl": "compiled kernels, and where runtimes are",
    "opencl-tuning": "tile sizes that ./run tune measured",
    "weights-sha256": "hashes of model files",
}


class UnknownCache(ValueError):
    """A name that no cache has, in one line."""


@dataclass(frozen=True)
class Cache:
    """One folder of the cache directory; ``size_bytes`` of its ``files``."""

    name: str
    what: str
    path: Path
    files: int
    size_bytes: int


def list_caches() -> list[Cache]:
    """Every cache there is, those of this version first. Raises :class:`backends.paths.NoPlace`."""
    root = paths.cache_dir()
    found = sorted(path for path in root.iterdir() if path.is_dir())
    names = [
        *(name for name in KNOWN if root / name in found),
        *(p.name for p in found if p.name not in KNOWN),
    ]
    return [_measured(name, root / name) for name in names]


def clear(names: Iterable[str] = ()) -> list[Cache]:
    """Empty the caches of these names, all where none is named; returns what each held that is gone now.

    Safe while the workbench runs: what a process is making stays, and what it has open lives on until it is closed.
    Raises :class:`UnknownCache`, before anything is removed.
    """
    before = {cache.name: cache for cache in list_caches()}
    wanted = list(dict.fromkeys(names)) or list(before)
    for name in wanted:
        if name not in before and name not in KNOWN:
            raise UnknownCache(
                f"there is no cache {name[:60]!r}; there are {', '.join(before) or 'none yet'}"
            )
    gone = []
    for name in wanted:
        if name in before:
            _remove(before[name])
            gone.append(_difference(before[name], _measured(name, before[name].path)))
    return gone


def _remove(cache: Cache) -> None:
    if cache.name != OPENVINO:
        shutil.rmtree(cache.path, ignore_errors=True)
        return
    from backends.openvino.store import Store

    Store(cache.path).clear()
    shutil.rmtree(cache.path / "compiled", ignore_errors=True)


def _measured(name: str, path: Path) -> Cache:
    files, size = 0, 0
    for file in path.rglob("*"):
        try:
            if file.is_file() and not file.is_symlink() and file.suffix != ".lock":
                files, size = files + 1, size + file.stat().st_size
        except OSError:  # gone in between
            continue
    return Cache(name, KNOWN.get(name, "of another version"), path, files, size)


def _difference(before: Cache, after: Cache) -> Cache:
    return Cache(
        before.name,
        before.what,
        before.path,
        before.files - after.files,
        before.size_bytes - after.size_bytes,
    )
