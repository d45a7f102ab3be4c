from __future__ import annotations

import pytest
import torch
from PIL import Image

from workbench.critters import bodies
from workbench.critters.accessories import ACCESSORIES
from workbench.critters.artist import draw, save_sheet
from workbench.critters.attributes import ATTRIBUTES
from workbench.critters.sampling import sample

NAMES = list(ATTRIBUTES)
SIZE = 96


def test_a_picture_is_fixed_by_attributes_and_seed_not_by_its_batch():
    attributes, seeds = sample(12, seed=0, held_out=None), torch.arange(12) * 7919
    together = draw(attributes, seeds, size=SIZE)
    assert torch.equal(together, draw(attributes, seeds, size=SIZE))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(draw(attributes[order], seeds[order], size=SIZE), together[order])
    torch.testing.assert_close(draw(attributes[3:4], seeds[3:4], size=SIZE), together[3:4])


def test_another_seed_varies_the_picture():
    attributes = sample(1, seed=4).repeat(2, 1)
    a, b = draw(attributes, torch.tensor([1, 2]), size=SIZE)
    assert (a - b).abs().mean() > 0.003


@pytest.mark.parametrize("name", NAMES)
def test_every_value_changes_the_picture(name: str):
    count = len(ATTRIBUTES[name])
    attributes = sample(1, seed=9).repeat(count, 1)
    attributes[:, NAMES.index("expression")] = 0
    attributes[:, NAMES.index(name)] = torch.arange(count)
    pictures = draw(attributes, torch.full((count,), 3), size=SIZE)
    assert pictures.dtype == torch.float32 and pictures.shape == (count, 3, SIZE, SIZE)
    assert torch.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1
    for i in range(count):
        for j in range(i):
            changed = ((pictures[i] - pictures[j]).abs().amax(0) > 0.1).float().mean()
            assert changed > 0.005, (ATTRIBUTES[name][i], ATTRIBUTES[name][j])


def test_a_smaller_picture_is_the_same_picture():
    attributes, seeds = sample(2, seed=11), torch.tensor([5, 6])
    large = torch.nn.functional.avg_pool2d(draw(attributes, seeds, size=256), 2)
    assert (large - draw(attributes, seeds, size=128)).abs().mean() < 0.01


def test_nothing_is_computed_beside_the_device_asked_for():
    # Every operation on the meta device refuses a tensor of another one, as a GPU's would.
    picture = draw(sample(64, seed=0, held_out=None), torch.arange(64), device="meta", size=32)
    assert picture.device.type == "meta" and picture.shape == (64, 3, 32, 32)


def test_nothing_to_draw_is_an_empty_batch():
    assert draw(sample(0, seed=0), torch.arange(0), size=SIZE).shape == (0, 3, SIZE, SIZE)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="expected"):
        draw(torch.zeros(2, 3), torch.arange(2))
    with pytest.raises(ValueError, match="seeds"):
        draw(sample(2, seed=0), torch.arange(3))
    bad = sample(2, seed=0)
    bad[1, 0] = 99
    with pytest.raises(ValueError, match="species"):
        draw(bad, torch.arange(2))


def test_a_sheet_holds_every_picture(tmp_path):
    pictures = torch.stack([torch.full((3, 8, 8), value) for value in (0.0, 0.5, 1.0)])
    save_sheet(tmp_path / "sheet.png", pictures, columns=2)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (16, 16)
        assert [sheet.getpixel(at) for at in ((0, 0), (8, 0), (0, 8))] == [(0,) * 3, (128,) * 3, (255,) * 3]


def test_a_picture_owes_nothing_to_what_was_in_memory_before() -> None:
    """Memory that is handed out dirty, as a GPU's is, must not show: here every new tensor starts as NaN."""
    rows, seeds = sample(12, 3, held_out=None), torch.arange(12)
    expected = draw(rows, seeds)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.isnan(torch.empty(4)).all()
        assert torch.equal(draw(rows, seeds), expected)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", ["top hat", "crown"])
def test_a_hat_that_narrows_upwards_has_no_pixel_where_it_divides_by_zero(name: str) -> None:
    """Far below the hat its taper reaches zero; one crown in some thousands had a pixel just there, and it was NaN."""
    rows = sample(1, 0)
    rows[0, NAMES.index("accessory")] = ATTRIBUTES["accessory"].index(name)
    scene = bodies.compose(rows, torch.zeros(1, dtype=torch.int64), 256)
    angle = scene.vary("hat", -0.13, 0.13)
    slope = {"top hat": 0.003, "crown": 0.006}[name]
    fine = (torch.arange(65536) - 32768).view(1, 256, 256) * 1e-5
    scene.u = torch.ones(1, 256, 256)
    scene.v = (1 / slope + torch.sin(angle).abs()) / torch.cos(angle) + scene.hat_y + 7.0 + fine * 4
    ACCESSORIES[name](scene)
    assert torch.isfinite(scene.image).all()
