"""Where weights come from: built-in, folder, single file, hub id, synthetic. No torch, and no network but in ``fetch``."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from backends import paths
from backends.contract import MAXIMUM_SIZE, MINIMUM_SIZE, SIZE_MULTIPLE, BackendError, Request
from backends.model_files import check_pickle, checkpoint_generation, read_folder, safetensors_keys

Kind = Literal["critters", "folder", "file", "hub", "synthetic"]
Progress = Callable[[str, float | None], None]

CHECKPOINTS = (".safetensors", ".ckpt")
SCHEDULER_CLASSES = {
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "lms": "LMSDiscreteScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
}
SYNTHETIC_RECIPE = "sd14-synthetic 1: uniform of unit gain from one block of 4194301 numbers, seed 0"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Defaults:
    """What a request takes where the person says nothing; sizes in pixels."""

    width: int = 512
    height: int = 512
    steps: int = 50
    guidance_scale: float = 7.5
    scheduler: str = "pndm"


@dataclass(frozen=True)
class LatentRgb:
    """A cheap preview: ``rgb = clamp(latents @ matrix + bias, 0, 1)``, latents as the UNet sees them."""

    matrix: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float]


@dataclass(frozen=True)
class ModelCard:
    """A model as found. ``path`` is None for the synthetic model, and for a hub id that is not in the cache yet."""

    name: str
    kind: Kind
    path: Path | None
    synthetic: bool = False
    defaults: Defaults = Defaults()
    latent_channels: int | None = None
    latent_rgb: LatentRgb | None = None


def resolve(ref: str) -> ModelCard:
    """Find ``critters``, ``sd14-synthetic``, a folder, a file, a name in the user's models, or a hub id ``owner/name``.

    Folders and files are checked, not loaded; nothing is downloaded. Raises :class:`BackendError` in one line.
    """
    if ref.startswith(f"~{os.sep}"):
        ref = str(Path.home() / ref[2:])
    if ref == "critters":
        return _critters()
    if ref == "sd14-synthetic":
        return ModelCard(ref, "synthetic", None, synthetic=True, latent_channels=4)
    path = next(filter(_exists, (Path(ref), paths.data_dir() / "models" / ref)), None) if ref else None
    if path is not None:
        return _local(path)
    if _HUB_ID.fullmatch(ref) and not ref.endswith(CHECKPOINTS):
        return _hub(ref)
    raise BackendError(
        f"no model {ref[:100]!r}: expected critters, sd14-synthetic, a diffusers folder, a .safetensors or .ckpt file, or a "
        "hub id OWNER/NAME"
    )


def available_models() -> list[ModelCard]:
    """What can run without a download: built-in, synthetic, the user's ``models`` and the Hugging Face cache."""
    cards = [card for card in map(_usable, ("critters", "sd14-synthetic")) if card]
    folder = paths.data_dir() / "models"
    own = sorted(folder.iterdir()) if folder.is_dir() else []
    cards += [card for card in map(_usable, (str(path) for path in own)) if card]
    return cards + [card for card in map(_usable, _cached_hub_ids()) if card and card.path]


def fetch(card: ModelCard, progress: Progress) -> ModelCard:
    """Download a hub model that is not in the cache; any other card comes back as it is. Only workers call this."""
    if card.kind != "hub" or card.path is not None:
        return card
    from backends.hub import download

    return replace(_folder_card(download(card.name, progress), card.name), kind="hub")


def weights_sha256(card: ModelCard) -> str | None:
    """SHA-256 of the weights that are loaded (of a folder: over its files' names and hashes); of the synthetic model:
    of its recipe; None for a hub model that is not here. Cached by path, size and modification time."""
    if card.synthetic:
        return hashlib.sha256(SYNTHETIC_RECIPE.encode()).hexdigest()
    if card.path is None:
        return None
    if card.path.is_file():
        return _file_sha256(card.path)
    digest = hashlib.sha256()
    for name, weights in sorted(read_folder(card.path).weights.items()):
        for file in weights.files:
            digest.update(f"{name}/{file.name}\0{_file_sha256(file)}\n".encode())
    return digest.hexdigest()


def _critters() -> ModelCard:
    path = paths.ASSETS / "critters"
    if not (path / "model_index.json").is_file():
        raise BackendError(
            f"the built-in model is missing: expected it at {path}; check out the repository again"
        )
    return replace(_folder_card(path, "critters"), kind="critters")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for the system, or with a zero byte
        return False


def _local(path: Path) -> ModelCard:
    path = path.resolve()
    if path.is_dir():
        return _folder_card(path, path.name)
    if path.suffix not in CHECKPOINTS:
        raise BackendError(f"{path} is no model: expected a diffusers folder, a .safetensors or a .ckpt file")
    if path.suffix == ".ckpt":
        check_pickle(path)
        return ModelCard(path.stem, "file", path, latent_channels=4)
    generation = checkpoint_generation(safetensors_keys(path), path)
    size = 768 if generation == "2" else 512
    return ModelCard(path.stem, "file", path, defaults=Defaults(size, size), latent_channels=4)


def _hub(ref: str) -> ModelCard:
    from backends.hub import cached_snapshot

    path = cached_snapshot(ref)
    if path is None:
        return ModelCard(ref, "hub", None)
    return replace(_folder_card(path, ref), kind="hub")


def _folder_card(path: Path, name: str) -> ModelCard:
    folder = read_folder(path)
    unet, channels = folder.configs["unet"], int(folder.configs["unet"].get("in_channels", 4))
    sample = unet.get("sample_size") or 64
    size = _pixels(sample if isinstance(sample, int) else max(sample))
    names = {class_name: scheduler for scheduler, class_name in SCHEDULER_CLASSES.items()}
    defaults = Defaults(size, size, scheduler=names.get(folder.scheduler_class, Defaults.scheduler))
    card = ModelCard(name, "folder", path, defaults=defaults, latent_channels=channels)
    return _with_workbench_file(card, path / "workbench.json")


def _with_workbench_file(card: ModelCard, file: Path) -> ModelCard:
    """Defaults and preview matrix from our own ``workbench.json``, where the folder has one."""
    if not file.is_file():
        return card
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        defaults = replace(card.defaults, **said.get("defaults", {}))
        Request("any", **asdict(defaults)).check()
        rgb = said.get("latent_rgb")
        latent_rgb = (
            LatentRgb(tuple(_triple(row) for row in rgb["matrix"]), _triple(rgb["bias"])) if rgb else None
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(f"{file} is damaged: {error!r}") from error
    if latent_rgb and len(latent_rgb.matrix) != card.latent_channels:
        raise BackendError(f"{file} is damaged: its matrix has not a row for each latent channel")
    return replace(card, name=str(said.get("name", card.name)), defaults=defaults, latent_rgb=latent_rgb)


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _pixels(latent_size: int) -> int:
    return min(max(latent_size * SIZE_MULTIPLE, MINIMUM_SIZE), MAXIMUM_SIZE)


def _usable(ref: str) -> ModelCard | None:
    try:
        return resolve(ref)
    except BackendError:
        return None


def _cached_hub_ids() -> Iterator[str]:
    from backends.hub import cache_root

    root = cache_root()
    for folder in sorted(root.glob("models--*--*")) if root.is_dir() else ():
        yield folder.name.removeprefix("models--").replace("--", "/", 1)


def _file_sha256(path: Path) -> str:
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()
    cache = paths.cache_dir() / "weights-sha256" / key
    if cache.is_file():
        return cache.read_text()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with suppress(OSError):  # where the cache cannot be written, the next one hashes again
        cache.parent.mkdir(exist_ok=True)
        unfinished = cache.with_suffix(f".{os.getpid()}")
        unfinished.write_text(digest)
        unfinished.replace(cache)
    return digest
