"""Labels of points: none on another, however the points lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ui.labelling import anchors, anchors_beside, anchors_level

AREA, SIZE = (900.0, 400.0), (180.0, 20.0)
places = st.tuples(st.floats(0, AREA[0]), st.floats(100, 300))


@given(st.lists(places, min_size=1, max_size=6))
def test_no_label_lies_on_another_or_outside(points):
    """Six at one place need six rows, of which a hundred pixels on either side hold enough."""
    boxes = [
        (x - across * SIZE[0], y - up * SIZE[1])
        for (x, y), (across, up) in zip(points, anchors(points, [SIZE] * len(points), AREA), strict=True)
    ]
    for place, (left, top) in enumerate(boxes):
        assert -1e-6 <= left <= AREA[0] - SIZE[0] + 1e-6 and -1e-6 <= top <= AREA[1] - SIZE[1] + 1e-6
        for other_left, other_top in boxes[:place]:
            assert abs(left - other_left) >= SIZE[0] - 1e-6 or abs(top - other_top) >= SIZE[1] - 1e-6


def test_a_label_that_finds_no_room_is_there_all_the_same():
    assert anchors([(5.0, 5.0)] * 3, [(100.0, 100.0)] * 3, (10.0, 10.0)) == [(0.0, 1.0)] * 3


def test_equal_variants_are_named_above_and_below_their_dot():
    assert anchors([(100.0, 200.0)] * 2, [SIZE] * 2, AREA) == [(0.0, 1.0), (0.0, 0.0)]


def test_a_label_shuns_the_dots_of_others():
    """The place above the first point is where the second one is."""
    found = anchors([(100.0, 200.0), (150.0, 190.0)], [SIZE] * 2, AREA)
    assert found[0] == (0.0, 0.0)


def test_numbers_begin_level_with_their_dot():
    assert anchors_level([(100.0, 200.0)] * 2, [(20.0, 20.0)] * 2, AREA) == [(0.0, 0.5), (1.0, 0.5)]


@given(st.lists(st.tuples(st.floats(0, AREA[0]), st.floats(0, AREA[1])), min_size=1, max_size=12))
def test_names_at_the_ends_of_lines_stand_one_under_the_other(points):
    found = anchors_beside(points, [SIZE] * len(points), AREA)
    tops = sorted(y - up * SIZE[1] for (_, y), (_, up) in zip(points, found, strict=True))
    assert all(across == 0 for across, _ in found)
    assert all(below - above >= SIZE[1] - 1e-6 for above, below in zip(tops, tops[1:], strict=False))
    assert tops[0] >= -1e-6 and tops[-1] <= AREA[1] - SIZE[1] + 1e-6


def test_names_that_crowd_move_up_and_down_alike():
    found = anchors_beside([(0.0, 200.0)] * 3, [SIZE] * 3, AREA)
    assert found == [(0.0, 1.5), (0.0, 0.5), (0.0, -0.5)]


def test_a_name_with_room_is_level_with_its_point():
    found = anchors_beside([(0.0, 100.0), (0.0, 300.0), (0.0, 305.0)], [SIZE] * 3, AREA)
    assert found[0] == (0.0, 0.5) and found[1][1] > 0.5 > found[2][1]
