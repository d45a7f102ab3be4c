"""What is written: the screen for the next start, and every kind of export, reopened."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from backends.variants import parse_variant
from tests.workbench import samples
from tests.workbench.desk.script import Play, picture
from workbench.desk import screen
from workbench.desk.desk import Desk
from workbench.desk.experiment import Experiment, snapshot
from workbench.desk.outlook import Outlook
from workbench.document import read_document
from workbench.exports.kinds import EXPORTS, png_of, save_picture
from workbench.model_choices import ModelChoice
from workbench.pictures import read_picture, read_settings


@pytest.fixture
def experiment(desk, play, tiny_model) -> Experiment:
    """A finished comparison whose model is a real one: exports name its weights by their hash."""
    tiny = ModelChoice(str(tiny_model), "Tiny")
    desk.form.models = (tiny, *desk.form.models)
    desk.form.choose_model(tiny.name)
    desk.form.edit(seed="1,2", steps=2)
    desk.execution.run()
    play.round()
    return desk.experiment


def test_what_was_on_the_screen_comes_back(experiment, desk, tmp_path):
    screen.save(experiment, tmp_path / "screen")
    kept = screen.load(tmp_path / "screen")
    assert kept is not None
    other = Experiment()
    other.restore(kept.comparison, kept.columns, kept.model, kept.cells)
    assert other.requests == experiment.requests and other.columns == experiment.columns
    for place, cell in experiment.cells.items():
        assert other.cells[place].picture == cell.picture
        assert other.cells[place].results == cell.results


def test_a_screen_from_before_an_optimization_existed_comes_back_with_it_off(desk, play, tmp_path):
    desk.board.take([parse_variant("openvino"), parse_variant("pytorch")])
    desk.execution.run()
    play.round()
    screen.save(desk.experiment, tmp_path)
    file = tmp_path / "screen.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    for entry in kept["document"]["results"]:
        for newer in ("winograd", "polyphase"):
            entry["optimizations"].pop(newer, None)
    file.write_text(json.dumps(kept), encoding="utf-8")
    back = screen.load(tmp_path)
    assert back and back.columns[0].variant == back.comparison.baseline == parse_variant("openvino-all")
    assert [cell.phase for cell in back.cells] == ["done", "done"] and all(
        cell.results for cell in back.cells
    )


def test_a_damaged_screen_is_none_and_an_empty_one_is_not_written(experiment, tmp_path):
    where = tmp_path / "screen"
    assert screen.load(where) is None
    screen.save(Experiment(), where)
    assert not where.exists()
    screen.save(experiment, where)
    for damage in ("", "[]", '{"schema": 1}', '{"schema": 99}'):
        (where / "screen.json").write_text(damage)
        assert screen.load(where) is None
    screen.forget(where)
    assert not where.exists()


def test_failed_and_cancelled_cells_are_kept_with_their_reasons_and_can_be_retried(desk, play, tmp_path):
    desk.execution.run()
    play.round()
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    screen.save(desk.experiment, tmp_path / "screen")
    kept = screen.load(tmp_path / "screen")
    assert kept is not None and [cell.phase for cell in kept.cells] == ["done", "failed"]
    now = desk.experiment.cell(0, 1)
    assert (kept.cells[1].picture, kept.cells[1].results) == (now.picture, now.results)
    assert kept.cells[1].error == now.error and "SIGKILL" in kept.cells[1].error
    desk.restore(kept)
    desk.execution.retry(0, 1)
    play.round()
    assert desk.experiment.cell(0, 1).phase == "done"


def test_what_never_got_a_result_is_kept_too_and_what_runs_counts_as_cancelled(desk, play, tmp_path):
    desk.execution.run()
    for event in play.events()[:3]:
        desk.execution.handle(event)
    screen.save(desk.experiment, tmp_path / "screen")
    kept = screen.load(tmp_path / "screen")
    assert kept is not None and [cell.phase for cell in kept.cells] == ["cancelled", "cancelled"]


def test_what_was_looked_at_and_how_closely_comes_back(experiment, desk, script, tmp_path):
    desk.selection.look_at((1, 0))
    desk.selection.set_a((1, 1))
    desk.selection.set_b((0, 1))
    desk.viewport.zoom_at(4, 0.2, 0.7)
    desk.outlook.choose("align", "unet")
    desk.outlook.choose("ab_mode", "blink")
    desk.outlook.move_split(0.25)
    screen.save(desk.experiment, tmp_path / "screen", desk.looking())
    kept = screen.load(tmp_path / "screen")
    assert kept is not None
    other = Desk(script, desk.form.models, kept=json.loads(json.dumps(desk.to_json())))
    other.restore(kept)
    assert other.looking() == desk.looking() and other.selection.a == (1, 1)
    assert other.outlook.to_json() == desk.outlook.to_json()
    assert (other.outlook["align"], other.outlook.split) == ("unet", 0.25)


def test_nonsense_about_what_was_looked_at_changes_nothing(experiment, desk):
    before = desk.looking()
    for nonsense in (None, 3, {"current": [9, 9], "a": "x", "b": [0]}, {"zoom": "a", "x": 0, "y": None}):
        desk.selection.restore(nonsense)
        desk.viewport.restore(nonsense)
        assert desk.looking() == before
    nonsense = {"align": "sideways", "split": "left", "measure": 7}
    assert Outlook(nonsense).to_json() == Outlook().to_json()
    with pytest.raises(ValueError, match="one of start, unet"):
        desk.outlook.choose("align", "sideways")


def test_every_kind_of_export_opens_again(experiment, tmp_path):
    files = {}
    for kind in EXPORTS:
        files[kind.name] = tmp_path / f"{kind.name}.{kind.ending}"
        kind.write(snapshot(experiment), files[kind.name])
    with Image.open(files["png"]) as sheet:
        sheet.load()
        assert sheet.width >= 720
    document = read_document(files["json"])
    assert len(document.runs) == 4 and document.requests == experiment.requests
    rows = list(csv.reader(files["csv"].open()))
    assert [row[0] for row in rows] == ["Variant", "pytorch:fp32", "pytorch:bf16"]
    assert json.loads(files["trace"].read_text())["traceEvents"]
    page = files["report"].read_text()
    assert "data:image/png;base64," in page and "pytorch:bf16" in page
    assert files["markdown"].read_text().count("\n") == 4


def test_a_saved_picture_carries_its_settings_and_restores_them(experiment, desk, tmp_path):
    cell = experiment.cell(1, 1)
    file = tmp_path / "a picture.png"
    save_picture(snapshot(experiment), cell, file)
    assert read_picture(file) == cell.picture
    assert read_settings(file).request == experiment.requests[1]
    said = []
    desk.said.connect(lambda text, level: said.append((text, level)))
    desk.form.edit(prompt="something else", seed="9")
    desk.board.remove(desk.board.cards[1].number)
    desk.take_settings(file.name, read_settings(file))
    assert desk.form.draft.seed == "2" and desk.form.draft.prompt == "a bird"
    assert [card.line for card in desk.board.cards] == ["pytorch:fp32", "pytorch:bf16"]
    assert said[-1][1] == "notice" and "a picture.png" in said[-1][0]


def test_a_synthetic_sheet_is_marked(desk, play, tmp_path):
    desk.form.choose_model("sd14-synthetic")
    desk.form.edit(steps=2)
    desk.execution.run()
    play.round()
    marked, plain = tmp_path / "marked.png", tmp_path / "plain.png"
    kind = next(item for item in EXPORTS if item.name == "png")
    kind.write(snapshot(desk.experiment), marked)
    copy = snapshot(desk.experiment)
    copy.model = desk.form.models[0]
    kind.write(copy, plain)
    assert marked.read_bytes() != plain.read_bytes()


def test_kept_json_has_every_number_finite(experiment, tmp_path):
    screen.save(experiment, tmp_path / "screen")
    json.loads((tmp_path / "screen" / "screen.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("side", [64, 512])
def test_a_single_picture_of_synthetic_weights_bears_the_mark_in_its_pixels(desk, script, side, tmp_path):
    desk.form.choose_model("sd14-synthetic")
    desk.form.edit(steps=2)
    desk.execution.run()
    Play(desk, script, side).round()
    cell = desk.experiment.cell(0, 1)
    file = tmp_path / "a picture.png"
    file.write_bytes(png_of(snapshot(desk.experiment), cell))
    pixels, plain = read_picture(file).pixels, cell.picture.pixels
    changed = [place // 3 for place in range(0, len(plain), 3) if pixels[place] != plain[place]]
    assert changed and max(changed) // side < side / 2, "the mark is at the top"
    assert read_settings(file).request == desk.experiment.requests[0]
    real = snapshot(desk.experiment)
    real.model = desk.form.models[0]
    file.write_bytes(png_of(real, cell))
    assert read_picture(file) == cell.picture


@pytest.mark.parametrize(("model", "synthetic"), [("sd14-synthetic", True), ("critters", False)])
def test_the_command_line_marks_pictures_of_synthetic_weights(tmp_path: Path, monkeypatch, model, synthetic):
    """Both commands that write them; what runs is not theirs, and 4 GB of random weights would make the same."""
    from workbench.cli import compare, generate, run
    from workbench.cli.running import Outcome
    from workbench.events import Finished

    drawn = picture(0, 256)

    def perform(comparison, _):
        request, (variant,) = comparison.requests[0], comparison.variants
        result = samples.result(variant, 5.0, request=request)
        return Outcome([Finished(variant, 0, 0, result, drawn)])

    for module in (generate, compare):
        monkeypatch.setattr(module, "perform", perform)
    asked = ["--prompt", "a cat", "--model", model, "--variant", "pytorch", "--size", "256x256"]
    assert run(["generate", *asked, "--out", str(tmp_path / "a.png")]) == 0
    assert run(["compare", *asked, "--out", str(tmp_path / "all")]) == 0
    for file in (tmp_path / "a.png", *(tmp_path / "all").iterdir()):
        assert (read_picture(file) == drawn) is not synthetic
        assert read_settings(file).request.prompt == "a cat"
    assert read_picture(tmp_path / "a.png") == read_picture(next((tmp_path / "all").iterdir()))


def test_the_mark_says_what_it_says_as_large_as_the_picture_allows():
    from workbench.exports.marking import marked

    plain = picture(0, 512)
    light = [place for place, value in enumerate(marked(plain).pixels) if value > 200]
    rows, columns = {place // (3 * 512) for place in light}, {place // 3 % 512 for place in light}
    assert 15 < max(rows) < 60 and 150 < max(columns) < 300
