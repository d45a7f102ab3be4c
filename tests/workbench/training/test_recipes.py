"""The recipes at the smallest size that still does everything: a few pictures, a few steps, on the CPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.critters.attributes import held_out
from workbench.critters.captions import named
from workbench.critters.sampling import sample
from workbench.training import judge, text_to_image
from workbench.training.damage import jpeg
from workbench.training.data import drawings
from workbench.training.evaluate import held_out_prompts
from workbench.training.export import latent_rgb
from workbench.training.loop import Recipe, Trainer
from workbench.training.prepare import finite, token_ids, tokenized_captions
from workbench.training.tokenizer import caption_corpus, train_tokenizer

SHORT = Recipe(steps=6, batch_size=4, learning_rate=1e-2, warmup=2, log_every=2, checkpoint_every=3)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(caption_corpus(2000, 1), merges=300)


def fit_a_line(out: Path, recipe: Recipe, resume: bool = False) -> Trainer[nn.Linear]:
    torch.manual_seed(0)
    trainer = Trainer(nn.Linear(3, 1), recipe, out, resume)
    for step in trainer.iterations():
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        loss = (trainer.model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        trainer.update({"loss": loss}, loss)
    return trainer


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = fit_a_line(tmp_path / "whole", SHORT)
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "half")
    resumed = fit_a_line(tmp_path / "half", SHORT, resume=True)
    assert resumed.step == 6
    assert torch.equal(resumed.ema.weight, whole.ema.weight)


def interrupted(out: Path) -> None:
    torch.manual_seed(0)
    trainer = Trainer(nn.Linear(3, 1), SHORT, out)
    for step in trainer.iterations():
        if step == 4:
            raise KeyboardInterrupt
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        loss = (trainer.model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        trainer.update({"loss": loss}, loss)


def test_training_stops_when_the_loss_is_not_a_number(tmp_path: Path) -> None:
    trainer = Trainer(nn.Linear(1, 1), SHORT, tmp_path)
    with pytest.raises(FloatingPointError, match="step 2"):
        for _ in trainer.iterations():
            loss = trainer.model(torch.full((1, 1), torch.nan)).sum()
            trainer.update({"loss": loss}, loss)


def test_every_text_has_tokens_and_none_is_unknown(tokenizer) -> None:
    ids = token_ids(tokenizer, ["a green creature", "Zürich 🚀 xyzzy 1999", ""])
    assert ids.shape == (3, 77)
    ends = (ids == tokenizer.eos_token_id).int().argmax(1)
    assert ends.tolist()[2] == 1
    assert ends[1] > 10, "a word outside the vocabulary is spelt out, not dropped"
    assert (ids[:, 0] == tokenizer.bos_token_id).all()


def test_captions_are_reproducible_and_belong_to_their_pictures(tokenizer) -> None:
    attributes = sample(3, 1)
    first = tokenized_captions(tokenizer, attributes, 2, 0, 1)
    assert first.shape == (3, 2, 77)
    assert torch.equal(first, tokenized_captions(tokenizer, attributes, 2, 0, 1))


def test_the_denoiser_learns_to_predict_noise(tokenizer, tmp_path: Path) -> None:
    model = text_to_image.new_denoiser(tokenizer, "cpu")
    objective = text_to_image.Objective(tokenizer, "cpu")
    data = {
        "latents": torch.randn(2, 4, 8, 8).half(),
        "captions": token_ids(tokenizer, ["a cat", "a dog"])[:, None].short(),
    }
    trainer = Trainer(model, replace(SHORT, steps=6, batch_size=2, learning_rate=1e-3), tmp_path)
    text_to_image.train(model, model, objective, data, trainer, trainer.group)
    losses = [json.loads(line)["noise_mse"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]


def test_every_timestep_counts_by_what_it_says_of_the_picture() -> None:
    snr = torch.tensor([2.3e-4, 0.1, 1.0, 4.0, 100.0])
    weight = text_to_image.loss_weight(snr / (1 + snr))
    in_pictures = weight * snr  # an error of the noise is an error of the picture divided by the root of SNR
    torch.testing.assert_close(in_pictures, (snr + 1).clamp(max=5.0))


def test_the_noisiest_timesteps_take_their_share_of_a_batch(tokenizer) -> None:
    seen: list[torch.Tensor] = []

    def forward(noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        seen.append(timesteps)
        return noisy

    objective = text_to_image.Objective(tokenizer, "cpu", noisiest=0.6)
    captions = token_ids(tokenizer, ["a cat"])[None].expand(2000, 1, -1).short()
    losses = objective.losses(forward, torch.randn(2000, 4, 2, 2), captions, 0)
    late = (seen[0] >= text_to_image.NOISIEST).float().mean()
    assert abs(late - (0.6 + 0.4 * 0.25)) < 0.05
    assert seen[0].min() < 50 and seen[0].max() > 950
    assert all(torch.isfinite(value) for value in losses.values())


def test_training_goes_on_from_a_saved_model(tokenizer, tmp_path: Path) -> None:
    first = text_to_image.new_denoiser(tokenizer, "cpu")
    with torch.no_grad():
        first.unet.conv_out.bias.add_(0.5)
    first.text_encoder.save_pretrained(tmp_path / "text_encoder")
    first.unet.save_pretrained(tmp_path / "unet")
    second = text_to_image.new_denoiser(tokenizer, "cpu", tmp_path)
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value)


def test_the_judge_learns_from_damaged_drawings(tmp_path: Path) -> None:
    pictures, attributes = drawings(4, 1, "cpu")
    trained = judge.train(pictures, attributes, replace(SHORT, steps=2), tmp_path)
    assert (tmp_path / "judge.safetensors").stat().st_size <= 2_000_000
    assert set(judge.accuracy(trained, pictures, attributes)) >= {"species", "eye_color"}


def test_held_out_combinations_are_never_trained_on() -> None:
    trained = sample(500, 1)
    kept = sample(500, 2, held_out=True)
    assert not any(held_out(row) for row in trained.tolist())
    assert all(held_out(row) for row in kept.tolist())


def test_evaluation_prompts_name_three_to_five_attributes_of_held_out_combinations() -> None:
    prompts = held_out_prompts(50)
    assert len(set(prompts)) > 45
    for prompt in prompts:
        assert 3 <= len(named(prompt)) <= 5
        assert {"species", "body_color", "accessory"} <= named(prompt).keys()


def test_jpeg_damage_grows_as_quality_falls() -> None:
    pictures, _ = drawings(1, 1, "cpu")
    clean = pictures.float() / 255
    errors = [
        (jpeg(clean, torch.full((1, 1, 1, 1), quality)) - clean).abs().mean()
        for quality in (90.0, 50.0, 15.0)
    ]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.1


def test_the_preview_matrix_is_the_least_squares_map() -> None:
    latents = torch.randn(3, 4, 6, 6)
    matrix, bias = torch.randn(4, 3), torch.tensor([0.1, 0.2, 0.3])
    colours = torch.einsum("nchw,cd->ndhw", latents, matrix) + bias[:, None, None]
    fitted = latent_rgb(latents, colours)
    torch.testing.assert_close(torch.tensor(fitted["matrix"]), matrix, atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor(fitted["bias"]), bias, atol=1e-4, rtol=0)


def test_pictures_with_a_nan_are_refused_with_their_number() -> None:
    values = torch.zeros(5, 3)
    values[2, 1] = torch.nan
    with pytest.raises(FloatingPointError, match="1 of 5 latents"):
        finite(values, "latents")
