"""Where things are kept: the user's cache and data directories, moved together by ``WORKBENCH_HOME``."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from backends.contract import BackendError

APPLICATION = "diffusion-workbench"
ASSETS = Path(__file__).resolve().parent.parent / "assets"


class NoPlace(BackendError, OSError):
    """A folder that cannot be made: an OSError for who can do without it, and one line for who cannot."""


def cache_dir() -> Path:
    """What can be made again: converted models, kernels, hashes. Created if need be; safe to delete."""
    return _made(os.environ.get("WORKBENCH_HOME"), "cache", platformdirs.user_cache_dir(APPLICATION))


def data_dir() -> Path:
    """What cannot: history, pictures, and the person's own ``models``. Created if need be."""
    return _made(os.environ.get("WORKBENCH_HOME"), "data", platformdirs.user_data_dir(APPLICATION))


def _made(home: str | None, name: str, usual: str) -> Path:
    path = Path(home).expanduser() / name if home else Path(usual)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoPlace(
            f"the {name} folder {path} cannot be made: {error.strerror or error}; WORKBENCH_HOME=/some/folder moves it"
        ) from error
    return path
