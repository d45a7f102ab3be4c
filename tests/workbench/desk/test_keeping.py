"""What is written: the screen for the next start, and every kind of export, reopened."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

from workbench.desk import screen
from workbench.desk.experiment import Experiment, snapshot
from workbench.document import read_document
from workbench.exports.kinds import EXPORTS, save_picture
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


def test_a_failed_cell_is_kept_as_not_run(desk, play, tmp_path):
    desk.execution.run()
    play.round(fail="pytorch:bf16")
    screen.save(desk.experiment, tmp_path / "screen")
    kept = screen.load(tmp_path / "screen")
    assert kept is not None and [cell.phase for cell in kept.cells] == ["done", "empty"]


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
    desk.restore_settings(file)
    assert desk.form.draft.seed == "2" and desk.form.draft.prompt == "a bird"
    assert [card.line for card in desk.board.cards] == ["pytorch:fp32", "pytorch:bf16"]
    assert said[-1][1] == "notice" and "a picture.png" in said[-1][0]


def test_a_file_without_settings_is_told(desk, tmp_path):
    said = []
    desk.said.connect(lambda text, level: said.append(level))
    for name, content in (("a.png", b"nonsense"), ("missing.png", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        desk.restore_settings(tmp_path / name)
    assert said == ["error", "error"]


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
