from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.critters.attributes import ATTRIBUTES, Critter
from workbench.critters.captions import _write, caption, named, sample_prompts

critters = st.builds(Critter, **{name: st.sampled_from(values) for name, values in ATTRIBUTES.items()})


def random_critter(rng: random.Random) -> Critter:
    return Critter(*(rng.choice(values) for values in ATTRIBUTES.values()))


def test_reading_a_caption_gives_exactly_what_it_set_out_to_name():
    rng = random.Random(0)
    for _ in range(20_000):
        critter = random_critter(rng)
        text, said = _write(critter, rng)
        assert named(text) == said, text
        assert said.items() <= vars(critter).items()


@settings(max_examples=500, deadline=None)
@given(critters, st.integers(0, 2**64))
def test_a_caption_never_says_what_is_not_so(critter: Critter, seed: int):
    assert named(caption(critter, random.Random(seed))).items() <= vars(critter).items()


def test_every_value_gets_said_and_some_captions_say_nothing():
    rng = random.Random(1)
    said = [_write(random_critter(rng), rng)[1] for _ in range(5000)]
    values = {(name, value) for one in said for name, value in one.items()}
    assert values == {(name, value) for name, all_values in ATTRIBUTES.items() for value in all_values}
    assert any(not one for one in said) and any(len(one) == len(ATTRIBUTES) for one in said)
    assert 2.5 < sum(len(one) for one in said) / len(said) < 6


def test_same_random_state_gives_the_same_caption():
    critter = random_critter(random.Random(3))
    assert caption(critter, random.Random(4)) == caption(critter, random.Random(4))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a drawing of a green creature with red eyes", {"species": "creature", "body_color": "green", "eye_color": "red"}),
        ("green-eyed cat", {"species": "cat", "eye_color": "green"}),
        ("a dog with eyes of blue", {"species": "dog", "eye_color": "blue"}),
        ("a dog whose eyes are blue", {"species": "dog", "eye_color": "blue"}),
        ("green creature with a red top hat", {"species": "creature", "body_color": "green", "accessory": "top hat"}),
        ("a bear with big round pink eyes", {"species": "bear", "eye_color": "pink"}),
        ("a bird with a small green bow tie", {"species": "bird", "accessory": "bow tie"}),
        ("creature, no hat", {"species": "creature"}),
        ("a lion without glasses", {"species": "lion"}),
        ("a red and blue fish", {"species": "fish"}),
        ("a cat and a dog", {}),
        ("a robot monster", {"species": "robot"}),
        ("a frog under a blue sky", {"species": "frog", "background": "sky"}),
        ("a WHITE rabbit on a white background", {"species": "bunny", "body_color": "white", "background": "plain"}),
        ("Grey kitty, half asleep", {"species": "cat", "body_color": "gray", "expression": "sleepy"}),
        ("a dragon with pink fur", {"species": "dragon", "body_color": "pink"}),
        ("a wide-eyed octopus", {"species": "octopus", "expression": "surprised"}),
        ("a teal robot on the left side at the beach", {
            "species": "robot", "body_color": "teal", "background": "beach", "position": "left"}),
        ("a red car", {}),
        ("a hot dog", {}),
        ("an astronaut riding a horse, 4k", {}),
        ("not a happy bunny", {"species": "bunny"}),
        ("", {}),
        ("   \n\t", {}),
        ("🎉🎉🙂 ✨", {}),
        ("((((((:::::,,,", {}),
        ("no", {}),
        ("eyes", {}),
        ("eyes:", {}),
        ("and and and", {}),
    ],
)  # fmt: skip
def test_prompts_as_people_write_them(prompt: str, expected: dict[str, str]):
    assert named(prompt) == expected


def test_the_sample_prompts_each_name_something():
    assert len(sample_prompts) >= 12
    assert all(len(named(prompt)) >= 3 for prompt in sample_prompts)


@pytest.mark.timeout(30)
def test_ten_thousand_characters_are_read_at_once():
    """What grows with their square or faster does not end in time."""
    assert named("green cat " * 1000) == {"species": "cat", "body_color": "green"}
    named("🎉" * 10_000)
    named("x" * 10_000)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(prompt: str):
    assert named(prompt).keys() <= ATTRIBUTES.keys()
