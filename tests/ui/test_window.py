"""What a person does at the window, on the real session."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QMessageBox, QTableView, QToolButton, QWidget

from tests.ui.doing import LONG, find, grid_of, run


def test_run_shows_previews_then_pictures_their_times_and_charts(qtbot, window, done):
    previews = []
    window.desk.experiment.cell_changed.connect(lambda cell: previews.append(cell.preview))
    assert find(window, QWidget, "emptyState").isVisible()
    run(qtbot, window, done)
    assert len({id(preview) for preview in previews if preview is not None}) == 4
    cells = window.work.grid.cells
    assert window.work.grid.isVisible() and set(cells) == {(0, 0), (0, 1)}
    for cell in cells.values():
        assert not cell.canvas.pixmap.isNull() and cell.time.text().split()[-1] in ("s", "ms")
    assert cells[0, 1].speedup.text().endswith("×") and not cells[0, 0].speedup.isVisible()
    assert "dB" in cells[0, 1].quality.text() or cells[0, 1].quality.text() == "identical"
    charts = window.work.charts
    charts.timeline.refresh()
    assert [
        len([piece for piece in lane.stages if piece.stage == "unet"]) for lane in charts.timeline.lanes
    ] == [2, 2]
    for title in charts.pages:
        window.open_chart(title)
        assert charts.pages[title].isVisible(), title
    assert find(window, QLabel, "statusLabel").text() == "2 of 2 runs done"


def test_several_seeds_make_rows_and_repeats_make_spread(qtbot, window, done):
    window.desk.form.edit(seed="1,2", repeats=2)
    run(qtbot, window, done)
    assert set(window.work.grid.cells) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert len(window.desk.experiment.cell(1, 1).results) == 2
    window.open_chart("Table")
    table = find(window, QTableView, "resultTable")
    assert table.model().rowCount() == 2
    find(window, QAbstractButton, "copyMarkdownButton").click()
    assert QGuiApplication.clipboard().text().startswith("| Variant |")
    find(window, QAbstractButton, "copyTsvButton").click()
    assert QGuiApplication.clipboard().text().startswith("Variant\t")
    table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert table.model().index(0, 0).data().startswith("pytorch:fp32-sdpa")


def test_cancel_stops_the_run_and_the_next_one_works(qtbot, window, done):
    window.desk.form.edit(steps=1000)
    qtbot.keyClick(window.prompt_panel.prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.desk.execution.state.index > 0, timeout=LONG)
    assert window.run_bar.cancel.isEnabled() and not window.run_bar.run.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    done(window)
    assert [cell.phase for cell in window.desk.experiment.cells.values()] == ["cancelled"] * 2
    assert window.work.grid.cells[0, 0].retry.isVisible()
    window.desk.form.edit(steps=2)
    run(qtbot, window, done)


def test_a_cell_that_waits_for_other_settings_says_that_its_picture_is_the_last_runs(qtbot, window, done):
    run(qtbot, window, done)
    cell = window.work.grid.cells[0, 1]
    assert not cell.canvas.dimmed and not cell.canvas.note
    bright = _brightness(cell.canvas)
    window.desk.form.edit(steps=3)
    window.run()
    assert cell.canvas.note == "Last run" and cell.status.isVisible() and cell.status.text() == "Waiting"
    assert abs(_brightness(cell.canvas) - _track(window)) < abs(bright - _track(window))
    done(window)
    assert not cell.canvas.dimmed and not cell.canvas.note and not cell.status.isVisible()
    figures = cell.time.text(), cell.speedup.text(), cell.quality.text()
    window.run()
    assert not cell.canvas.dimmed, "the same settings make the same picture"
    assert (cell.time.text(), cell.speedup.text(), cell.quality.text()) == figures
    assert "Waiting" in cell.accessibleName() and "Waiting" in cell.time.toolTip()
    done(window)


def test_a_notice_moves_no_picture_and_is_read_whole(qtbot, window, done):
    run(qtbot, window, done)
    before = [cell.geometry() for cell in window.work.grid.cells.values()]
    window.say("Settings of a picture are restored, and a variant that was not there yet", "notice")
    bar = find(window, QWidget, "noticeBar")
    qtbot.waitUntil(bar.isVisible)
    qtbot.waitUntil(lambda: bar.width() > 300 and bar.height() >= bar.sizeHint().height())
    assert [cell.geometry() for cell in window.work.grid.cells.values()] == before
    assert bar.parentWidget().rect().contains(bar.geometry())
    bar.hide()


def test_pause_holds_before_the_next_run(qtbot, window, done):
    window.run()
    qtbot.waitUntil(lambda: window.desk.execution.state.index > 0, timeout=LONG)
    qtbot.keyClick(window, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "Paused" in window.work.grid.cells[0, 1].status.text(), timeout=LONG)
    qtbot.mouseClick(window.run_bar.pause, Qt.MouseButton.LeftButton)
    done(window)
    assert window.desk.experiment.cell(0, 1).phase == "done"


def test_live_goes_round_until_it_is_switched_off(qtbot, window, done):
    switch = window.run_bar.new_seeds
    assert not switch.isEnabled() and not switch.isChecked() and "locked" in switch.text()
    find(window, QAbstractButton, "keepSeedButton").click()
    assert switch.isEnabled() and switch.isChecked() and "new seed" in switch.text()
    find(window, QAbstractButton, "keepSeedButton").click()
    qtbot.mouseClick(window.run_bar.live, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.desk.execution.state.round >= 3, timeout=LONG)
    qtbot.mouseClick(window.run_bar.live, Qt.MouseButton.LeftButton)
    done(window)
    assert all(len(times) >= 3 for times in window.desk.experiment.rounds.values())
    window.open_chart("Rounds")
    assert "Newest" in find(window, QLabel, "roundsReadout").text()
    assert {request.seed for request in window.desk.experiment.requests} == {42}


def test_empty_prompt_is_told_at_the_field_and_starts_nothing(qtbot, window):
    window.prompt_panel.prompt.clear()
    qtbot.mouseClick(window.run_bar.run, Qt.MouseButton.LeftButton)
    error = find(window, QLabel, "promptError")
    assert error.isVisible() and "empty" in error.text()
    assert not window.desk.execution.state.active
    assert QGuiApplication.modalWindow() is None
    window.prompt_panel.prompt.setPlainText("a bird")
    assert not error.isVisible()


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"seed": "abc"}, "seed", "whole numbers"),
        ({"seed": str(2**64)}, "seed", "64 bits"),
        ({"seed": "5-3"}, "seed", "backwards"),
        ({"steps": 0}, "steps", "1 to 1000"),
        ({"guidance_scale": 101.0}, "guidance_scale", "0 to 100"),
        ({"guidance_scale": float("nan")}, "guidance_scale", "nan"),
        ({"size": "250 × 256"}, "size", "multiples of 8"),
        ({"size": "big"}, "size", "WIDTH×HEIGHT"),
        ({"repeats": 0}, "repeats", "1 to 1000"),
        ({"prompt": "x" * 10_000}, "prompt", "10,000 characters"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(window, changes, field, says):
    window.desk.form.edit(**changes)
    error = find(window, QLabel, f"{field}Error")
    assert error.isVisible() and says in error.text()
    assert not window.desk.execution.run()
    assert not window.desk.execution.state.active


def test_a_missing_model_is_told_at_its_field(window, tmp_path: Path):
    window.desk.form.choose_model(str(tmp_path / "nothing"))
    error = find(window, QLabel, "modelError")
    assert error.isVisible() and "nothing" in error.text()


def test_typed_values_reach_the_draft(qtbot, window):
    panel = window.prompt_panel
    panel.seed.setFocus()
    panel.seed.selectAll()
    qtbot.keyClicks(panel.seed, "123456789012345,7-8")
    panel.steps.setValue(7)
    panel.guidance.setValue(6.5)
    panel.size_.setEditText("128x64")
    panel.scheduler.setCurrentIndex(panel.scheduler.findData("euler"))
    requests = window.desk.form.draft.requests()
    assert [request.seed for request in requests] == [123456789012345, 7, 8]
    assert (requests[0].steps, requests[0].guidance_scale, requests[0].scheduler) == (7, 6.5, "euler")
    assert (requests[0].width, requests[0].height) == (128, 64)


def test_dice_roll_and_arrow_up_recalls_a_prompt(qtbot, window):
    qtbot.mouseClick(find(window, QAbstractButton, "diceButton"), Qt.MouseButton.LeftButton)
    assert (
        window.desk.form.draft.seed != "42" and window.prompt_panel.seed.text() == window.desk.form.draft.seed
    )
    window.desk.form.remember_prompt()
    window.prompt_panel.prompt.setPlainText("something new")
    qtbot.keyClick(window.prompt_panel.prompt, Qt.Key.Key_Up)
    assert window.prompt_panel.prompt.toPlainText() == "a green creature with red eyes"
    qtbot.keyClick(window.prompt_panel.prompt, Qt.Key.Key_Down)
    assert window.prompt_panel.prompt.toPlainText() == "something new"


def test_a_killed_worker_is_told_in_its_cell_and_nowhere_else(qtbot, window, runner, done):
    run(qtbot, window, done)
    window.desk.form.edit(steps=40)
    window.run()
    at = window.desk.experiment.cells
    qtbot.waitUntil(lambda: at is not window.desk.experiment.cells or at[0, 0].index > 0, timeout=LONG)
    qtbot.waitUntil(lambda: window.desk.experiment.cell(0, 0).index > 0, timeout=LONG)
    variant = window.desk.experiment.columns[0].variant
    for worker in runner.inner.session.pool.warm():
        if worker.key.variant == variant:
            os.kill(worker.pid, signal.SIGKILL)
    done(window)
    first, second = window.work.grid.cells[0, 0], window.work.grid.cells[0, 1]
    assert first.status.isVisible() and "SIGKILL" in first.status.text() and first.retry.isVisible()
    assert window.desk.experiment.cell(0, 1).phase == "done" and not second.retry.isVisible()
    assert QGuiApplication.modalWindow() is None and not find(window, QWidget, "errorBar").isVisible()
    qtbot.mouseClick(first.retry, Qt.MouseButton.LeftButton)
    done(window)
    assert window.desk.experiment.cell(0, 0).phase == "done" and not first.retry.isVisible()


def test_what_was_on_the_screen_comes_back_at_the_next_start(
    qtbot, window, open_window, runner, done, home: Path
):
    run(qtbot, window, done)
    window.desk.form.edit(prompt="a cat", seed="7,8")
    window.desk.board.set_baseline(window.desk.board.cards[1].number)
    window.theme.choose("light")
    window.open_chart("Memory")
    window.desk.selection.set_a((0, 1))
    window.desk.viewport.zoom_at(2, 0.2, 0.2)
    window.desk.outlook.choose("align", "unet")
    window.desk.outlook.choose("ab_mode", "blink")
    window._splitter.setSizes([400, 800, 0])
    panels = window.layout_state()["panels"]
    qtbot.waitUntil(lambda: window.isVisible())
    window.close()
    kept = json.loads((home / "data" / "window.json").read_text())
    assert kept["board"]["variants"] == ["pytorch:fp32", "pytorch:fp32-sdpa"]
    second = open_window(runner)
    assert second.desk.to_json() == window.desk.to_json()
    assert second.prompt_panel.prompt.toPlainText() == "a cat"
    assert second.theme.mode == "light" and second.layout_state()["panels"] == panels
    qtbot.waitUntil(lambda: second.desk.experiment.has_results, timeout=LONG)
    for place, cell in window.desk.experiment.cells.items():
        assert second.desk.experiment.cells[place].picture == cell.picture
    assert second.work.chart() == "Memory" and second.work.grid.isVisible()
    assert second.desk.looking() == window.desk.looking() and second.desk.selection.a == (0, 1)
    assert second.work.charts.timeline.align.currentData() == "unet" and second.work.ab.mode == "blink"


def test_a_failed_cell_comes_back_with_its_reason_and_retry(qtbot, window, open_window, runner, done):
    run(qtbot, window, done)
    failed = replace(
        window.desk.experiment.cell(0, 1), phase="failed", error="its worker was ended", results=()
    )
    window.desk.experiment.cells[0, 1] = failed
    window.close()
    second = open_window(runner)
    qtbot.waitUntil(lambda: bool(second.desk.experiment.cells), timeout=LONG)
    cell = second.work.grid.cells[0, 1]
    assert "Its worker was ended" in cell.status.text() and cell.retry.isVisible()
    qtbot.mouseClick(cell.retry, Qt.MouseButton.LeftButton)
    done(second)
    assert second.desk.experiment.cell(0, 1).phase == "done"


def test_damaged_settings_do_no_harm(open_window, runner, home: Path):
    (home / "data").mkdir(parents=True)
    (home / "data" / "window.json").write_text(
        '{"draft": {"seed": 3}, "board": [1], "layout": 5, "theme": []}'
    )
    window = open_window(runner)
    assert window.desk.form.draft.seed == "42" and len(window.desk.board) == 4
    assert window.theme.mode == "system"


def test_closing_during_a_run_asks(qtbot, window, done):
    window.desk.form.edit(steps=1000)
    window.run()
    window.close()
    assert window.isVisible()
    dialog = find(window, QMessageBox, "closeDialog")
    find(dialog, QAbstractButton, "keepRunningButton").click()
    assert window.desk.execution.state.active and window.isVisible()
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "closeDialog") is None)
    window.close()
    find(find(window, QMessageBox, "closeDialog"), QAbstractButton, "stopAndCloseButton").click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)


def test_a_sample_prompt_is_one_click_to_pictures_in_every_variant(qtbot, window, done):
    chip = find(window, QAbstractButton, "samplePrompt0")
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert window.prompt_panel.prompt.toPlainText() == chip.accessibleName()
    done(window)
    assert [cell.phase for cell in window.desk.experiment.cells.values()] == ["done", "done"]


def test_sample_prompts_are_at_hand_after_the_first_run_too(qtbot, window, done):
    run(qtbot, window, done)
    menu = find(window, QToolButton, "ideasButton").menu()
    assert len(menu.actions()) == len(window.desk.samples.every) > 6
    menu.actions()[7].trigger()
    assert window.prompt_panel.prompt.toPlainText() == window.desk.samples.every[7]
    assert not window.desk.execution.state.active


def _brightness(canvas) -> float:
    """The mean over the picture, 0..255."""
    image = canvas.grab(canvas.frame().toRect()).toImage()
    return sum(image.pixelColor(*at).lightness() for at in grid_of(image)) / len(grid_of(image))


def _track(window) -> float:
    return QColor(window.theme.colours.track).lightness()
