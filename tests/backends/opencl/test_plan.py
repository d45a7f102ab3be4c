"""No two tensors that live at the same time overlap, whatever the lifetimes."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.opencl.passes import SWITCHES, optimized
from backends.opencl.plan import ALIGNMENT, Lifetime, Plan, lifetimes, mapped, planned

sys.path.insert(0, str(Path(__file__).parent))
import networks

TENSORS = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 40), st.integers(0, 12)), min_size=1, max_size=40
).map(
    lambda rows: [Lifetime(f"t{i}", size, first, first + more) for i, (size, first, more) in enumerate(rows)]
)


def overlapping(plan: Plan) -> list[tuple[str, str]]:
    return [
        (one.tensor.name, two.tensor.name)
        for one, two in itertools.combinations(plan.places, 2)
        if one.tensor.meets(two.tensor) and one.offset < two.end and two.offset < one.end
    ]


@given(TENSORS)
@settings(deadline=None)
def test_no_two_live_tensors_overlap(tensors: list[Lifetime]):
    plan = planned(tensors)
    assert not overlapping(plan)
    assert all(place.offset % ALIGNMENT == 0 and place.end <= plan.size for place in plan.places)
    live = [
        sum(tensor.size for tensor in tensors if tensor.first <= moment <= tensor.last)
        for moment in range(60)
    ]
    assert max(live) <= plan.size


@given(TENSORS)
@settings(deadline=None)
def test_an_object_is_as_large_as_the_largest_tensor_in_it_and_serves_one_at_a_time(tensors: list[Lifetime]):
    plan = planned(tensors, "objects")
    assert not overlapping(plan)
    objects = {place.offset: 0 for place in plan.places}
    for place in plan.places:
        objects[place.offset] = max(objects[place.offset], place.end)
    assert all(
        end <= start for end, start in zip(sorted(objects.values()), sorted(objects)[1:], strict=False)
    )
    assert plan.size == max(objects.values())


@given(TENSORS)
@settings(deadline=None)
def test_without_reuse_nothing_is_shared(tensors: list[Lifetime]):
    plan = planned(tensors, "none")
    places = sorted(plan.places, key=lambda place: place.offset)
    assert all(one.end <= two.offset for one, two in itertools.pairwise(places))


def test_the_arena_of_a_network_is_a_fraction_of_its_tensors():
    graph = optimized(networks.captured("unet", 16)[0], dict.fromkeys(SWITCHES, False))
    plan = planned(lifetimes(graph))
    assert not overlapping(plan)
    assert plan.size < 0.15 * plan.separate
    assert str(plan).startswith("arena ")
    assert plan.size <= planned(lifetimes(graph), "objects").size < 0.2 * plan.separate


def test_a_plan_travels_as_a_map_of_every_tensor_with_its_layer():
    graph = optimized(networks.captured("vae", 16)[0], dict.fromkeys(SWITCHES, True))
    plan = planned(lifetimes(graph))
    arena = mapped("vae_decoder", graph, plan)
    assert (arena.stage, arena.size, arena.operations) == ("vae_decoder", plan.size, len(graph.operations))
    assert {(item.name, item.size, item.offset, item.first, item.last) for item in arena.tensors} == {
        (place.tensor.name, place.tensor.size, place.offset, place.tensor.first, place.tensor.last)
        for place in plan.places
    }
    for item in arena.tensors:
        writer = graph.operations[item.first]
        assert writer.output.value == item.name and writer.module.endswith(item.module)
    assert any(item.module.startswith("decoder.up_blocks.0.") for item in arena.tensors)
