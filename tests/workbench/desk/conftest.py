"""A desk on a scripted runner."""

from __future__ import annotations

import pytest

from backends.variants import parse_variant
from tests.workbench.desk.script import CRITTERS, SYNTHETIC, Play, Script
from workbench.desk.desk import Desk


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def desk(script: Script) -> Desk:
    """Two variants of PyTorch, two iterations."""
    desk = Desk(script, (CRITTERS, SYNTHETIC))
    desk.board.take([parse_variant("pytorch"), parse_variant("pytorch:bf16")])
    desk.form.edit(prompt="a bird", steps=2)
    return desk


@pytest.fixture
def play(desk: Desk, script: Script) -> Play:
    return Play(desk, script)
