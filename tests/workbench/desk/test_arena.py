"""What the map of an arena says, from one that fits in the head."""

from __future__ import annotations

from dataclasses import replace

from backends.contract import Arena, Tensor
from workbench.charts.arena import arenas, describe, needed_bytes, peak, stages, summary, tensor_at

FIRST = Tensor("norm", "down.0", 400, 0, 0, 1)
SECOND = Tensor("conv", "down.1", 600, 1024, 1, 2)
LAST = Tensor("out", "", 300, 0, 2, 3)
UNET = Arena("unet", 2048, 3, (FIRST, SECOND, LAST))


def test_the_peak_is_where_the_most_bytes_are_needed_at_once():
    assert needed_bytes(UNET) == [400, 1000, 900, 300]
    assert peak(UNET) == (1, 1000)


def test_a_point_of_the_map_is_the_tensor_that_lies_there():
    assert tensor_at(UNET, 0.5, 399) is FIRST and tensor_at(UNET, 1.99, 0) is FIRST
    assert tensor_at(UNET, 2.0, 0) is LAST and tensor_at(UNET, 1.0, 1024) is SECOND
    assert tensor_at(UNET, 0.5, 400) is None and tensor_at(UNET, 0.5, 1100) is None


def test_a_tensor_tells_its_name_bytes_lifetime_and_layer():
    assert describe(FIRST, UNET) == "norm: 400 bytes at the start, operation 1 to 2 of 3 · down.0"
    assert describe(SECOND, UNET) == "conv: 600 bytes at 1 kB, operation 2 to 3 of 3 · down.1"
    assert describe(LAST, UNET) == "out: 300 bytes at the start, operation 3 to the end"


def test_an_arena_says_what_sharing_saves():
    large = replace(UNET, tensors=tuple(replace(item, size=item.size * 10) for item in UNET.tensors))
    assert summary(large) == "3 tensors, 13 kB, in 2 kB (6.3× less); peak at operation 2 of 3"
    assert "nothing is shared" in summary(UNET)


def test_the_arenas_of_a_row_come_by_column_and_the_unet_is_offered_first(desk, play):
    desk.execution.run()
    play.round()
    experiment = desk.experiment
    assert arenas(experiment, 0) == {}
    cell = experiment.cell(0, 1)
    assert cell.result is not None
    text = replace(UNET, stage="text_encoder")
    known = replace(cell.result, arenas=(text, UNET))
    experiment.cells[0, 1] = replace(cell, results=(known,))
    assert arenas(experiment, 0) == {1: (text, UNET)}
    assert stages(known.arenas) == ["unet", "text_encoder"]
