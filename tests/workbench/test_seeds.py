"""Seeds as people write them."""

from __future__ import annotations

import pytest

from backends.contract import InvalidRequest
from workbench.seeds import MAXIMUM_SEEDS, parse_seeds, random_seeds


def test_lists_and_ranges_are_read_in_order_each_seed_once():
    assert parse_seeds("42") == (42,)
    assert parse_seeds(" 1, 2,10-14 ,2") == (1, 2, 10, 11, 12, 13, 14)
    assert parse_seeds(f"{2**64 - 1}") == (2**64 - 1,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("abc", "'abc'"),
        ("-1", "'-1'"),
        ("5-3", "backwards"),
        (str(2**64), "64 bits"),
        ("1,,2", "empty"),
        ("1-1000000000000", f"more than {MAXIMUM_SEEDS}"),
    ],
)
def test_anything_else_says_what_is_allowed(text, says):
    with pytest.raises(InvalidRequest, match=says) as caught:
        parse_seeds(text)
    assert caught.value.field == "seed" and "1,2,10-14" in str(caught.value)


def test_new_seeds_are_as_many_as_asked():
    assert len(parse_seeds(random_seeds())) == 1
    assert len(parse_seeds(random_seeds(5))) == 5
