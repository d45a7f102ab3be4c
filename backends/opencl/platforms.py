"""Finding OpenCL runtimes: the system's, and the CPU runtime that comes with our dependencies.

The loader reads one ``.icd`` file per runtime from a directory. Intel's package ``intel-opencl-rt`` writes one that names
a path which does not exist, so a directory of ours, under the cache directory, holds a copy of every system file and one
more that names the real library. ``OCL_ICD_VENDORS`` points there; the loader reads it at the first OpenCL call.

The runtime needs oneTBB as ``libtbb.so.12``, and so does OpenVINO, which brings an older one. A process has one library of a
name, the first, and the older one lacks what the runtime asks for: where both are wanted, this runtime must be loaded first.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from backends.contract import BackendError
from backends.machine import compute_threads
from backends.paths import cache_dir

PACKAGE = "intel-opencl-rt"
LIBRARY = "libintelocl.so"
SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")
_RUNTIME_FILES = ("lib*.so*", "*.rtl", "cllibrary*.o", "cl.cfg")
_WINDOWS_LIBRARY = "intelocl64.dll"


@functools.cache
def prepare() -> None:
    """Make every runtime known to the loader; call it before the first OpenCL call of the process. Once is enough.

    Raises BackendError where the bundled runtime lies in a path it cannot run from and cannot be linked elsewhere.
    """
    os.environ.setdefault("CL_CONFIG_CPU_TBB_NUM_WORKERS", str(compute_threads()))
    library = bundled_library()
    if sys.platform == "win32":
        if library:
            os.environ["OCL_ICD_FILENAMES"] = os.pathsep.join(
                filter(None, (os.environ.get("OCL_ICD_FILENAMES"), str(library)))
            )
        return
    if library is None:
        return
    asked = os.environ.get("OCL_ICD_VENDORS")
    os.environ["OCL_ICD_VENDORS"] = str(vendors_directory(without_blanks(library), system_files(asked)))


def bundled_library() -> Path | None:
    """The CPU runtime's library among the installed packages, None where the package is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    wanted = _WINDOWS_LIBRARY if sys.platform == "win32" else LIBRARY
    found = (Path(str(file.locate())).resolve().parent / wanted for file in files if file.name == wanted)
    return next((path for path in found if path.exists()), None)


def missing() -> str:
    """What to do in a process that found no device: install a runtime, or why the one that is there cannot be loaded."""
    library = bundled_library()
    if library is None:
        return f"install a driver, or the package {PACKAGE} for processors"
    try:
        ctypes.CDLL(str(without_blanks(library)))
    except OSError as error:
        return f"{PACKAGE} cannot be loaded into this process ({error})"
    return f"{PACKAGE} is loaded, and shows none"


def system_files(asked: str | None) -> list[Path]:
    """The ``.icd`` files of the system, or of what the person named in ``OCL_ICD_VENDORS`` (a directory or one file)."""
    place = Path(asked) if asked else SYSTEM_VENDORS
    if place.is_file():
        return [place]
    return sorted(place.glob("*.icd")) if place.is_dir() else []


def vendors_directory(library: Path, others: Iterable[Path]) -> Path:
    """A directory under the cache whose ``.icd`` files are copies of ``others`` and one that names ``library``."""
    texts = {file.name: file.read_text() for file in others}
    if str(library) not in {text.strip() for text in texts.values()}:
        texts["zz-diffusion-workbench.icd"] = f"{library}\n"
    key = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:16]
    place = cache_dir() / "opencl" / f"vendors-{key}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=place.parent))
        for name, text in texts.items():
            (fresh / name).write_text(text)
        _settle(fresh, place)
    return place


def without_blanks(library: Path, homes: Iterable[Path] | None = None) -> Path:
    """The library itself, or the same in a folder without blanks, where its path has one.

    Intel's runtime resolves its own path and hands it to its compiler unquoted, so that a context cannot be made
    (DEVICE_NOT_AVAILABLE); a symbolic link does not help, a hard link does. ``homes`` are tried one after the other.
    """
    if " " not in str(library):
        return library
    stat = library.stat()
    key = hashlib.sha256(f"{library} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    for home in (
        homes
        if homes is not None
        else (cache_dir() / "opencl", Path(tempfile.gettempdir()), Path("/var/tmp"))
    ):
        place = home / f"diffusion-workbench-opencl-{key}"
        if " " in str(place):
            continue
        if (place / library.name).exists():
            return place / library.name
        try:
            home.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=home))
            _link_files(library.parent, fresh)
            _settle(fresh, place)
        except OSError:
            continue
        return place / library.name
    raise BackendError(
        f"Intel's OpenCL runtime cannot run from a path with a blank ({library.parent}), and no folder without one could "
        "be written; install the workbench in a path without blanks, or set WORKBENCH_HOME to one"
    )


def _link_files(source: Path, target: Path) -> None:
    """Hard links of the runtime's files, copies where the target is another file system."""
    for pattern in _RUNTIME_FILES:
        for file in source.glob(pattern):
            if not file.is_file() or (target / file.name).exists():
                continue
            try:
                os.link(file.resolve(), target / file.name)
            except OSError:
                shutil.copyfile(file, target / file.name)


def _settle(fresh: Path, place: Path) -> None:
    """Give the finished folder its name; where another process was first, its folder stays."""
    try:
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.exists():
            raise
