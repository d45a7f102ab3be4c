"""What is asked, while it is edited."""

from __future__ import annotations

from backends.contract import Request
from workbench.desk.naming import row_titles
from workbench.desk.samples import Samples
from workbench.draft import Draft


def test_a_model_brings_the_settings_it_was_made_for(desk):
    desk.form.choose_model("sd14-synthetic")
    assert (desk.form.draft.size, desk.form.draft.steps) == ("512 × 512", 50)
    desk.form.choose_model("nothing")
    assert "nothing" in desk.form.problems["model"] and desk.form.asked() is None


def test_every_seed_and_every_line_makes_a_request(desk):
    desk.form.edit(prompt="a bird\n\na cat", prompt_per_line=True, seed="1,5-6")
    _, requests = desk.form.asked()
    assert [(request.prompt, request.seed) for request in requests] == [
        (prompt, seed) for prompt in ("a bird", "a cat") for seed in (1, 5, 6)
    ]
    desk.form.edit(prompt_per_line=False)
    assert {request.prompt for request in desk.form.asked()[1]} == {"a bird\n\na cat"}


def test_too_many_pictures_are_told_at_the_seed(desk):
    desk.form.edit(prompt="\n".join("abc"), prompt_per_line=True, seed="1-60")
    assert desk.form.asked() is None and "180 pictures" in desk.form.problems["seed"]


def test_dice_roll_as_many_seeds_as_there_were(desk):
    desk.form.edit(seed="1,2,3")
    desk.form.roll_seed()
    assert len(desk.form.asked()[1]) == 3


def test_earlier_prompts_come_back_and_what_was_being_written_after_them(desk):
    form = desk.form
    for prompt in ("one", "two"):
        form.edit(prompt=prompt)
        form.remember_prompt()
    form.edit(prompt="half a prom")
    seen = []
    for step in (-1, -1, -1, 1, 1, 1):
        form.recall(step)
        seen.append(form.draft.prompt)
    assert seen == ["two", "one", "one", "two", "half a prom", "half a prom"]


def test_settings_of_a_picture_are_taken_again(desk):
    desk.form.take(Request("a cat", seed=9, width=128, height=64), "sd14-synthetic")
    draft = desk.form.draft
    assert (draft.prompt, draft.seed, draft.size, draft.model) == ("a cat", "9", "128 × 64", "sd14-synthetic")


def test_a_draft_survives_json_and_nonsense_falls_back():
    draft = Draft(prompt="a\nb", seed="7,8", guidance_scale=3, repeats=4, kernels=True)
    assert Draft.from_json(draft.to_json()) == draft
    assert Draft.from_json({"steps": "many", "scheduler": "magic", "guidance_scale": float("nan")}) == Draft()
    assert Draft.from_json([]) == Draft()


def test_a_size_may_be_written_in_several_ways():
    for text in ("128x64", "128 × 64", " 128*64 ", "128, 64"):
        request = Draft(prompt="a", size=text).requests()[0]
        assert (request.width, request.height) == (128, 64)
    assert Draft(prompt="a", size="128").requests()[0].height == 128


def test_samples_come_a_few_at_a_time_and_begin_again():
    samples = Samples([f"prompt {number}" for number in range(8)])
    turned = []
    samples.changed.connect(lambda: turned.append(samples.shown))
    assert samples.shown == tuple(f"prompt {number}" for number in range(6)) and samples.has_more
    samples.turn()
    assert turned == [tuple(f"prompt {number}" for number in (6, 7, 0, 1, 2, 3))]
    few = Samples(["one"])
    few.turn()
    assert few.shown == ("one",) and not few.has_more and Samples().shown == ()


def test_rows_are_told_apart_by_what_differs():
    def rows(*asked: tuple[str, int]) -> list[str]:
        return row_titles([Request(prompt=prompt, seed=seed) for prompt, seed in asked], 24)

    assert rows(("a cat", 1)) == [""]
    assert rows(("a cat", 1), ("a cat", 2)) == ["seed 1", "seed 2"]
    assert rows(("a cat", 7), ("a dog", 7)) == ["“a cat”", "“a dog”"]
    assert rows(("a cat", 1), ("a cat", 2), ("a dog", 1), ("a dog", 2)) == [
        "“a cat”, seed 1", "“a cat”, seed 2", "“a dog”, seed 1", "“a dog”, seed 2",
    ]  # fmt: skip
    long = "a drawing of a green creature with"
    assert rows((f"{long} red eyes", 1), (f"{long} blue eyes", 1)) == ["“…red eyes”", "“…blue eyes”"]
    apart = rows((f"red {'x ' * 30}1", 1), (f"blue {'x ' * 30}2", 1), (f"red {'x ' * 30}3", 1))
    assert len(set(apart)) == 3
