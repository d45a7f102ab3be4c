from __future__ import annotations

from itertools import product

import pytest
import torch

from workbench.critters.attributes import ATTRIBUTES, Critter, held_out
from workbench.critters.sampling import sample

NAMES = list(ATTRIBUTES)


def combinations(attributes: torch.Tensor) -> list[bool]:
    return [held_out(row) for row in attributes.tolist()]


def test_indices_and_critter_are_inverse():
    for row in sample(200, seed=1, held_out=None).tolist():
        assert Critter.from_indices(row).indices() == tuple(row)


def test_a_value_that_does_not_exist_is_refused_with_the_known_ones():
    first = Critter.from_indices([0] * len(NAMES))
    with pytest.raises(ValueError, match="species 'unicorn' is not one of: creature"):
        Critter(**{**vars(first), "species": "unicorn"})
    with pytest.raises(ValueError, match="outside"):
        Critter.from_indices([99] + [0] * (len(NAMES) - 1))
    with pytest.raises(ValueError, match="expected"):
        Critter.from_indices([0])


def test_a_thirteenth_is_held_out_and_everything_alone_is_trained_on():
    axes = ("species", "body_color", "accessory")
    trained = []
    for values in product(*(range(len(ATTRIBUTES[axis])) for axis in axes)):
        row = [0] * len(NAMES)
        for axis, value in zip(axes, values, strict=True):
            row[NAMES.index(axis)] = value
        if not held_out(row):
            trained.append(values)
    total = 1
    for axis in axes:
        total *= len(ATTRIBUTES[axis])
    assert 1 - len(trained) / total == pytest.approx(1 / 13, rel=0.1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pairs = {(values[i], values[j]) for values in trained}
        assert len(pairs) == len(ATTRIBUTES[axes[i]]) * len(ATTRIBUTES[axes[j]])


def test_sampling_keeps_to_the_side_asked_for():
    assert not any(combinations(sample(3000, seed=2, held_out=False)))
    assert all(combinations(sample(3000, seed=2, held_out=True)))
    share = sum(combinations(sample(6000, seed=2, held_out=None))) / 6000
    assert share == pytest.approx(1 / 13, abs=0.02)


@pytest.mark.parametrize("side", [False, True, None])
def test_every_value_is_sampled_and_the_plain_ones_more(side: bool | None):
    attributes = sample(20_000, seed=3, held_out=side)
    for i, (name, values) in enumerate(ATTRIBUTES.items()):
        counts = attributes[:, i].bincount(minlength=len(values)).tolist()
        assert min(counts) > 20_000 / len(values) / 3, name
    center = attributes[:, NAMES.index("position")].bincount()[1]
    assert center / 20_000 == pytest.approx(0.5, abs=0.02)


def test_same_seed_gives_same_critters():
    assert torch.equal(sample(100, seed=5), sample(100, seed=5))
    assert not torch.equal(sample(100, seed=5), sample(100, seed=6))
