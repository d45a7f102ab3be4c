"""PSNR and SSIM: scikit-image's figures, without scikit-image."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio
from skimage.metrics import structural_similarity as published

from backends.contract import Picture
from workbench.quality import compare_pictures
from workbench.similarity import structural_similarity

Pixels = NDArray[np.uint8]
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def as_picture(pixels: Pixels) -> Picture:
    return Picture(pixels.shape[1], pixels.shape[0], pixels.tobytes())


def reference(ours: Pixels, theirs: Pixels) -> float:
    kind = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(published(ours, theirs, channel_axis=2, data_range=255, **kind))  # pyright: ignore[reportArgumentType]


def smooth(random: np.random.Generator, height: int, width: int, sigma: float) -> Pixels:
    """Noise blurred to shapes, over the whole range."""
    field = gaussian_filter(random.random((height, width, 3)), (sigma, sigma, 0))
    return ((field - field.min()) / np.ptp(field) * 255).astype(np.uint8)


def pairs() -> list[tuple[str, Pixels, Pixels]]:
    random = np.random.default_rng(7)
    found: list[tuple[str, Pixels, Pixels]] = []
    for height, width in ((11, 11), (12, 40), (64, 64), (75, 131), (256, 256), (300, 96)):
        for sigma, strength in ((0.0, 40), (1.0, 3), (4.0, 12), (8.0, 90)):
            base = smooth(random, height, width, sigma)
            noisy = base + random.integers(-strength, strength + 1, base.shape)
            found.append(
                (f"{height}x{width}, {sigma}, {strength}", base, noisy.clip(0, 255).astype(np.uint8))
            )
    for level in (0, 1, 128, 254, 255):  # flat, where rounding would show: both variances are nearly nothing
        flat = np.full((64, 64, 3), level, np.uint8)
        found.append((f"flat {level}", flat, flat ^ random.integers(0, 2, flat.shape, np.uint8)))
        found.append((f"{level} and its opposite", flat, 255 - flat))
    return [*found, *real_pairs()]


def real_pairs() -> list[tuple[str, Pixels, Pixels]]:
    """Pictures of the documents as they are and as a JPEG keeps them; large ones in part."""
    found = []
    for path in sorted(path for path in IMAGES.iterdir() if path.suffix in (".png", ".webp")):
        with Image.open(path) as image:
            picture = image.convert("RGB").crop((0, 0, min(image.width, 512), min(image.height, 512)))
        for quality in (10, 60, 95):
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality)
            kept = np.array(Image.open(file))
            found.append((f"{path.name}, JPEG {quality}", np.array(picture), kept))
    assert found
    return found


@pytest.mark.parametrize(("name", "ours", "theirs"), pairs())
def test_ssim_and_psnr_are_those_of_scikit_image(name: str, ours: Pixels, theirs: Pixels) -> None:
    psnr_db, ssim = compare_pictures(as_picture(ours), as_picture(theirs))
    assert ssim == pytest.approx(reference(ours, theirs), abs=1e-4), name
    assert psnr_db == pytest.approx(float(peak_signal_noise_ratio(theirs, ours, data_range=255)), abs=1e-4)
    assert structural_similarity(theirs, ours) == pytest.approx(ssim, abs=1e-6)


def test_equal_pictures_are_equal_and_pictures_of_two_sizes_are_refused() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    assert compare_pictures(as_picture(pixels), as_picture(pixels)) == (math.inf, 1.0)
    with pytest.raises(ValueError, match="16x16 cannot be compared with 16x20"):
        compare_pictures(as_picture(pixels), as_picture(np.zeros((20, 16, 3), np.uint8)))


@pytest.mark.parametrize("shape", [(10, 40, 3), (40, 10, 3), (40, 40, 1)])
def test_ssim_says_what_it_takes(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="each side at least 11"):
        structural_similarity(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))


def test_measuring_quality_imports_neither_scikit_image_nor_scipy_nor_torch() -> None:
    code = (
        "import sys; from workbench.quality import import_metrics; import_metrics(); "
        "print(sorted({'skimage', 'scipy', 'torch', 'PIL'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
