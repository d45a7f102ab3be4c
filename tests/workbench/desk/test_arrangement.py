"""What is shown follows the board: order, numbers, colours and baseline."""

from __future__ import annotations

import pytest

from backends.variants import format_variant, parse_variant
from tests.workbench.desk.script import picture
from workbench.charts.figures import figures
from workbench.charts.table import table
from workbench.desk.desk import Judged
from workbench.results import Quality

LINES = ("pytorch", "pytorch:bf16", "openvino")


@pytest.fixture
def three(desk, play):
    """A desk with a finished comparison of three variants and two seeds."""
    desk.board.take([parse_variant(line) for line in LINES])
    desk.form.edit(seed="1,2")
    desk.execution.run()
    play.round()
    return desk


def columns(desk):
    return [(column.badge, format_variant(column.variant)) for column in desk.experiment.columns]


def test_a_moved_card_takes_its_column_its_number_and_its_results_along(three):
    before = {
        (cell.row, three.experiment.columns[cell.column].variant): cell.results for cell in cells(three)
    }
    three.selection.look_at((1, 2))
    three.selection.set_b((1, 2))
    queue = [(entry.row, three.experiment.columns[entry.column].variant) for entry in three.execution.queue]
    three.board.move(three.board.cards[2].number, 0)
    assert columns(three) == [(1, "openvino:fp32"), (2, "pytorch:fp32"), (3, "pytorch:bf16")]
    assert list(three.experiment.cells) == [(row, column) for row in range(2) for column in range(3)]
    for cell in cells(three):
        assert cell.results == before[cell.row, three.experiment.columns[cell.column].variant]
    assert three.selection.current == three.selection.b == (1, 0) and three.selection.a == (0, 1)
    assert queue == [
        (entry.row, three.experiment.columns[entry.column].variant) for entry in three.execution.queue
    ]
    assert three.experiment.baseline == 1 and three.experiment.comparison.baseline == parse_variant("pytorch")


def test_a_card_moved_in_the_middle_of_a_run_does_not_mix_up_its_cells(desk, play):
    desk.execution.run()
    events = play.events()
    for event in events[:5]:
        desk.execution.handle(event)
    desk.board.move(desk.board.cards[1].number, 0)
    for event in events[5:]:
        desk.execution.handle(event)
    play.free()
    for cell in cells(desk):
        assert cell.phase == "done"
        assert [result.variant for result in cell.results] == [desk.experiment.columns[cell.column].variant]
    assert [entry.step for entry in desk.execution.queue] == ["done", "done"]


def test_a_removed_variant_keeps_a_number_that_no_other_has(three):
    three.board.remove(three.board.cards[1].number)
    assert columns(three) == [(1, "pytorch:fp32"), (3, "pytorch:bf16"), (2, "openvino:fp32")]
    three.board.set_variant(three.board.cards[0].number, parse_variant("opencl"))
    assert columns(three)[0] == (1, "pytorch:fp32")


def test_another_baseline_rebases_speed_up_and_quality(three):
    assert figures(three.experiment)[1].speedup == 2.0 and figures(three.experiment)[1].psnr_db == 40.0
    judged: list[Judged] = []
    three.measured.connect(judged.append)
    three.board.set_baseline(three.board.cards[1].number)
    base, new_base, third = figures(three.experiment)
    assert (base.speedup, new_base.speedup, third.speedup) == (0.5, 1.0, 1.0)
    assert (third.psnr_db, third.ssim, third.fidelity) == (None, None, 0.9)
    assert "(baseline)" in table(three.experiment).rows[1][0].text
    wait_for(judged, 4)
    for one in judged:
        three.take_quality(one)
    base, new_base, third = figures(three.experiment)
    assert base.psnr_db == third.psnr_db == float("inf") and new_base.psnr_db is None
    assert third.fidelity == 0.9


def test_a_baseline_chosen_while_a_run_is_on_counts_from_its_end(desk, play):
    desk.execution.run()
    events = play.events()
    for event in events[:4]:
        desk.execution.handle(event)
    desk.board.set_baseline(desk.board.cards[1].number)
    assert desk.experiment.baseline == 0
    for event in events[4:]:
        desk.execution.handle(event)
    play.free()
    assert desk.experiment.baseline == 1 and figures(desk.experiment)[0].speedup == 0.5


def test_quality_against_another_baseline_than_the_present_one_is_not_taken(three):
    cell = three.experiment.cell(0, 1)
    three.take_quality(Judged(cell.picture, Quality(1.0, 0.1, None), parse_variant("openvino")))
    three.take_quality(Judged(picture(7), Quality(1.0, 0.1, None), parse_variant("pytorch")))
    assert three.experiment.cell(0, 1).result.quality.psnr_db == 40.0


def test_the_same_again_with_another_baseline_shows_no_likeness_to_the_old_one(three, play):
    three.board.set_variant(three.board.cards[0].number, parse_variant("opencl"))
    three.board.set_baseline(three.board.cards[2].number)
    three.execution.run()
    kept = three.experiment.cell(0, 1).result.quality
    assert kept is not None and (kept.psnr_db, kept.prompt_fidelity) == (None, 0.9)


def cells(desk):
    return list(desk.experiment.cells.values())


def wait_for(found: list, count: int) -> None:
    import time

    until = time.monotonic() + 20
    while len(found) < count and time.monotonic() < until:
        time.sleep(0.01)
    assert len(found) == count
