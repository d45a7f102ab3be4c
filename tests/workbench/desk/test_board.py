"""Variants as cards."""

from __future__ import annotations

import threading
from queue import Queue

import pytest

from backends.devices import Device
from backends.variants import InvalidVariant, parse_variant
from workbench.desk.availability import Availability
from workbench.desk.board import MAXIMUM_CARDS, Board, are_variants
from workbench.desk.naming import differences, lane_title, short_title
from workbench.desk.presets import EVERYTHING, presets
from workbench.devices import Devices
from workbench.workers import Stopped


@pytest.fixture
def board() -> Board:
    return Board([parse_variant(line) for line in ("pytorch", "openvino", "opencl")])


def lines(board: Board) -> list[str]:
    return [card.line for card in board.cards]


def test_cards_are_added_copied_moved_and_removed(board):
    first, second, _ = board.cards
    copy = board.duplicate(first.number)
    assert lines(board) == ["pytorch:fp32", "pytorch:fp32", "openvino:fp32", "opencl:fp32"]
    assert board.open == copy.number and board.twins() == {copy.number}
    assert len({card.colour for card in board.cards}) == 4
    board.move(copy.number, 3)
    assert lines(board)[-1] == "pytorch:fp32"
    board.remove(first.number)
    assert board.baseline == second.number, "without its baseline, the first card is it"


def test_the_board_keeps_one_card_and_holds_no_more_than_twelve(board):
    while board.add() is not None:
        pass
    assert len(board) == MAXIMUM_CARDS and "at most 12" in board.problem
    for card in list(board.cards):
        board.remove(card.number)
    assert len(board) == 1 and "has to stay" in board.problem
    with pytest.raises(InvalidVariant):
        board.take([])


def test_another_backend_keeps_what_it_has_too(board):
    number = board.cards[0].number
    board.set_precision(number, "bf16")
    board.set_option(number, "tome", 0.5)
    board.set_option(number, "channels_last", True)
    board.set_backend(number, "openvino")
    assert board.card(number).line == "openvino:bf16+tome=0.5"
    board.set_backend(number, "opencl")
    assert board.card(number).line == "opencl:fp32+tome=0.5"


def test_pasted_lines_become_cards_and_nonsense_is_told(board):
    board.paste("pytorch:bf16\nopenvino:int8+tome=0.4")
    assert lines(board)[-2:] == ["pytorch:bf16", "openvino:int8+tome=0.4"]
    board.paste("pytorsh")
    assert "pytorsh" in board.problem and len(board) == 5


def test_a_board_survives_json_and_nonsense_changes_nothing(board):
    board.set_baseline(board.cards[1].number)
    board.set_colour(board.cards[0].number, 7)
    other = Board([parse_variant("pytorch")])
    assert other.restore(board.to_json())
    assert other.to_json() == board.to_json()
    for nonsense in (None, {}, {"variants": ["x"], "colours": [0], "baseline": 0}, {"variants": 3}):
        assert not other.restore(nonsense)
    assert other.to_json() == board.to_json()


def test_headings_say_what_differs():
    assert short_title(parse_variant("openvino:int8")) == "OpenVINO INT8"
    assert differences(parse_variant("pytorch-sdpa+tome=0.4")) == "− Fused attention · + Token merging 0.4"
    assert differences(parse_variant("opencl-all")) == "everything off"
    assert len(lane_title(parse_variant("pytorch-sdpa+tome=0.4"))) <= 38


def test_every_preset_fits_the_board_and_its_variants_differ(board):
    for preset in presets(Availability()):
        board.take([parse_variant(line) for line in preset.lines])
        assert not board.twins(), preset.title


def test_what_a_machine_lacks_is_said_and_left_out_of_everything():
    availability = Availability()
    availability.take(
        [
            Devices(
                "pytorch", (Device("pytorch", "cpu", "a processor", "CPU", precisions=("fp32", "bf16")),)
            ),
            Devices("openvino", (Device("openvino", "CPU", "a processor", "CPU", precisions=("fp32",)),)),
            Devices("opencl", error="no OpenCL runtime is installed"),
        ]
    )
    assert availability.backend_reason("opencl") == "no OpenCL runtime is installed"
    assert "no int8" in availability.precision_reason("openvino", None, "int8")
    assert "no device GPU" in availability.precision_reason("openvino", "GPU", "fp32")
    everything = next(item for item in presets(availability) if item.title == EVERYTHING)
    assert everything.lines == ("pytorch:fp32", "pytorch:bf16", "openvino:fp32")


def test_backends_that_cannot_be_asked_hold_up_no_run(monkeypatch):
    def broken(_: threading.Event):
        raise RuntimeError("no process could be started")

    heard = Queue()
    monkeypatch.setattr(threading, "excepthook", heard.put)
    availability, told = Availability(broken), threading.Event()
    availability.changed.connect(told.set)
    availability.find()
    assert "no process" in str(heard.get(timeout=10).exc_value)
    assert told.is_set() and not availability.looking
    assert availability.backend_reason("opencl") == ""


def test_asking_ends_with_the_desk_and_says_nothing(monkeypatch):
    complaints, asked = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", complaints.append)

    def endless(cancelled: threading.Event):
        asked.set()
        cancelled.wait(60)
        raise Stopped

    availability = Availability(endless)
    availability.find()
    assert asked.wait(10) and availability.looking
    availability.close()
    assert not availability.looking and not complaints


def test_a_text_is_told_to_be_variants_before_it_is_pasted():
    assert are_variants("pytorch\nopenvino:int8+tome=0.4 opencl:fp16-winograd")
    for other in ("", "  ", "a cat", "pytorch and openvino"):
        assert not are_variants(other)


def test_twelve_cards_are_run_as_twelve_columns(desk, script, play):
    lines = [f"opencl:fp16-all{option}" for option in ("", "+gelu", "+softmax", "+group_norm", "+winograd")]
    lines += [
        "pytorch",
        "pytorch:bf16",
        "pytorch:fp16",
        "openvino",
        "openvino:bf16",
        "openvino:int8",
        "opencl",
    ]
    desk.board.paste("\n".join(lines))
    assert len(desk.board) == 12 and "at most 12" in desk.board.problem
    desk.board.take([parse_variant(line) for line in lines])
    assert len({card.colour for card in desk.board.cards}) == 12
    assert desk.board.duplicate(desk.board.cards[0].number) is None
    assert desk.execution.run()
    play.round()
    assert [column.badge for column in desk.experiment.columns] == list(range(1, 13))
    assert all(cell.phase == "done" for cell in desk.experiment.cells.values())
