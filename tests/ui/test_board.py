"""The variants on the board: cards, their switches and order, presets, pasted lines."""

from __future__ import annotations

from html import unescape

import pytest
from pyqtgraph import TextItem
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from backends.registry import BACKENDS
from backends.variants import parse_variant
from tests.ui.doing import LONG, find, run
from tests.ui.test_process import LiveScript
from tests.workbench.desk.script import Play
from ui.point_list import FRONT
from workbench.comparison import Comparison
from workbench.desk.experiment import Column


def test_cards_open_switch_and_follow_the_keyboard(qtbot, window):
    board = window.desk.board
    card = window.board_panel.cards[board.cards[0].number]
    qtbot.keyClick(card, Qt.Key.Key_Return)
    assert board.open == card.number
    switch = find(card, QAbstractButton, "sdpaSwitch")
    assert switch.isChecked() and "None known" in switch.accessibleDescription()
    find(card, QAbstractButton, "channels_lastSwitch").click()
    assert board.cards[0].line == "pytorch:fp32+channels_last" == card.full_line.text()
    find(card, QAbstractButton, "tomeSwitch").click()
    slider = find(card, QWidget, "tomeSlider")
    qtbot.waitUntil(slider.isVisible)
    slider.setValue(0.6)
    assert board.cards[0].line == "pytorch:fp32+channels_last+tome=0.6"
    qtbot.keyClick(card, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert board.place(card.number) == 1
    qtbot.keyClick(card, Qt.Key.Key_Delete)
    assert len(board) == 1 and len(window.board_panel.cards) == 1


def test_a_card_dragged_past_others_takes_their_place_and_a_click_still_opens_it(qtbot, window):
    board, panel = window.desk.board, window.board_panel
    board.take([parse_variant(line) for line in ("pytorch", "openvino", "opencl", "pytorch:bf16")])
    numbers = [card.number for card in board.cards]
    card = panel.cards[numbers[0]]
    head = QPoint(40, 12)
    tops = [panel.cards[number].y for number in numbers]
    qtbot.waitUntil(lambda: 0 <= tops[0]() < tops[1]() < tops[2]() < tops[3]())
    qtbot.mousePress(card, Qt.MouseButton.LeftButton, pos=head)
    qtbot.mouseMove(card, head + QPoint(1, 1))
    assert [item.number for item in board.cards] == numbers
    third = panel.cards[numbers[2]]
    qtbot.mouseMove(card, card.mapFromGlobal(third.mapToGlobal(QPoint(40, third.height() - 4))))
    assert [item.number for item in board.cards] == [numbers[1], numbers[2], numbers[0], numbers[3]]
    qtbot.waitUntil(lambda: panel.cards[numbers[1]].y() < panel.cards[numbers[2]].y() < card.y())
    first = panel.cards[numbers[1]]
    qtbot.mouseMove(card, card.mapFromGlobal(first.mapToGlobal(QPoint(40, 2))))
    qtbot.mouseRelease(card, Qt.MouseButton.LeftButton, pos=head)
    assert [item.number for item in board.cards] == numbers and board.open is None
    assert board.baseline == numbers[0]
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=head)
    assert board.open == numbers[0]


@pytest.mark.parametrize("line", ["pytorch", "openvino:int8", "opencl"])
def test_an_opened_card_is_seen_with_all_its_switches_at_once(window, line):
    board, scroll = window.desk.board, window._sidebar_scroll
    board.take([parse_variant(item) for item in ("pytorch", "pytorch:bf16", line + "+tome=0.4")])
    board.open_card(board.cards[2].number)
    card = window.board_panel.cards[board.cards[2].number]
    assert card.height() >= card.sizeHint().height() - 4
    for row in (card, *card._options.values()):
        top = row.mapTo(scroll.viewport(), row.rect().topLeft()).y()
        assert top >= 0 and top + row.height() <= scroll.viewport().height()
    before = card.height()
    board.set_backend(card.number, "openvino" if line == "opencl" else "opencl")
    assert all(row.isVisible() for row in card._options.values())
    assert (card.sizeHint().height() > before) is (line != "opencl")


def test_every_switch_tells_what_it_does_what_it_costs_and_where_it_comes_from(window):
    for backend in BACKENDS.values():
        window.desk.board.take([parse_variant(backend.name)])
        number = window.desk.board.cards[0].number
        window.desk.board.open_card(number)
        for item in backend.optimizations:
            tip = unescape(find(window.board_panel.cards[number], QWidget, f"option_{item.name}").toolTip())
            assert item.gain in tip and f"Cost:</b> {item.cost}" in tip and item.source in tip
            assert item.source.startswith("https://") and item.gain.endswith(".") and item.cost.endswith(".")


def test_what_cannot_be_had_is_disabled_with_the_reason(window):
    from backends.devices import Device
    from workbench.devices import Devices

    board, availability = window.desk.board, window.desk.availability
    number = board.cards[0].number
    board.open_card(number)
    device = Device("pytorch", "cpu", "a processor", "CPU", precisions=("fp32",))
    availability.take(
        [Devices("pytorch", (device,)), Devices("opencl", error="no OpenCL runtime is installed")]
    )
    window.board_panel.devices_found()
    card = window.board_panel.cards[number]
    item = card.precision.model().item(card.precision.findData("bf16"))
    assert not item.isEnabled() and "no bf16" in item.toolTip()
    item = card.backend.model().item(card.backend.findData("opencl"))
    assert not item.isEnabled() and "no OpenCL" in item.toolTip()
    board.set_precision(number, "bf16")
    assert "no bf16" in card.problem.text() and card.problem.isVisible()


def test_presets_and_pasted_lines_fill_the_board(window):
    from workbench.desk.presets import presets

    for preset in presets(window.desk.availability):
        window.board_panel.take_preset(preset)
        assert len(window.board_panel.cards) == len(preset.lines), preset.title
    window.desk.board.take(window.desk.board.variants[:2])
    QGuiApplication.clipboard().setText("opencl:fp16-winograd")
    find(window, QAbstractButton, "pasteVariantButton").click()
    assert window.desk.board.cards[-1].line == "opencl:fp16-winograd"
    QGuiApplication.clipboard().setText("nonsense")
    find(window, QAbstractButton, "pasteVariantButton").click()
    problem = find(window, QLabel, "boardProblem")
    assert problem.isVisible() and "nonsense" in problem.text()
    window.desk.board.duplicate(window.desk.board.cards[0].number)
    assert not window.desk.execution.run() and "same as another" in problem.text()


def test_a_moved_card_and_another_baseline_are_seen_in_the_grid_at_once(qtbot, window, done):
    run(qtbot, window, done)
    board, grid, experiment = window.desk.board, window.work.grid, window.desk.experiment
    pictures = [experiment.cell(0, column).picture for column in (0, 1)]
    qtbot.keyClick(
        window.board_panel.cards[board.cards[1].number], Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier
    )
    assert [grid.cells[0, column].canvas.picture for column in (0, 1)] == pictures[::-1]
    details = [heading.detail.text() for heading in grid._headings]
    assert details == ["− Fused attention", "baseline"]
    board.set_baseline(board.cards[0].number)
    assert [heading.detail.text() for heading in grid._headings] == [
        "baseline · − Fused attention",
        "",
    ]
    assert grid.cells[0, 1].speedup.isVisible() and not grid.cells[0, 0].speedup.isVisible()
    qtbot.waitUntil(lambda: experiment.cell(0, 1).result.quality.psnr_db is not None, timeout=LONG)
    assert "dB" in grid.cells[0, 1].quality.text() or grid.cells[0, 1].quality.text() == "identical"


def test_a_card_is_copied_and_pasted_as_one_line_by_keyboard(qtbot, window):
    board = window.desk.board
    control = Qt.KeyboardModifier.ControlModifier
    card = window.board_panel.cards[board.cards[1].number]
    qtbot.keyClick(card, Qt.Key.Key_C, control)
    assert QGuiApplication.clipboard().text() == "pytorch:fp32-sdpa"
    qtbot.keyClick(card, Qt.Key.Key_V, control)
    assert [item.line for item in board.cards] == ["pytorch:fp32", "pytorch:fp32-sdpa", "pytorch:fp32-sdpa"]


def test_twelve_variants_stand_side_by_side(qtbot, window, done):
    lines = ["pytorch", "pytorch-sdpa", "pytorch+channels_last"]
    lines += [f"pytorch+tome={ratio / 20}" for ratio in range(1, 10)]
    window.desk.board.take([parse_variant(line) for line in lines])
    assert not window.board_panel.add.isVisible()
    for number in window.board_panel.cards:
        window.desk.board.open_card(number)
    window.desk.experiment.begin(
        Comparison(
            "critters",
            window.desk.form.draft.requests(),
            window.desk.board.variants,
            parse_variant("pytorch"),
        ),
        [Column(card.variant, card.colour, place + 1) for place, card in enumerate(window.desk.board.cards)],
        window.desk.form.models[0],
    )
    cells = window.work.grid.cells
    assert len(cells) == 12 and all(cell.width() >= 148 for cell in cells.values())
    window.desk.selection.look_at((0, 11))
    qtbot.waitUntil(lambda: not cells[0, 11].visibleRegion().isEmpty())
    window.show_ab()
    assert window.work.ab.choice_b.count() == 12
    for title in window.work.charts.pages:
        window.open_chart(title)
        window.grab()


def test_with_eight_columns_every_name_is_read_and_no_figure_is_cut(qtbot, open_window):
    script = LiveScript()
    window = open_window(script)
    lines = ["pytorch", "pytorch:bf16", "pytorch:fp16", "openvino", "openvino:bf16", "openvino:int8"]
    window.desk.board.take([parse_variant(line) for line in (*lines, "opencl", "opencl:fp16")])
    window.desk.form.edit(prompt="a bird", steps=2, size="64 × 64")
    window.run()
    Play(window.desk, script).round()
    grid = window.work.grid
    qtbot.waitUntil(lambda: grid._headings[7].figure.text().endswith("×"))
    for heading in grid._headings:
        title = heading.title
        qtbot.waitUntil(lambda title=title: title._elidedText() == title.text())
        assert heading.figure.isHidden() or heading.figure.width() >= heading.figure.sizeHint().width()
    for cell in grid.cells.values():
        assert cell.quality._elidedText() == cell.quality.text()
    assert grid.cells[0, 1].speedup.isVisible()
    window.resize(2560, 1440)
    qtbot.waitUntil(lambda: all(heading.figure.isVisible() for heading in grid._headings[1:]))
    assert "dB" in grid.cells[0, 1].quality.text()


def test_the_reason_of_a_failure_is_read_over_the_picture_of_an_earlier_run(qtbot, open_window):
    script = LiveScript()
    window = open_window(script)
    window.desk.board.take([parse_variant("pytorch"), parse_variant("pytorch:bf16")])
    window.desk.form.edit(prompt="a bird", steps=2, size="64 × 64", keep_seed=True)
    for fail in (None, "pytorch:bf16"):
        window.run()
        Play(window.desk, script).round(fail)
    good, failed = window.work.grid.cells[0, 0], window.work.grid.cells[0, 1]
    assert failed.canvas.picture is not None and failed.canvas.dimmed and "SIGKILL" in failed.status.text()
    assert failed.retry.isVisible() and not good.canvas.dimmed
    qtbot.waitUntil(
        lambda: failed.canvas.frame().toRect().adjusted(-1, 0, 1, 0).contains(failed.status.geometry())
    )


@pytest.fixture
def twelve(open_window):
    """A window after a run of twelve variants."""
    script = LiveScript()
    window = open_window(script)
    lines = [
        "pytorch",
        "pytorch:bf16",
        "pytorch-sdpa",
        "openvino",
        "openvino:bf16",
        "openvino:int8",
        "opencl",
        "opencl-all",
    ]
    lines += ["openvino:int8+tome=0.4", "opencl-winograd", "pytorch+channels_last", "pytorch:bf16+tome=0.4"]
    window.desk.board.take([parse_variant(line) for line in lines])
    window.desk.form.edit(prompt="a bird", steps=2, size="64 × 64")
    window.run()
    Play(window.desk, script).round()
    return window


def test_twelve_variants_fill_a_large_screen_in_lines_with_their_headings(qtbot, twelve):
    window, grid = twelve, twelve.work.grid
    assert len({cell.y() for cell in grid.cells.values()}) == 1
    window.resize(2560, 1440)
    qtbot.waitUntil(lambda: len({cell.y() for cell in grid.cells.values()}) == 2)
    qtbot.waitUntil(lambda: all(cell.canvas.frame().width() > 200 for cell in grid.cells.values()))
    for place, heading in enumerate(grid._headings):
        cell = grid.cells[0, place]
        assert heading.isVisible() and (heading.x(), heading.geometry().bottom() + 1) == (cell.x(), cell.y())
    assert grid._scroll.verticalScrollBar().maximum() == 0
    grid.cells[0, 1].setFocus()
    window.desk.selection.look_at((0, 1))
    qtbot.keyClick(grid.cells[0, 1], Qt.Key.Key_Down)
    assert window.desk.selection.current == (0, 7)
    qtbot.keyClick(grid.cells[0, 7], Qt.Key.Key_Up)
    assert window.desk.selection.current == (0, 1)
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: len({cell.y() for cell in grid.cells.values()}) == 1)
    assert all(heading.isVisible() for heading in grid._headings)


def test_no_speed_up_stands_without_quality_in_the_narrowest_cells(qtbot, twelve):
    for place, cell in list(twelve.work.grid.cells.items())[1:]:
        assert cell.width() == 148 and cell.speedup.isVisible() and cell.quality.text(), place
        assert cell.quality._elidedText() == cell.quality.text()
        assert cell.time.width() >= cell.time.sizeHint().width()


def test_many_dots_are_numbered_and_listed_and_few_bear_their_names(qtbot, twelve):
    window = twelve
    window.open_chart("Trade-off")
    view = window.work.charts.tradeoff
    qtbot.waitUntil(view.list.isVisible)
    shown = [label for label in view._labels._labels if label.isVisible()]
    assert sorted(int(label.toPlainText()) for label in shown) == list(range(1, 13))
    top = view.plot.item.vb.viewRange()[1][1]
    assert 1.0 < top < 1.01
    assert (
        len(
            [label for label in view.list.findChildren(QLabel) if label.text() == FRONT and label.isVisible()]
        )
        >= 1
    )
    window.desk.board.take(list(window.desk.board.variants[:4]))
    window.run()
    Play(window.desk, window.desk.execution._runner).round()
    qtbot.waitUntil(lambda: not view.list.isVisible())
    qtbot.waitUntil(
        lambda: any(
            "PyTorch bf16" in label.toPlainText() for label in view._labels._labels if label.isVisible()
        )
    )


@pytest.mark.parametrize("size", [(1280, 800), (2560, 1440)])
@pytest.mark.parametrize(
    ("title", "name"), [("Timeline", "timelinePlot"), ("Stages", "stageBarsPlot"), ("Memory", "weightsPlot")]
)
def test_no_word_of_a_chart_is_cut_or_lies_on_another_at_any_size(qtbot, twelve, title, name, size):
    """Also after a change of the size: words are laid out in pixels."""
    twelve.open_chart(title)
    twelve.resize(*(2560, 1440) if size[0] == 1280 else (1280, 800))
    qtbot.wait(150)
    twelve.resize(*size)
    plot = find(twelve, QWidget, name)
    qtbot.waitUntil(lambda: _words_apart(plot))


def _words_apart(plot) -> bool:
    room = plot.item.vb.sceneBoundingRect().adjusted(-1, -1, 1, 1)
    boxes = [
        item.mapRectToScene(item.textItem.mapRectToParent(item.textItem.boundingRect())).adjusted(
            4, 4, -4, -4
        )
        for item in plot.item.items
        if isinstance(item, TextItem) and item.isVisible() and item.toPlainText().strip()
    ]
    apart = not any(box.intersects(other) for place, box in enumerate(boxes) for other in boxes[:place])
    return len(boxes) >= 12 and apart and all(room.contains(box) for box in boxes)


def test_a_run_of_fewer_variants_begins_under_an_open_table(qtbot, open_window):
    """Qt asks the table before it has the new figures; an error in what answers ends the process."""
    script = LiveScript()
    window = open_window(script)
    lines = ["pytorch", "pytorch:bf16", "openvino", "opencl", "opencl:fp16"]
    window.desk.board.take([parse_variant(line) for line in lines])
    window.desk.form.edit(prompt="a bird", steps=2, size="64 × 64")
    window.run()
    Play(window.desk, script).round()
    window.open_chart("Table")
    view = window.work.charts.table
    qtbot.waitUntil(lambda: view.model.rowCount() == 5)
    window.desk.board.take([parse_variant(line) for line in lines[:2]])
    assert window.desk.execution.run()
    shown = view.model
    for row in range(shown.rowCount()):
        assert shown.data(shown.index(row, 0), Qt.ItemDataRole.DisplayRole)
        assert not shown.data(shown.index(row, 0), Qt.ItemDataRole.DecorationRole).isNull()
    view._look_at(view.sorted.index(4, 0))
    view.table.grab()
    qtbot.waitUntil(lambda: view.model.rowCount() == 2)
    Play(window.desk, script).round()
