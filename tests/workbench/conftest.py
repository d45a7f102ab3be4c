"""Real workers on the tiny model, one thread each: what is tested is the session, and tests share the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.conversation import Patience
from workbench.session import Session


@pytest.fixture(scope="session", autouse=True)
def workers_have_one_thread() -> Iterator[None]:
    """They inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session whose workers stay warm over the tests of one module."""
    with Session(patience=Patience(idle=60.0, grace=10.0)) as running:
        yield running


@pytest.fixture
def model(tiny_model: Path) -> str:
    """The tiny model as a comparison names it."""
    return str(tiny_model)
