"""What the charts show, from a comparison whose times are known."""

from __future__ import annotations

import csv
import io
import math

import pytest

from backends.contract import Picture, Span
from workbench.charts.difference import difference, pair_figures, pixel_at
from workbench.charts.figures import Spread, figures, spread
from workbench.charts.lanes import Lane, Piece, across, along, compare, describe, lanes, piece_at
from workbench.charts.marks import spaced
from workbench.charts.memory import merged, series
from workbench.charts.table import table, to_csv, to_markdown, to_tsv
from workbench.charts.tradeoff import Point, pareto_front, points
from workbench.timeline import Block, format_bytes, format_left, format_ms


@pytest.fixture
def experiment(desk, play):
    desk.form.edit(seed="1,2", repeats=2)
    desk.execution.run()
    play.round()
    return desk.experiment


def test_figures_are_over_all_rows_and_repeats(experiment):
    base, other = figures(experiment)
    assert base.total and other.total and other.iteration
    assert (base.runs, base.total.median, base.speedup) == (4, 40.0, 1.0)
    assert (other.runs, other.total.median, other.speedup, other.iteration.count) == (4, 20.0, 2.0, 8)
    assert other.stages["unet"].median == 20.0 and (other.ssim, other.psnr_db) == (0.98, 40.0)
    assert figures(experiment, row=1)[0].runs == 2


def test_a_spread_is_the_middle_half():
    found = spread([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found is not None and (found.median, found.low, found.high, found.half) == (3.0, 2.0, 4.0, 1.0)
    assert spread([]) is None and spread([7.0]) == Spread(7.0, 7.0, 7.0, 1)


def test_lanes_start_together_and_two_pieces_have_a_ratio(experiment):
    first, second = lanes(experiment, 0)
    assert [piece.start_ms for piece in first.stages] == [0.0, 20.0] and first.end_ms == 40.0
    assert compare(first.stages[0], second.stages[0]) == "20 ms and 10 ms: 2.00× (10 ms apart)"
    assert describe(first.stages[1], first) == "UNet 2 of 2: 20 ms, from 20 ms, 50.0% of the run"
    assert piece_at((first, second), 1, 15.0) is second.stages[1]
    assert piece_at((first, second), 1, 99.0) is None and piece_at((first,), 4, 1.0) is None


def test_an_operation_tells_its_rate_and_share(experiment):
    lane = lanes(experiment, 0)[0]
    kernel = Piece(0, "unet", "conv", 0.0, 5.0, 0, True, flops=10**9, bytes=10**6, module="down")
    assert describe(kernel, lane) == "conv: 5.0 ms, 25.0% of this UNet call, 200 GFLOP/s, 0.2 GB/s, down"


def test_lanes_are_aligned_at_the_unet(desk, play):
    desk.execution.run()
    events = play.events()
    for event in events:
        if hasattr(event, "result"):
            early = Span("text", "text_encoder", event.result.start_ns - 7_000_000, event.result.start_ns)
            spans = (early, *event.result.spans)
            event = type(event)(
                event.variant,
                event.request,
                event.repeat,
                type(event.result)(
                    event.result.request, event.result.variant, "ok", start_ns=early.start_ns,
                    end_ns=event.result.end_ns, spans=spans,
                ),
                event.picture,
            )  # fmt: skip
        desk.execution.handle(event)
    lane = lanes(desk.experiment, 0, "unet")[0]
    assert [piece.start_ms for piece in lane.stages] == [-7.0, 0.0, 20.0] and lane.end_ms == 40.0


def test_a_run_in_progress_has_a_lane_too(desk, play):
    desk.execution.run()
    for event in play.events():
        desk.execution.handle(event)
        if hasattr(event, "preview"):
            break
    lane = lanes(desk.experiment, 0)[0]
    assert lane.running and len(lane.stages) == 1 and lane.end_ms == 1020.0


def test_memory_over_time_knows_its_peak(experiment):
    first = series(experiment, 0)[0]
    assert first.times_ms == (0.0, 40.0) and first.peak == (40.0, 500)
    bands = merged(
        (Block("unet", 0, 1), Block("scheduler", 1, 2), Block("unet", 2, 3), Block("vae_decoder", 3, 4))
    )
    assert bands == (Block("unet", 0, 3), Block("vae_decoder", 3, 4))


def test_the_front_holds_what_nothing_beats():
    found = [Point(0, 1.0, 1.0, ""), Point(1, 2.0, 0.9, ""), Point(2, 1.5, 0.8, ""), Point(3, 2.0, 0.7, "")]
    assert [point.column for point in pareto_front(found)] == [0, 1]


def test_every_measure_of_quality_has_its_points(experiment):
    found = figures(experiment)
    assert [(point.speedup, point.quality) for point in points(found, 0, "ssim")] == [(1.0, 1.0), (2.0, 0.98)]
    assert points(found, 0, "psnr")[1].label == "40.0 dB"
    assert [point.column for point in points(found, 0, "fidelity")] == [1]


def test_the_table_is_copied_as_markdown_and_with_separators(experiment):
    shown = table(experiment)
    lines = to_markdown(shown).splitlines()
    assert lines[0].startswith("| Variant | Runs | Total (ms) | Speed-up (×) |")
    assert lines[2].startswith("| pytorch:fp32 (baseline) | 4 runs | 40.0 ± 0.0 | 1.00× |")
    rows = list(csv.reader(io.StringIO(to_tsv(shown)), delimiter="\t"))
    assert rows[2][:4] == ["pytorch:bf16", "4", "20.000", "2"]
    assert list(csv.reader(io.StringIO(to_csv(shown)))) == rows


def test_synthetic_weights_have_no_quality_and_every_copy_says_so(desk, play):
    desk.form.choose_model("sd14-synthetic")
    desk.form.edit(steps=2)
    desk.execution.run()
    play.round()
    shown = table(desk.experiment)
    assert not {"PSNR", "SSIM", "Fidelity"} & {heading.title for heading in shown.headings}
    assert "Synthetic" in to_markdown(shown) and "synthetic" in to_csv(shown)


def test_two_pictures_differ_where_they_do():
    one = Picture(16, 16, bytes(768))
    other = Picture(16, 16, bytes([9, 0, 0]) + bytes(765))
    apart = difference(one, other)
    assert apart.shape == (16, 16) and apart[0, 0] == 9 and apart.sum() == 9
    same = pair_figures(one, one)
    assert math.isinf(same.psnr_db) and same.ssim == 1.0 and same.equal_share == 1.0
    assert pair_figures(one, other).largest == 9
    assert pixel_at(other, 0.0, 0.0) == (9, 0, 0) and pixel_at(other, 1.0, 0.5) is None


def test_figures_read_as_people_write_them():
    assert [format_ms(value) for value in (0.42, 4.24, 118.4, 3420, 59_990, 125_000)] == [
        "0.42 ms",
        "4.2 ms",
        "118 ms",
        "3.42 s",
        "59.99 s",
        "2 min 05 s",
    ]
    assert [format_left(value) for value in (0.2, 4.4, 200)] == [
        "less than a second left",
        "about 4 s left",
        "about 3 min left",
    ]
    assert [format_bytes(value) for value in (None, 4_100_000, 845_000_000, 1_240_000_000)] == [
        "–",
        "4.1 MB",
        "845 MB",
        "1.24 GB",
    ]


def test_every_block_and_operation_is_reached_step_by_step():
    def piece(lane: int, start: float, end: float, kernel: bool = False) -> Piece:
        return Piece(lane, "unet", "conv" if kernel else "unet", start, end, kernel=kernel)

    first = Lane(
        0, (piece(0, 0, 10), piece(0, 10, 20)), tuple(piece(0, at, at + 2, True) for at in (0, 2, 10, 13))
    )
    second, third = Lane(1), Lane(2, (piece(2, 0, 5), piece(2, 5, 30)))
    found = (first, second, third)
    stages = [*first.stages, *third.stages]
    seen = [along(found, None, 1)]
    while len(seen) < 4:
        seen.append(along(found, seen[-1], 1))
    assert seen == stages and along(found, stages[-1], 1) is stages[-1]
    assert along(found, stages[0], -1) is stages[0]
    inside = along(found, first.stages[1], 1, kernels=True)
    assert inside is first.kernels[2] and along(found, inside, 1, kernels=True) is first.kernels[3]
    assert along(found, inside, 1) is first.stages[1], "out of the operations again"
    assert across(found, first.stages[1], 1) is third.stages[1], "an empty lane is passed over"
    assert across(found, third.stages[0], -1) is first.stages[0]
    assert across(found, third.stages[0], 1) is third.stages[0]
    assert across(found, inside, 1) is inside, "no other lane has operations"
    assert along((), None, 1) is across((), None, 1) is None


def test_marks_on_a_curve_are_few_and_even_and_the_last_point_has_one():
    assert spaced(3, 6) == [0, 1, 2] and spaced(0, 6) == []
    places = spaced(200, 6)
    assert len(places) == 6 and places[-1] == 199
    assert max(after - before for before, after in zip(places, places[1:], strict=False)) <= 34


def test_the_table_has_every_stage(desk, play):
    desk.execution.run()
    play.round()
    titles = [heading.title for heading in table(desk.experiment).headings]
    assert titles[4:10] == ["UNet iteration", "Tokenizer", "Text encoder", "UNet", "Scheduler", "VAE decoder"]
