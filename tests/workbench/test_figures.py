"""Figures, their spread, and what is said where the machine was too noisy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workbench import samples
from workbench.figures import compare, figure, figures_of, noise_warnings, pace


def test_a_figure_lies_between_its_quartiles_or_its_extremes_where_values_are_few() -> None:
    few = figure("a", "A", "ms", [30.0, 10.0, 20.0])
    assert (few.value, few.low, few.high, few.spread) == (20, 10, 30, 10)
    many = figure("a", "A", "ms", [10.0, 20.0, 30.0, 40.0, 1000.0])
    assert (many.value, many.low, many.high) == (30, 20, 40)
    assert figure("a", "A", "ms", [5.0]).spread is None


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([10, 11, 12], [5, 6, 7], "lower"),
        ([5, 6, 7], [10, 11, 12], "higher"),
        ([5, 6, 7], [7, 8, 9], "same"),
        ([5], [9, 10, 11], "unclear"),
    ],
)
def test_figures_differ_only_where_their_ranges_do_not_touch(
    before: list[float], after: list[float], verdict: str
) -> None:
    assert compare(figure("a", "A", "ms", before), figure("a", "A", "ms", after)) == verdict


def test_what_is_exact_changes_with_its_last_shown_digit() -> None:
    def exact(value: float):
        return figure("psnr", "PSNR", "dB", [value], exact=True, digits=1)

    assert compare(exact(30.0), exact(30.04)) == "same"
    assert compare(exact(30.0), exact(30.2)) == "higher"
    assert compare(exact(math.inf), exact(math.inf)) == "same"
    assert compare(exact(math.inf), exact(30.0)) == "lower"


@given(st.lists(st.floats(0.1, 1e6), min_size=2), st.lists(st.floats(0.1, 1e6), min_size=2))
def test_a_verdict_turned_round_is_its_opposite(one: list[float], other: list[float]) -> None:
    first, second = figure("a", "A", "ms", one), figure("a", "A", "ms", other)
    opposite = {"lower": "higher", "higher": "lower", "same": "same"}
    assert compare(second, first) == opposite[compare(first, second)]


def test_every_figure_of_a_variant_is_there_with_its_unit() -> None:
    found = figures_of(samples.document().summaries()[1])
    assert {"load_seconds", "unet_ms", "total_ms", "peak_rss_mb", "weights_mb", "psnr_db", "ssim"} <= set(
        found
    )
    assert found["unet_ms"].count == 3 * samples.REQUEST.steps and found["total_ms"].count == 3
    assert found["weights_mb"].exact and found["weights_mb"].value == 50


def test_the_pace_of_a_unet_only_run_is_one_iteration() -> None:
    summary = samples.document(unet_only=True, synthetic=True).summaries()[0]
    found = pace(summary)
    assert found is not None and found.name == "unet_ms" and found.value == pytest.approx(100)


def test_rows_that_cannot_be_told_apart_are_named() -> None:
    close = samples.document(unet_ms=(100.0, 100.5, 25.0)).summaries()
    warnings = noise_warnings(close)
    assert len(warnings) == 1
    assert "pytorch:fp32 and pytorch:bf16 cannot be told apart" in warnings[0]
    assert noise_warnings(samples.document().summaries()) == []


def test_scattered_times_are_a_busy_machine_and_one_run_tells_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "ran once" in noise_warnings(samples.document(repeats=1).summaries())[0]
    monkeypatch.setattr(samples, "JITTER", (0.0, 0.5, -0.3))
    assert any("busy" in warning for warning in noise_warnings(samples.document().summaries()))
