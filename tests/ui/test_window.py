"""What a person does at the window, on the real session."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

LONG = 20_000


def find(window, kind: type, name: str):
    widget = window.findChild(kind, name)
    assert widget is not None, f"no {kind.__name__} is named {name}"
    return widget


def finish_run(qtbot, window) -> None:
    qtbot.waitUntil(lambda: not window.generation.progress.active, timeout=LONG)


def make_picture(qtbot, window) -> None:
    qtbot.mouseClick(window.run_button, Qt.MouseButton.LeftButton)
    assert window.generation.progress.active
    finish_run(qtbot, window)
    assert window.generation.failure is None
    assert window.generation.progress.phase == "done"


def test_generate_shows_previews_then_the_picture_its_stages_and_figures(qtbot, window):
    previews, counts = [], []
    window.generation.preview_changed.connect(previews.append)
    window.generation.progress_changed.connect(
        lambda progress: counts.append((progress.index, progress.count))
    )
    assert window.stack.currentIndex() == 0
    make_picture(qtbot, window)
    assert len([preview for preview in previews if preview is not None]) == 4
    assert (3, 4) in counts
    outcome = window.generation.shown
    assert outcome is not None and (outcome.picture.width, outcome.picture.height) == (64, 64)
    assert window.image_view.isVisible() and not window.image_view.picture_shown.isNull()
    stages = [block.stage for block in window.stage_bar.blocks]
    assert stages.count("unet") == 4 and {"tokenizer", "text_encoder", "vae_decoder"} <= set(stages)
    assert find(window, QLabel, "totalLabel").text().split()[-1] in ("s", "ms")
    assert find(window, QLabel, "loadValue").text() != "–"
    assert "MB" in find(window, QLabel, "peakValue").text()
    assert "torch" in find(window, QLabel, "versionsValue").text()
    assert window.filmstrip.list.count() == 1


def test_same_seed_gives_the_same_picture_and_history_shows_both(qtbot, window):
    make_picture(qtbot, window)
    make_picture(qtbot, window)
    first, second = window.generation.history
    assert first.picture == second.picture
    window.generation.edit(seed="43")
    make_picture(qtbot, window)
    third = window.generation.shown
    assert third is not None and third.picture != first.picture
    strip = window.filmstrip.list
    strip.setCurrentRow(strip.count() - 1)
    assert window.generation.shown is first
    assert find(window, QLabel, "seedValue").text() == "42"
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert window.generation.draft.seed == "42"


def test_cancel_stops_the_run_and_the_next_one_works(qtbot, window):
    window.generation.edit(steps=1000)
    qtbot.keyClick(window.prompt_panel.prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.generation.progress.phase == "running", timeout=LONG)
    assert window.cancel_button.isEnabled() and not window.run_button.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    finish_run(qtbot, window)
    assert window.generation.progress.phase == "cancelled"
    assert window.generation.failure is None and not window.generation.history
    window.generation.edit(steps=2)
    make_picture(qtbot, window)


def test_empty_prompt_is_told_at_the_field_and_starts_nothing(qtbot, window):
    window.prompt_panel.prompt.clear()
    qtbot.mouseClick(window.run_button, Qt.MouseButton.LeftButton)
    error = find(window, QLabel, "promptError")
    assert error.isVisible() and "empty" in error.text()
    assert not window.generation.progress.active
    assert QGuiApplication.modalWindow() is None
    window.prompt_panel.prompt.setPlainText("a bird")
    assert not error.isVisible()


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"seed": "abc"}, "seed", "whole numbers"),
        ({"seed": str(2**64)}, "seed", "64 bits"),
        ({"seed": "-1"}, "seed", "0 to"),
        ({"steps": 0}, "steps", "1 to 1000"),
        ({"steps": 100_000}, "steps", "100000"),
        ({"guidance_scale": 101.0}, "guidance_scale", "0 to 100"),
        ({"guidance_scale": float("nan")}, "guidance_scale", "nan"),
        ({"size": "250 × 256"}, "size", "multiples of 8"),
        ({"size": "big"}, "size", "WIDTH×HEIGHT"),
        ({"prompt": "x" * 10_000}, "prompt", "10,000 characters"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(window, changes, field, says):
    window.generation.edit(**changes)
    error = find(window, QLabel, f"{field}Error")
    assert error.isVisible() and says in error.text()
    assert not window.generation.generate()
    assert not window.generation.progress.active


def test_a_missing_model_is_told_at_its_field(window, tmp_path: Path):
    window.generation.choose_model(str(tmp_path / "nothing"))
    error = find(window, QLabel, "modelError")
    assert error.isVisible() and "nothing" in error.text()
    window.generation.choose_model("critters")
    assert not error.isVisible() or "built-in" in error.text()


def test_typed_values_reach_the_draft(qtbot, window):
    panel = window.prompt_panel
    panel.seed.setFocus()
    panel.seed.selectAll()
    qtbot.keyClicks(panel.seed, "123456789012345")
    panel.steps.setValue(7)
    panel.guidance.setValue(6.5)
    panel.size_.setEditText("128x64")
    panel.scheduler.setCurrentIndex(panel.scheduler.findData("euler"))
    request = window.generation.draft.request()
    assert (request.seed, request.steps, request.guidance_scale) == (123456789012345, 7, 6.5)
    assert (request.width, request.height, request.scheduler) == (128, 64, "euler")


def test_dice_rolls_a_new_seed_and_the_lock_keeps_it(qtbot, window):
    qtbot.mouseClick(find(window, QAbstractButton, "diceButton"), Qt.MouseButton.LeftButton)
    rolled = window.generation.draft.seed
    assert rolled != "42" and window.prompt_panel.seed.text() == rolled
    make_picture(qtbot, window)
    assert window.generation.draft.seed == rolled
    qtbot.mouseClick(find(window, QAbstractButton, "keepSeedButton"), Qt.MouseButton.LeftButton)
    make_picture(qtbot, window)
    assert window.generation.draft.seed != rolled


def test_a_switch_changes_the_variant_and_its_line(qtbot, window):
    switch = find(window, QAbstractButton, "sdpaSwitch")
    assert switch.isChecked()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert window.generation.draft.variant.option("sdpa") is False
    assert window.variant_card.line.text() == "pytorch:fp32-sdpa"


def test_a_killed_worker_is_told_and_the_window_lives_on(qtbot, window, runner):
    window.generation.edit(steps=1000)
    window.generate()
    qtbot.waitUntil(lambda: window.generation.progress.phase == "running", timeout=LONG)
    for worker in runner.inner.session.pool.warm():
        if worker.key.model is not None:
            os.kill(worker.pid, signal.SIGKILL)
    finish_run(qtbot, window)
    assert window.generation.progress.phase == "failed"
    bar = find(window, QWidget, "errorBar")
    assert bar.isVisible() and "SIGKILL" in window.error_bar.text.text()
    assert QGuiApplication.modalWindow() is None
    window.generation.edit(steps=2)
    qtbot.mouseClick(find(window, QAbstractButton, "retryButton"), Qt.MouseButton.LeftButton)
    finish_run(qtbot, window)
    assert window.generation.progress.phase == "done" and not bar.isVisible()


def test_a_truncated_prompt_is_noticed(qtbot, window):
    window.generation.edit(prompt="a very long tail " * 60, steps=2)
    make_picture(qtbot, window)
    notice = find(window, QWidget, "noticeBar")
    assert notice.isVisible() and "75" in window.notice_bar.text.text()


def test_the_bar_tells_of_a_block_by_key_and_by_mouse(qtbot, window):
    make_picture(qtbot, window)
    bar = window.stage_bar
    readout = find(window, QLabel, "stageReadout")
    qtbot.keyClick(bar.plot, Qt.Key.Key_Right)
    assert readout.text().startswith("Tokenizer: ")
    unet = max((block for block in bar.blocks if block.stage == "unet"), key=lambda block: block.milliseconds)
    view = bar.plot.getPlotItem().vb
    middle = view.mapViewToScene(QPointF((unet.start_ms + unet.end_ms) / 2, 0.5))
    bar.plot.scene().sigMouseMoved.emit(middle)
    assert readout.text().startswith(f"UNet {unet.iteration + 1} of 4: ")


def test_save_writes_a_png_with_its_settings_and_a_read_only_place_is_told(qtbot, window, tmp_path: Path):
    from workbench.pictures import read_picture, read_settings

    make_picture(qtbot, window)
    said = find(window, QLabel, "saveMessage")
    file = tmp_path / "a picture.png"
    window.actions_.save_to(file)
    qtbot.waitUntil(lambda: said.text().startswith("Saved as"), timeout=20_000)
    outcome = window.generation.shown
    assert read_settings(file).request == outcome.result.request
    assert read_picture(file) == outcome.picture
    window.actions_.save_to(tmp_path / "a picture.png" / "inside a file.png")
    qtbot.waitUntil(lambda: said.text().startswith("Not saved"), timeout=20_000)
    assert said.isVisible()


def test_copy_puts_the_picture_on_the_clipboard(qtbot, window):
    make_picture(qtbot, window)
    qtbot.keyClick(
        window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert QGuiApplication.clipboard().image().width() == 64


def test_settings_and_layout_come_back_at_the_next_start(open_window, runner, home: Path):
    first = open_window(runner)
    first.generation.edit(prompt="a cat", seed="7", steps=9, size="128 × 192", scheduler="euler")
    first.generation.set_variant("pytorch", None, "bf16", {"channels_last": True})
    first.theme.choose("light")
    first._splitter.setSizes([400, 300, 300])
    panels = first.layout_state()["panels"]
    first.close()
    assert (
        json.loads((home / "data" / "window.json").read_text())["draft"]["variant"]
        == "pytorch:bf16+channels_last"
    )
    second = open_window(runner)
    assert second.generation.draft == first.generation.draft
    assert second.prompt_panel.prompt.toPlainText() == "a cat"
    assert second.theme.mode == "light" and second.theme.colours.scheme == "light"
    assert second.layout_state()["panels"] == panels


def test_damaged_settings_do_no_harm(open_window, runner, home: Path):
    (home / "data").mkdir(parents=True)
    (home / "data" / "window.json").write_text(
        '{"draft": {"seed": 3, "variant": "nonsense"}, "layout": 5, "theme": []}'
    )
    window = open_window(runner)
    assert window.generation.draft.seed == "42"
    assert window.theme.mode == "system"


def test_a_sample_prompt_is_one_click_to_a_run(qtbot, window):
    chip = find(window, QAbstractButton, "samplePrompt0")
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert window.prompt_panel.prompt.toPlainText() == chip.accessibleName()
    finish_run(qtbot, window)
    assert window.generation.progress.phase == "done"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_both_themes_keep_their_contrast(window, mode):
    window.theme.choose(mode)
    colours = window.theme.colours
    for text, ground in (
        ("text", "surface"),
        ("muted", "surface"),
        ("faint", "surface"),
        ("on_accent", "accent"),
    ):
        assert contrast(getattr(colours, text), getattr(colours, ground)) >= 4.5, (text, ground)
    for text in ("good", "warning", "error"):
        assert contrast(getattr(colours, text), getattr(colours, f"{text}_soft")) >= 4.5, text


def test_everything_has_a_name_for_a_screen_reader_and_tab_reaches_it(window):
    fields = (
        "promptEdit",
        "negativePromptEdit",
        "seedEdit",
        "stepsSpin",
        "guidanceSpin",
        "sizeCombo",
        "schedulerCombo",
    )
    choices = ("modelCombo", "backendCombo", "precisionCombo", "sdpaSwitch")
    names = (*fields, *choices, "diceButton", "keepSeedButton", "browseModelButton", "runButton")
    for name in names:
        widget = find(window, QWidget, name)
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, name
        assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), name


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
