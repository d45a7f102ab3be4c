"""What the run bar says fits at the usual size of the window."""

from __future__ import annotations

import pytest

from tests.ui.test_process import LiveScript
from workbench.desk.execution import State

ITERATING = State("running", fraction=0.5, index=11, count=20, seconds_left=1.4, total=12)


@pytest.mark.parametrize(
    ("state", "status", "left"),
    [
        (ITERATING, "1 of 12: iteration 11 of 20", "1 s left, this run"),
        (State("running", index=20, count=20, seconds_left=0.4, total=8), "1 of 8: decoding", ""),
        (
            State("running", index=11, count=20, seconds_left=1.4, done=8, total=12, live=True, round=3),
            "Round 3, 9 of 12: iteration 11 of 20",
            "",
        ),
        (State(done=4, failed=1, cancelled=2, total=4), "1 of 4 runs done, 1 failed, 2 cancelled", ""),
    ],
)
def test_what_is_being_done_is_read_whole(qtbot, open_window, state, status, left):
    window = open_window(LiveScript())
    window.resize(1280, 800)
    window.arrange_panels()
    bar = window.run_bar
    bar.show_state(state)
    assert (bar.status.text(), bar.left.text()) == (status, left)
    qtbot.waitUntil(lambda: bar.status._elidedText() == status)
