"""PNG files carry what made them, and give it back; other tools' settings are understood."""

from __future__ import annotations

import contextlib
import json
import math
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backends.contract import MAXIMUM_SEED, SCHEDULERS, Picture, Request
from backends.variants import parse_variant
from workbench.pictures import (
    Settings,
    UnreadableSettings,
    parameters_text,
    png_bytes,
    read_picture,
    read_settings,
    write_png,
)
from workbench.quality import compare_pictures

VARIANT = parse_variant("pytorch:bf16-sdpa")
PICTURE = Picture(16, 8, bytes(range(128)) * 3)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=80).filter(
    str.strip
)


def foreign(path: Path, parameters: str) -> Path:
    chunks = PngInfo()
    chunks.add_text("parameters", parameters)
    Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
    return path


@given(
    prompt=WORDS,
    negative=st.just("") | WORDS,
    seed=st.integers(0, MAXIMUM_SEED),
    guidance=st.floats(0, 100),
    scheduler=st.sampled_from(SCHEDULERS),
)
@settings(max_examples=60, deadline=None)
def test_settings_come_back_from_the_png(
    tmp_path_factory: pytest.TempPathFactory,
    prompt: str,
    negative: str,
    seed: int,
    guidance: float,
    scheduler: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.png"
    request = Request(prompt, negative, seed, 30, guidance, 512, 256, scheduler)
    made = Settings(request, VARIANT, "critters", "ab" * 32)
    path.write_bytes(png_bytes(PICTURE, made))
    assert read_settings(path) == made
    assert read_picture(path) == PICTURE


def test_the_parameters_chunk_is_what_other_tools_read() -> None:
    request = Request("a cat, red", "blurry", 42, 20, 7.5, 512, 768, "euler_a")
    text = parameters_text(Settings(request, VARIANT, "my, model", "0123456789abcdef"))
    assert text.startswith(
        "a cat, red\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768, "
        'Model hash: 0123456789, Model: "my, model", Variant: "pytorch:bf16-sdpa", Version: '
    )


def test_our_own_parameters_are_enough_where_the_json_was_lost(tmp_path: Path) -> None:
    request = Request("first line\nsecond line", "not\nthis", 7, 20, 7.5, 512, 768, "lcm")
    path = foreign(tmp_path / "a.png", parameters_text(Settings(request, VARIANT, "critters")))
    found = read_settings(path)
    assert (found.request, found.variant, found.model, found.notices) == (request, VARIANT, "critters", ())


def test_another_tools_settings_are_read_and_what_is_lost_is_said(tmp_path: Path) -> None:
    text = "masterpiece, cat\nNegative prompt: dog\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 640x512, "
    found = read_settings(
        foreign(tmp_path / "a.png", text + 'Model hash: abc, Model: v1-5, Lora hashes: "x: y, z: w"')
    )
    assert found.request == Request("masterpiece, cat", "dog", 1, 28, 7.0, 640, 512, "dpm++")
    assert found.model == "v1-5" and found.variant is None and "Karras" in found.notices[0]
    unknown = read_settings(
        foreign(tmp_path / "b.png", "cat\nSteps: 20, Sampler: Restart, Seed: 5, Size: 512x512")
    )
    assert unknown.request.scheduler == "ddim" and "Restart" in unknown.notices[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat\nSteps: 20, Seed: 5, Size: 513x512", "multiples of 8"),
        ("cat\nSteps: many, Seed: 5", "damaged"),
        ("cat\nSteps: 20, Size: 512", "damaged"),
        ("", "empty"),
    ],
)
def test_settings_that_cannot_be_run_are_said_to_be_so(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnreadableSettings, match=said):
        read_settings(foreign(tmp_path / "a.png", text))


def test_what_is_no_png_with_settings_is_told_in_one_line(tmp_path: Path) -> None:
    whole = png_bytes(PICTURE, Settings(Request("a cat")))
    jpeg = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(jpeg)
    plain = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(plain)
    damaged = PngInfo()
    damaged.add_text("workbench", json.dumps({"request": {"prompt": 7}}))
    Image.new("RGB", (8, 8)).save(tmp_path / "damaged.png", pnginfo=damaged)
    (tmp_path / "half.png").write_bytes(whole[: len(whole) - 60])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("a.jpg", "plain.png", "damaged.png", "half.png", "text.png", "empty.png", "missing.png"):
        with pytest.raises(UnreadableSettings, match=name) as caught:
            read_settings(tmp_path / name)
        assert "\n" not in str(caught.value)


@given(st.binary(max_size=300), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise_anything_but_unreadable_settings(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.png"
    whole = bytearray(png_bytes(PICTURE, Settings(Request("a cat"))))
    whole[at : at + len(noise)] = noise
    path.write_bytes(bytes(whole))
    with contextlib.suppress(UnreadableSettings):
        read_settings(path)


@given(st.text(string.printable, max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_as_parameters_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = foreign(tmp_path_factory.getbasetemp() / "any.png", text)
    with contextlib.suppress(UnreadableSettings):
        read_settings(path)


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.png"
    write_png(path, PICTURE, Settings(Request("a cat"), VARIANT))
    assert [item.name for item in path.parent.iterdir()] == ["a.png"]


def test_psnr_and_ssim_are_what_their_equations_say() -> None:
    grey, lighter = Picture(64, 64, bytes([100]) * 64 * 64 * 3), Picture(64, 64, bytes([110]) * 64 * 64 * 3)
    assert compare_pictures(grey, grey) == (math.inf, 1.0)
    psnr_db, ssim = compare_pictures(lighter, grey)
    assert psnr_db == pytest.approx(20 * math.log10(255 / 10))
    constant = (0.01 * 255) ** 2
    assert ssim == pytest.approx((2 * 100 * 110 + constant) / (100**2 + 110**2 + constant), rel=1e-6)
    with pytest.raises(ValueError, match="64x64"):
        compare_pictures(grey, PICTURE)
