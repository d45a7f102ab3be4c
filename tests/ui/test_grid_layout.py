"""The sizes of the grid's cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.grid_layout import CAPTION, GAP, HEADING, NARROWEST, TWO_LINES, caption_height, grid, ideal_height

sides = st.integers(200, 3000)


@given(st.integers(1, 12), sides, sides)
def test_every_variant_has_a_place_and_no_line_is_empty(columns, width, height):
    found = grid(1, columns, (width, height), 1.0)
    assert (found.lines - 1) * found.per_line < columns <= found.lines * found.per_line
    assert found.width >= NARROWEST


@given(st.integers(1, 12), sides, sides)
def test_lines_are_broken_only_where_all_of_them_are_seen(columns, width, height):
    found = grid(1, columns, (width, height), 1.0)
    if found.lines > 1:
        assert found.lines * (HEADING + found.height) + (found.lines - 1) * GAP <= height


@pytest.mark.parametrize(
    ("columns", "area", "lines"),
    [(4, (905, 300), 1), (12, (905, 300), 1), (12, (1880, 800), 2), (4, (1880, 560), 1)],
)
def test_twelve_variants_take_two_lines_of_a_large_screen_and_four_take_one(columns, area, lines):
    assert grid(1, columns, area, 1.0).lines == lines


def test_several_rows_are_never_broken():
    assert grid(3, 12, (1880, 800), 1.0).lines == 1


@given(st.integers(1, 4), st.integers(1, 12), sides, sides)
def test_the_ideal_height_shows_pictures_as_large_as_more_would(rows, columns, width, height):
    ideal = ideal_height(rows, columns, (width, height), 1.0)
    if ideal <= height and rows == 1:
        whole, less = grid(rows, columns, (width, height), 1.0), grid(rows, columns, (width, ideal), 1.0)
        assert less.width >= whole.width and less.height >= whole.height


def test_a_narrow_cell_has_a_second_line_for_its_quality():
    assert caption_height(NARROWEST) == TWO_LINES and caption_height(300) == CAPTION
