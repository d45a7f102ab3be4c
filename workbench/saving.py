"""A finished picture to a file, with everything that made it."""

from __future__ import annotations

from pathlib import Path

from backends.models import resolve, weights_sha256
from workbench.generation import Outcome
from workbench.pictures import Settings, write_png


def save_outcome(outcome: Outcome, path: Path) -> None:
    """Write the PNG whole or not at all. May hash the model's weights: not for a window's thread.

    Raises :class:`workbench.files.CannotWrite`, or BackendError where the model has gone since.
    """
    result = outcome.result
    weights = weights_sha256(resolve(outcome.model.name))
    write_png(path, outcome.picture, Settings(result.request, result.variant, outcome.model.name, weights))
