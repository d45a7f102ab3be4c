"""Requests that cannot be run are refused with what was given and what is allowed."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import pytest

from backends.contract import InvalidRequest, Request

GOOD = Request("a green creature")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "x" * 10_000}, "prompt"),
        ({"negative_prompt": "x" * 10_000}, "negative_prompt"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"seed": True}, "seed"),
        ({"steps": 0}, "steps"),
        ({"steps": 100_000}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"guidance_scale": math.nan}, "guidance_scale"),
        ({"guidance_scale": math.inf}, "guidance_scale"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"width": 250}, "width"),
        ({"height": 0}, "height"),
        ({"height": 4096}, "height"),
        ({"scheduler": "nope"}, "scheduler"),
    ],
)
def test_a_bad_request_names_its_field_in_one_line(change: dict, field: str):
    with pytest.raises(InvalidRequest) as caught:
        replace(GOOD, **change).check()
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_good_request_is_returned_and_the_largest_seed_is_good():
    request = replace(GOOD, seed=2**64 - 1)
    assert request.check() is request


def test_an_invalid_request_survives_the_pipe():
    error = pickle.loads(pickle.dumps(InvalidRequest("steps", "too many")))
    assert (error.field, str(error)) == ("steps", "too many")
