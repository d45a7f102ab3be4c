"""Models as they come: pickles read as weights only, fp16 files, single files of the original release, synthetic weights."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from backends import paths, pickles, sd14, single_file
from backends.contract import BackendError, InvalidModel
from backends.loading import load_pipeline
from backends.models import resolve
from backends.synthetic import byte_tokenizer, fill
from backends.worker import failure
from tests.backends.original_layout import original_checkpoint

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def _ignore(what: str, fraction: float | None) -> None:
    pass


def _load(path: Path) -> Any:
    return load_pipeline(resolve(str(path)), torch.float32, _ignore)


def _same(one: Any, two: Any) -> bool:
    names = ("unet", "vae", "text_encoder")
    pairs = [(getattr(one, name).state_dict(), getattr(two, name).state_dict()) for name in names]
    return all(a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in pairs)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/workbench-was-here",)


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "copy")


@pytest.fixture
def configs(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Single files are read with the tiny model's sizes instead of Stable Diffusion's, and its vocabulary of 514."""
    pipeline = _load(tiny_model)
    tiny = {
        name: {key: getattr(getattr(pipeline, name).config, key) for key in usual}
        for name, usual in (("unet", sd14.UNET), ("vae", sd14.VAE), ("text_encoder", sd14.TEXT_ENCODER))
    }
    monkeypatch.setitem(single_file.CONFIGS, "1", tiny | {"scheduler": sd14.SCHEDULER})
    return tiny


def test_progress_counts_up_while_a_folder_is_read(tiny_model: Path):
    fractions: list[float] = []
    load_pipeline(
        resolve(str(tiny_model)), torch.float32, lambda what, fraction: fractions.append(fraction or 0.0)
    )
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1


def test_a_pickled_folder_gives_the_same_weights(copy: Path, tiny_model: Path):
    torch.save(load_file(copy / WEIGHTS), copy / "unet/diffusion_pytorch_model.bin")
    (copy / WEIGHTS).unlink()
    assert _same(_load(copy), _load(tiny_model))


def test_an_fp16_variant_is_taken_where_there_is_no_other(copy: Path):
    halves = {name: tensor.half() for name, tensor in load_file(copy / WEIGHTS).items()}
    save_file(halves, copy / "unet/diffusion_pytorch_model.fp16.safetensors")
    (copy / WEIGHTS).unlink()
    unet = _load(copy).unet
    assert unet.dtype == torch.float32
    assert torch.equal(unet.conv_in.weight, halves["conv_in.weight"].float())


def test_a_pickle_that_wants_to_run_code_is_refused_with_that_reason(copy: Path):
    torch.save(load_file(copy / WEIGHTS) | {"x": Evil()}, copy / "unet/diffusion_pytorch_model.bin")
    (copy / WEIGHTS).unlink()
    with pytest.raises(BackendError, match=r"wants to run code \((posix|nt)\.system\).*refused"):
        _load(copy)
    assert not Path("/tmp/workbench-was-here").exists()


def test_weights_of_another_size_are_an_error_that_names_the_component(copy: Path):
    tensors = load_file(copy / WEIGHTS)
    save_file(tensors | {"conv_in.weight": torch.zeros(3, 4, 3, 3)}, copy / WEIGHTS)
    with pytest.raises(BackendError, match=r"the unet of .* does not fit its configuration"):
        _load(copy)


def test_weights_that_lack_a_tensor_are_an_error_not_a_random_picture(copy: Path):
    tensors = load_file(copy / WEIGHTS)
    tensors.pop("conv_in.weight")
    save_file(tensors, copy / WEIGHTS)
    with pytest.raises(BackendError, match=r"lack 1 tensors, conv_in\.weight"):
        _load(copy)


def test_a_scheduler_that_diffusers_does_not_have_is_refused(copy: Path):
    index = copy / "model_index.json"
    index.write_text(index.read_text().replace("DDIMScheduler", "MagicScheduler"))
    with pytest.raises(BackendError, match="MagicScheduler"):
        _load(copy)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_single_file_is_the_model_it_was_made_from(
    suffix: str, tiny_model: Path, tmp_path: Path, configs: dict
):
    pipeline = _load(tiny_model)
    file = tmp_path / f"model{suffix}"
    _save_single(file, original_checkpoint(pipeline))
    shutil.copytree(tiny_model / "tokenizer", tmp_path / "tokenizer")
    assert resolve(str(file)).kind == "file"
    assert _same(_load(file), pipeline)


def test_the_checkpoint_callbacks_of_the_original_release_do_no_harm(
    tiny_model: Path, tmp_path: Path, configs: dict
):
    stand_in = pickles._HARMLESS[0][0]
    stand_in.__module__ = "pytorch_lightning.callbacks.model_checkpoint"
    tensors = original_checkpoint(_load(tiny_model))
    with _module("pytorch_lightning.callbacks.model_checkpoint", ModelCheckpoint=stand_in):
        torch.save(
            {"state_dict": tensors, "callbacks": {stand_in: {"best_model_path": ""}}}, tmp_path / "model.ckpt"
        )
    shutil.copytree(tiny_model / "tokenizer", tmp_path / "tokenizer")
    assert _load(tmp_path / "model.ckpt").unet.dtype == torch.float32


def test_a_single_file_that_wants_to_run_code_is_refused(tmp_path: Path):
    torch.save({"state_dict": {}, "x": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(BackendError, match="wants to run code"):
        _load(tmp_path / "evil.ckpt")


@pytest.mark.parametrize("held", [[1, 2], {"state_dict": 7}, {1: torch.zeros(1)}])
def test_a_pickle_of_anything_but_weights_is_refused(held: object, tmp_path: Path):
    torch.save(held, tmp_path / "model.ckpt")
    with pytest.raises(InvalidModel, match="holds no weights"):
        _load(tmp_path / "model.ckpt")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_that_torch_did_not_write_is_refused_by_the_code_it_names(tmp_path: Path, protocol: int):
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"state_dict": {}, "x": Evil()}, protocol=protocol))
    with pytest.raises(BackendError, match=r"wants to run code \((posix|nt)\.system\)") as caught:
        _load(tmp_path / "evil.ckpt")
    assert "False" not in str(caught.value)


def test_a_damaged_tokenizer_is_named_and_blamed_on_the_model(copy: Path):
    (copy / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidModel, match=r"the tokenizer of .* is damaged") as caught:
        _load(copy)
    assert failure(caught.value).invalid_field == "model"


def test_a_single_file_without_a_tokenizer_says_where_to_put_one(
    tiny_model: Path, tmp_path: Path, configs: dict
):
    _save_single(tmp_path / "model.safetensors", original_checkpoint(_load(tiny_model)))
    with pytest.raises(BackendError, match="put the folder 'tokenizer'") as caught:
        _load(tmp_path / "model.safetensors")
    assert "\n" not in str(caught.value)
    own = paths.data_dir() / "models" / "tokenizer"
    shutil.copytree(tiny_model / "tokenizer", own)
    try:
        assert _load(tmp_path / "model.safetensors").tokenizer.model_max_length == 77
    finally:
        shutil.rmtree(own)


def test_synthetic_weights_are_the_same_every_time_and_keep_activations_in_bounds(tiny_model: Path):
    def made() -> Any:
        unet = _load(tiny_model).unet
        fill(
            unet,
            torch.empty(4099).uniform_(-1, 1, generator=torch.Generator().manual_seed(0)),
            torch.float32,
            0,
        )
        return unet

    one, two = made(), made()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    with torch.no_grad():
        spread = one(torch.randn(2, 4, 8, 8), 500, torch.randn(2, 77, 32)).sample.std()
    assert 0.01 < spread < 100


def test_the_synthetic_tokenizer_reads_any_text_in_clips_vocabulary():
    tokenizer = byte_tokenizer()
    ids = tokenizer("a green créature 猫", padding="max_length", max_length=77, truncation=True).input_ids
    assert len(tokenizer) == 49408 and len(ids) == 77
    assert ids[0] == 49406 and ids[-1] == 49407 and max(ids[1:10]) < 512


def _save_single(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    if file.suffix == ".safetensors":
        save_file(tensors, file)
    else:
        torch.save({"state_dict": tensors, "global_step": 1}, file)


def _module(name: str, **contents: Any) -> Any:
    import sys
    import types
    from unittest import mock

    parts = name.split(".")
    made = {
        ".".join(parts[: count + 1]): types.ModuleType(".".join(parts[: count + 1]))
        for count in range(len(parts))
    }
    made[name].__dict__.update(contents)
    return mock.patch.dict(sys.modules, made)
