"""The comparisons that were kept, in a real store."""

from __future__ import annotations

import pytest

from workbench.desk.experiment import Experiment
from workbench.model_choices import ModelChoice


@pytest.fixture
def kept(desk, play, tiny_model, tmp_path, monkeypatch):
    """A desk whose one comparison is in the history."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    tiny = ModelChoice(str(tiny_model), "Tiny")
    desk.form.models = (tiny, *desk.form.models)
    desk.form.choose_model(tiny.name)
    desk.form.edit(seed="1,2", steps=2)
    desk.execution.run()
    play.round()
    desk.sessions.close()
    return desk


def again(desk, act):
    """Do something with the store, and wait for it."""
    from workbench.desk.sessions import Sessions

    sessions = Sessions()
    found: list = []
    sessions.opened.connect(found.append)
    sessions.compared.connect(lambda number, changes: found.append(changes))
    sessions.failed.connect(found.append)
    act(sessions)
    sessions.close()
    return sessions, found


def test_every_comparison_that_ends_is_kept_and_opens_again(kept):
    assert len(kept.sessions.entries) == 1
    entry = kept.sessions.entries[0]
    assert entry.variants == ("pytorch:fp32", "pytorch:bf16") and entry.status == "ok"
    _, (found,) = again(kept, lambda sessions: sessions.open(entry.id))
    other = Experiment()
    other.restore(found.comparison, found.columns, found.model, found.cells)
    for place, cell in kept.experiment.cells.items():
        assert other.cells[place].picture == cell.picture and other.cells[place].results == cell.results


def test_a_record_is_compared_with_today(kept):
    number = kept.sessions.entries[0].id
    _, (changes,) = again(kept, lambda sessions: sessions.compare(number, kept.experiment))
    assert changes.changes and not changes.differences
    assert {change.verdict for change in changes.changes} <= {"same", "unclear"}


def test_records_are_named_and_deleted(kept):
    number = kept.sessions.entries[0].id
    sessions, _ = again(kept, lambda sessions: sessions.tag(number, "before the holiday"))
    assert sessions.entries[0].tag == "before the holiday"
    sessions, _ = again(kept, lambda sessions: sessions.delete([number]))
    assert not sessions.entries


def test_a_record_that_is_gone_is_told(kept):
    _, (reason,) = again(kept, lambda sessions: sessions.open(999))
    assert "999" in reason


def test_retries_and_live_rounds_in_between_are_not_kept(desk, play, monkeypatch):
    ended = []
    desk.execution.completed.disconnect()
    desk.execution.completed.connect(lambda: ended.append(1))
    desk.execution.set_live(True)
    play.round()
    play.round()
    assert not ended
    desk.execution.set_live(False)
    play.round(fail="pytorch:bf16")
    assert len(ended) == 1
    desk.execution.retry(0, 1)
    play.round()
    assert len(ended) == 1
