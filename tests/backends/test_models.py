"""Finding models: what is whole is described, what is not is refused in one line, and nothing here needs torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from backends import models, paths
from backends.contract import BackendError
from backends.hub import wanted
from backends.models import Defaults, available_models, fetch, resolve, weights_sha256

UNET = Path("unet/diffusion_pytorch_model.safetensors")


def _edit(name: str, **changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return edit


def _truncate(folder: Path) -> None:
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(data[: len(data) // 2])


def test_a_folder_is_described_by_its_own_files(tiny_model: Path):
    card = resolve(str(tiny_model))
    assert (card.name, card.kind, card.path, card.synthetic, card.latent_channels) == (
        "tiny",
        "folder",
        tiny_model,
        False,
        4,
    )
    assert card.defaults == Defaults(64, 64, 3, 4.0, "ddim")
    assert card.latent_rgb and card.latent_rgb.bias == (0.5, 0.4, 0.3)


def test_without_our_file_the_defaults_come_from_the_model(tiny_model: Path, tmp_path: Path):
    shutil.copytree(tiny_model, tmp_path / "m", ignore=shutil.ignore_patterns("workbench.json"))
    assert resolve(str(tmp_path / "m")).defaults == Defaults(64, 64, 50, 7.5, "ddim")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "model_index.json").unlink(), "no model_index.json"),
        (lambda folder: (folder / "model_index.json").write_text("{"), "damaged"),
        (lambda folder: (folder / "model_index.json").write_text("[]"), "damaged"),
        (lambda folder: (folder / "model_index.json").write_bytes(b"\xff\xfe\x00"), "damaged"),
        (
            _edit("model_index.json", _class_name="StableDiffusionXLPipeline"),
            "StableDiffusionXLPipeline; expected",
        ),
        (_edit("model_index.json", _class_name="FluxPipeline"), "FluxPipeline"),
        (_edit("model_index.json", _class_name=["evil", "Pipeline"]), "never run"),
        (_edit("model_index.json", unet=["evil_code", "UNet2DConditionModel"]), "evil_code"),
        (_edit("model_index.json", unet=[None, None]), "no unet"),
        (_edit("unet/config.json", in_channels=9), "9 channels"),
        (_edit("vae/config.json", block_out_channels=[8, 8]), "2 levels"),
        (_edit("workbench.json", defaults={"width": 64, "colour": "red"}), "workbench.json is damaged"),
        (_edit("workbench.json", defaults={"steps": "many"}), "workbench.json is damaged"),
        (lambda folder: shutil.rmtree(folder / "unet"), "no unet"),
        (lambda folder: (folder / "unet/config.json").unlink(), "config.json is missing"),
        (
            lambda folder: (folder / "scheduler/scheduler_config.json").unlink(),
            "scheduler_config.json is missing",
        ),
        (lambda folder: (folder / "tokenizer/tokenizer.json").unlink(), "vocabulary"),
        (lambda folder: (folder / UNET).unlink(), "no weights"),
        (lambda folder: (folder / UNET).write_bytes(b""), "safetensors"),
        (lambda folder: (folder / UNET).write_bytes(b"version https://git-lfs"), "safetensors"),
        (_truncate, "truncated"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    damage: Callable[[Path], None], says: str, tiny_model: Path, tmp_path: Path
):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_model, folder)
    damage(folder)
    with pytest.raises(BackendError) as caught:
        resolve(str(folder))
    assert says in str(caught.value)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "ref", ["", "nonsense", "/no/such/folder", "./no.safetensors", "a/b/c", "x" * 5000, "a\0b", "~nobody/x/y"]
)
def test_what_is_no_model_is_refused_with_what_is_expected(ref: str):
    with pytest.raises(BackendError, match="expected critters, sd14-synthetic"):
        resolve(ref)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("conditioner.embedders.0.weight", "Stable Diffusion XL"),
        ("double_blocks.0.img_attn.qkv.weight", "Flux"),
        ("lora_unet_down.weight", "LoRA"),
        ("whatever", "no Stable Diffusion UNet"),
        ("model.diffusion_model.input_blocks.0.0.weight", "no text encoder"),
    ],
)
def test_a_single_file_of_another_architecture_is_refused_by_name(key: str, says: str, tmp_path: Path):
    import numpy as np

    save_file({key: np.zeros(4, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(BackendError, match=says):
        resolve(str(tmp_path / "other.safetensors"))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path):
    for name, says in (
        ("a.txt", "no model"),
        ("a.ckpt", "no PyTorch checkpoint"),
        ("a.safetensors", "safetensors"),
    ):
        (tmp_path / name).write_text("hello, this is not it")
        with pytest.raises(BackendError, match=says):
            resolve(str(tmp_path / name))


def test_the_hash_changes_with_the_weights_and_is_cached(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_model, folder)
    card = resolve(str(folder))
    first = weights_sha256(card)
    assert first == weights_sha256(resolve(str(tiny_model)))
    with monkeypatch.context() as patched:
        patched.setattr(models.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert weights_sha256(card) == first
    data = bytearray((folder / UNET).read_bytes())
    data[-1] ^= 1
    (folder / UNET).write_bytes(data)
    assert weights_sha256(card) != first


def test_the_synthetic_model_is_named_by_its_recipe():
    card = resolve("sd14-synthetic")
    assert card.synthetic and card.path is None and card.defaults.width == 512
    assert len(weights_sha256(card) or "") == 64


def test_own_models_and_the_hub_cache_are_listed(tiny_model: Path, home: Path):
    own, cached = paths.data_dir() / "models" / "mine", home / "hub" / "models--someone--tiny-sd"
    try:
        shutil.copytree(tiny_model, own)
        shutil.copytree(tiny_model, cached / "snapshots" / "abc")
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text("abc")
        kinds = {card.kind for card in available_models()}
        assert {"synthetic", "folder", "hub"} <= kinds
        assert resolve("mine").path == own
        assert resolve("someone/tiny-sd").kind == "hub"
        (cached / "snapshots" / "abc" / UNET).unlink()
        assert resolve("someone/tiny-sd").path is None, "a download that broke off is no model yet"
    finally:
        shutil.rmtree(own)
        shutil.rmtree(cached)


def test_a_hub_id_without_a_network_fails_within_seconds_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    card = resolve("someone/absent")
    assert card.kind == "hub" and card.path is None
    started = time.monotonic()
    with pytest.raises(
        BackendError, match="'someone/absent' is neither a folder here nor in the local cache"
    ):
        fetch(card, lambda what, fraction: None)
    assert time.monotonic() - started < 15


def test_a_download_takes_weights_once_and_no_code():
    names = [
        "model_index.json",
        "README.md",
        "pipeline.py",
        "v1-5-pruned.ckpt",
        "scheduler/scheduler_config.json",
    ]
    names += [f"tokenizer/{name}" for name in ("vocab.json", "merges.txt")] + [
        "safety_checker/model.safetensors"
    ]
    for folder, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        names += [
            f"{folder}/{stem}{end}"
            for end in (".safetensors", ".fp16.safetensors", ".non_ema.safetensors", ".bin")
        ]
        names += [f"{folder}/config.json"]
    chosen = wanted(names)
    assert chosen[0] == "model_index.json" and len(chosen) == 1 + 1 + 2 + 3 * 2
    assert {name for name in chosen if "model." in name} == {
        "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"
    }  # fmt: skip


def test_what_the_window_imports_holds_no_torch():
    names = [
        "contract",
        "registry",
        "variants",
        "devices",
        "models",
        "hub",
        "worker",
        "staged",
        "machine",
        "paths",
    ]
    code = f"import sys; {'; '.join(f'import backends.{name}' for name in names)}; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("'torch'", "'diffusers'", "'transformers'", "'numpy'", "'huggingface_hub'"):
        assert heavy not in done.stdout


def test_a_home_that_cannot_be_made_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(BackendError, match=r"cannot be made.*WORKBENCH_HOME") as caught:
        resolve("anything")
    assert "\n" not in str(caught.value)


def test_weights_are_hashed_where_the_cache_cannot_be_written(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wanted = weights_sha256(resolve(str(tiny_model)))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "weights-sha256").write_text("a file where the folder should be")
    assert weights_sha256(resolve(str(tiny_model))) == wanted
