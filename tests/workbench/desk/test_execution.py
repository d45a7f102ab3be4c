"""Running what is on the desk, with a runner that is played by hand."""

from __future__ import annotations

from dataclasses import replace

from backends.contract import BackendError, Picture
from backends.variants import parse_variant
from tests.workbench.desk.script import preparing
from workbench.desk.captions import cell_caption, cell_status, runs_done
from workbench.desk.desk import Judged
from workbench.desk.viewport import Viewport
from workbench.events import Paused, Preparing, Queued
from workbench.results import Quality


def phases(desk):
    return [cell.phase for cell in desk.experiment.cells.values()]


def test_a_run_fills_the_grid_and_ends(desk, script, play):
    desk.form.edit(seed="1,2")
    assert desk.execution.run() and not desk.execution.run()
    assert phases(desk) == ["waiting"] * 4 and desk.execution.state.total == 4
    play.round()
    assert phases(desk) == ["done"] * 4
    state = desk.execution.state
    assert (state.phase, state.done, state.failed) == ("idle", 4, 0)
    assert [entry.step for entry in desk.execution.queue] == ["done"] * 4
    assert (
        cell_caption(desk.experiment, desk.experiment.cell(0, 1))
        == "20 ms   2.00×   40.0 dB   SSIM 0.980   fidelity 90%"
    )


def test_states_say_what_is_being_done(desk, play):
    desk.execution.run()
    variant = play.comparison.variants[0]
    desk.execution.handle(Queued(variant, 0, 0))
    desk.execution.handle(preparing((variant, 0, 0), "converting", 0.4))
    assert (desk.execution.state.what, desk.execution.state.fraction) == ("converting", 0.4)
    assert cell_status(desk.experiment.cell(0, 0)) == "Converting 40%"
    first = next(event for event in play.events() if hasattr(event, "preview"))
    desk.execution.handle(first)
    assert cell_status(desk.experiment.cell(0, 0)) == "Iteration 1 of 2"
    assert desk.experiment.cell(0, 0).shown == first.preview


def test_wrong_settings_start_nothing_and_say_where(desk, script):
    refused = []
    desk.execution.refused.connect(refused.append)
    desk.form.edit(prompt="  ")
    assert not desk.execution.run() and "prompt" in refused[-1]
    desk.form.edit(prompt="a bird")
    desk.board.duplicate(desk.board.cards[0].number)
    assert not desk.execution.run() and "variant 2 is the same" in refused[-1]["variant"]
    assert not script.started


def test_pause_holds_and_goes_on(desk, script, play):
    desk.execution.run()
    desk.execution.toggle_pause()
    assert desk.execution.state.phase == "paused" and script.pauses == 1
    desk.execution.handle(Paused(play.comparison.variants[0], 0, 0))
    assert cell_status(desk.experiment.cell(0, 0)) == "Paused before this run"
    desk.execution.toggle_pause()
    assert desk.execution.state.phase == "running" and script.resumes == 1


def test_cancel_keeps_what_is_finished(desk, script, play):
    desk.form.edit(seed="1,2")
    desk.execution.run()
    events = play.events()
    for event in events[: len(events) // 2]:
        desk.execution.handle(event)
    desk.execution.cancel()
    assert script.cancels == 1 and desk.execution.state.phase == "cancelling"
    play.free()
    assert desk.execution.state.phase == "idle"
    assert "done" in phases(desk) and "cancelled" in phases(desk) and "waiting" not in phases(desk)


def test_runs_that_failed_or_were_cancelled_are_not_counted_as_done(desk, play):
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    assert runs_done(desk.execution.state) == "1 of 2 runs done, 1 failed"
    desk.execution.retry_failed()
    play.round()
    assert runs_done(desk.execution.state) == "1 of 1 runs done"
    desk.execution.run()
    play.round(fail="pytorch:bf16", status="cancelled")
    assert runs_done(desk.execution.state) == "0 of 2 runs done, 1 failed, 1 cancelled"


def test_live_goes_round_with_new_seeds_until_it_is_switched_off(desk, script, play):
    desk.form.edit(keep_seed=False)
    desk.execution.set_live(True)
    for number in (1, 2, 3):
        assert desk.execution.state.round == number
        play.round()
    assert len({comparison.requests[0].seed for comparison in script.started}) == 4
    desk.execution.set_live(False)
    play.round()
    assert desk.execution.state.phase == "idle" and len(script.started) == 4
    assert [len(times) for times in desk.experiment.rounds.values()] == [4, 4]


def test_live_with_the_same_seed_gathers_runs_within_bounds(desk, script, play):
    desk.execution.new_seeds = False
    desk.execution.set_live(True)
    for _ in range(30):
        play.round()
    cell = desk.experiment.cell(0, 0)
    assert len(cell.results) == 20 and cell.results[-1].samples and not cell.results[0].samples
    assert {comparison.requests[0].seed for comparison in script.started} == {42}


def test_a_failed_cell_says_why_and_is_retried_alone(desk, script, play):
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    assert phases(desk) == ["done", "failed"] and desk.execution.state.failed == 1
    assert "SIGKILL" in desk.experiment.cell(0, 1).error
    before = desk.experiment.cell(0, 0)
    desk.execution.retry(0, 1)
    assert [item.precision for item in play.comparison.variants] == ["bf16"]
    play.round()
    assert phases(desk) == ["done", "done"] and desk.experiment.cell(0, 0) is before


def test_a_retried_picture_is_compared_with_its_baseline(desk, play):
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    desk.execution.retry(0, 1)
    play.round()
    cell = desk.experiment.cell(0, 1)
    desk.take_quality(Judged(cell.picture, Quality(30.0, 0.9, None), desk.board.baseline_card.variant))
    assert desk.experiment.cell(0, 1).result.quality == Quality(30.0, 0.9, None)


def test_a_retry_waits_for_what_runs(desk, script, play):
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    desk.execution.run()
    events = play.events()
    for event in events:
        desk.execution.handle(event)
    desk.execution.retry(0, 1)
    assert len(script.started) == 2
    play.free()
    assert len(script.started) == 3


def test_a_runner_that_cannot_start_is_told_and_the_desk_lives_on(desk, script, monkeypatch):
    told = []
    desk.execution.broke.connect(lambda message, detail: told.append(message))

    def refuse(comparison):
        raise BackendError("no such model")

    monkeypatch.setattr(script, "start", refuse)
    desk.execution.run()
    assert told == ["no such model"] and desk.execution.state.phase == "idle"
    assert phases(desk) == ["cancelled", "cancelled"]


def test_events_after_the_end_change_nothing(desk, play):
    desk.execution.run()
    events = play.events()
    play.round()
    before = dict(desk.experiment.cells)
    desk.execution.handle(Preparing(play.comparison.variants[0], 0, 0, "reading", None))
    desk.execution.handle(events[-1])
    assert desk.experiment.cells == before


def test_a_run_waits_while_the_devices_are_listed(desk, script, monkeypatch):
    monkeypatch.setattr(type(desk.availability), "looking", property(lambda _: True))
    desk.execution.run()
    assert not script.started and desk.execution.state.active
    monkeypatch.setattr(type(desk.availability), "looking", property(lambda _: False))
    desk.execution.devices_found()
    assert len(script.started) == 1


def test_selection_stays_inside_the_grid(desk, play):
    selection = desk.selection
    assert selection.pair() is None
    desk.form.edit(seed="1,2,3")
    desk.execution.run()
    assert selection.current == (0, 0) and (selection.a, selection.b) == ((0, 0), (0, 1))
    selection.step(9, 9)
    assert selection.current == (2, 1)
    selection.set_a((0, 1))
    assert (selection.a, selection.b) == ((0, 1), (0, 0)), "what was B becomes A in exchange"
    play.round()
    desk.form.edit(seed="1")
    desk.execution.run()
    assert selection.current == (0, 0)


def test_editing_a_card_after_a_run_is_marked_until_it_is_run(desk, play):
    desk.execution.run()
    play.round()
    number = desk.board.cards[1].number
    desk.board.set_option(number, "tome", 0.5)
    assert desk.edited_since() == {number}
    desk.execution.run()
    assert not desk.edited_since()


def test_colours_follow_the_board(desk, play):
    desk.execution.run()
    desk.board.set_colour(desk.board.cards[0].number, 9)
    assert desk.experiment.columns[0].colour == 9


def test_zoom_keeps_the_point_under_the_cursor():
    viewport = Viewport()
    viewport.zoom_at(4.0, 0.25, 0.75)
    left, top, width, height = viewport.visible()
    assert (left + 0.25 * width, top + 0.75 * height) == (0.25, 0.75)
    viewport.pan(-10, 10)
    assert viewport.visible()[:2] == (0.75, 0.0)
    viewport.fit()
    assert viewport.fitted and viewport.visible() == (0.0, 0.0, 1.0, 1.0)


def test_what_is_asked_is_kept(desk, script):
    from workbench.desk.desk import Desk

    desk.board.take([parse_variant("openvino:int8")])
    desk.form.edit(seed="3,4", repeats=5)
    desk.execution.new_seeds = False
    other = Desk(script, desk.form.models, kept=desk.to_json())
    assert other.to_json() == desk.to_json()
    assert Desk(script, desk.form.models, kept=[1]).form.draft.seed == "42"


def test_a_picture_that_only_has_another_size_is_no_pair_to_measure(desk):
    from workbench.charts.difference import DifferentShapes, difference

    try:
        difference(Picture(8, 8, bytes(192)), Picture(8, 16, bytes(384)))
    except DifferentShapes as error:
        assert "8 × 8" in str(error)
    else:
        raise AssertionError("different shapes were compared")
    assert replace(desk.form.draft, seed="1") != desk.form.draft


def test_a_locked_seed_stays_in_live_mode_and_an_open_one_follows_the_switch(desk, script, play):
    def seeds(keep: bool, new: bool) -> set[int]:
        desk.form.edit(seed="42", keep_seed=keep)
        desk.execution.new_seeds = new
        script.started.clear()
        desk.execution.set_live(True)
        play.round()
        play.round()
        desk.execution.set_live(False)
        play.round()
        return {comparison.requests[0].seed for comparison in script.started}

    assert seeds(keep=True, new=True) == seeds(keep=True, new=False) == {42}
    assert len(seeds(keep=False, new=True)) == 3
    assert len(seeds(keep=False, new=False)) == 1


def test_a_waiting_cell_shows_no_picture_of_other_settings_as_its_own(desk, play):
    assert desk.execution.run()
    play.round()
    made = desk.experiment.cell(0, 1).picture
    desk.form.edit(steps=3, keep_seed=True)
    assert desk.execution.run()
    cell = desk.experiment.cell(0, 1)
    assert (cell.phase, cell.shown, cell.picture, cell.results) == ("waiting", None, None, ())
    assert cell.earlier is made
    play.round()
    cell = desk.experiment.cell(0, 1)
    assert cell.shown is not None and cell.shown is not made and cell.earlier is None


def test_a_cancelled_rerun_leaves_no_picture_of_other_settings(desk, play):
    assert desk.execution.run()
    play.round()
    desk.form.edit(steps=3, keep_seed=True)
    assert desk.execution.run()
    desk.execution.cancel()
    play.free()
    assert [(cell.phase, cell.shown, cell.earlier) for cell in desk.experiment.cells.values()] == [
        ("cancelled", None, None)
    ] * 2


def test_the_same_once_more_keeps_its_pictures_until_the_new_ones_come(desk, play):
    desk.form.edit(keep_seed=True)
    assert desk.execution.run()
    play.round()
    made = desk.experiment.cell(0, 1).picture
    assert desk.execution.run()
    cell = desk.experiment.cell(0, 1)
    assert cell.picture is made and cell.earlier is None and len(cell.results) == 1


def test_a_round_that_is_cancelled_leaves_what_the_rounds_before_it_gave(desk, play):
    desk.form.edit(keep_seed=True)
    assert desk.execution.run()
    play.round()
    before = [(cell.picture, cell.results) for cell in desk.experiment.cells.values()]
    assert desk.execution.run()
    desk.execution.cancel()
    play.free()
    assert [(cell.picture, cell.results) for cell in desk.experiment.cells.values()] == before
    assert [cell.phase for cell in desk.experiment.cells.values()] == ["done", "done"]
