"""What the window remembers until its next start: a small JSON file in the data directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from backends.paths import data_dir

FILE_NAME = "window.json"


def load(path: Path | None = None) -> dict[str, Any]:
    """The remembered values; empty where there are none, or where the file is damaged."""
    try:
        data = json.loads((path or data_dir() / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def save(values: dict[str, Any], path: Path | None = None) -> None:
    """Write the values whole or not at all. Raises OSError where the directory can't be written."""
    file = path or data_dir() / FILE_NAME
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(file)
