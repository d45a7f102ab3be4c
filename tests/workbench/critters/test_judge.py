"""The judge and the VAE that ship, on drawings they never saw."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from backends.contract import Picture
from workbench.critters.attributes import ATTRIBUTES, Critter
from workbench.critters.judge import (
    WEIGHTS,
    as_tensor,
    attributes_found,
    load_judge,
    packed,
    prompt_fidelity,
)
from workbench.quality import PromptJudge
from workbench.training.data import HELD_OUT_SEED, as_signal, drawings
from workbench.training.judge import accuracy
from workbench.training.vae import reconstruction_psnr
from workbench.workers import WorkerPool

ASSETS = Path(__file__).resolve().parents[3] / "assets"


@pytest.fixture(scope="module")
def held_out():
    return drawings(48, HELD_OUT_SEED, "cpu", held_out=True)


def as_picture(pixels: torch.Tensor) -> Picture:
    _, height, width = pixels.shape
    return Picture(width, height, bytes(pixels.permute(1, 2, 0).flatten().tolist()))


def test_the_judge_reads_clean_drawings_of_held_out_combinations(held_out) -> None:
    figures = accuracy(load_judge(), *held_out)
    assert sum(figures.values()) / len(figures) >= 0.97
    assert min(figures.values()) >= 0.9


def test_the_vae_keeps_held_out_drawings_above_30_db(held_out) -> None:
    vae = AutoencoderKL.from_pretrained(ASSETS / "critters" / "vae", torch_dtype=torch.float32)
    assert reconstruction_psnr(vae, held_out[0][:6]) >= 30


def test_the_scaling_factor_gives_the_latents_unit_deviation(held_out) -> None:
    vae = AutoencoderKL.from_pretrained(ASSETS / "critters" / "vae", torch_dtype=torch.float32)
    with torch.no_grad():
        latents = vae.encode(as_signal(held_out[0][:6])).latent_dist.mode() * vae.config.scaling_factor
    assert 0.9 < latents.std() < 1.1


def test_fidelity_is_the_share_of_the_named_attributes_that_are_found() -> None:
    found = {name: values[0] for name, values in ATTRIBUTES.items()} | {
        "body_color": "green",
        "eye_color": "blue",
    }
    assert prompt_fidelity("a green creature with red eyes", found) == pytest.approx(2 / 3)
    assert prompt_fidelity("an essay about economics", found) is None


def test_pictures_of_any_size_are_judged(held_out) -> None:
    pixels = held_out[0][0]
    larger = torch.nn.functional.interpolate(pixels[None].float(), scale_factor=2, mode="bilinear")[0].to(
        torch.uint8
    )
    judge = load_judge()
    small, large = (attributes_found(judge, as_tensor(as_picture(item))) for item in (pixels, larger))
    assert small["species"] == large["species"] == Critter.from_indices(held_out[1][0].tolist()).species


def test_packed_for_single_pictures_the_judge_reads_the_same(held_out) -> None:
    judge, fast = load_judge(), packed(load_judge())
    for pixels in held_out[0][:8]:
        picture = as_tensor(as_picture(pixels))[None]
        with torch.no_grad():
            torch.testing.assert_close(fast(picture), judge(picture), rtol=1e-3, atol=1e-3)
        assert torch.equal(fast.read(picture), judge.read(picture))


def test_the_judge_answers_from_its_own_process(held_out) -> None:
    pictures, attributes = held_out
    critter = Critter.from_indices(attributes[1].tolist())
    pool = WorkerPool(10**10)
    try:
        judged = PromptJudge(pool).judge(f"a {critter.body_color} {critter.species}", as_picture(pictures[1]))
    finally:
        pool.close()
    assert judged is not None
    assert judged.fidelity == 1.0
    assert judged.named == {"body_color": critter.body_color, "species": critter.species}


def test_the_judge_is_small() -> None:
    assert WEIGHTS.stat().st_size <= 2_000_000
