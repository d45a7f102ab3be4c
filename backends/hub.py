"""Models named by a hub id: the local cache first, and a download that gives up within seconds without a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from backends.contract import BackendError
from backends.model_files import COMPONENTS, WEIGHTS, read_folder

TIMEOUT_SECONDS = 8
PICKLED_OR_SAFE = (".bin", ".safetensors")


def cache_root() -> Path:
    """The Hugging Face cache, where its own environment variables or its default put it."""
    home = Path(
        os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    )
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def cached_snapshot(ref: str) -> Path | None:
    """The folder of ``owner/name`` in the cache; None where it is absent or only partly there.

    Raises :class:`BackendError` where it is there and is another kind of model.
    """
    folder = cache_root() / f"models--{ref.replace('/', '--')}"
    revision = folder / "refs" / "main"
    snapshot = folder / "snapshots" / (revision.read_text().strip() if revision.is_file() else "none")
    if not (snapshot / "model_index.json").is_file():
        return None
    if not all((snapshot / name).is_dir() for name in COMPONENTS):
        return None
    if not all(
        any(file.suffix in PICKLED_OR_SAFE for file in (snapshot / name).iterdir()) for name in WEIGHTS
    ):
        return None
    read_folder(snapshot)
    return snapshot


def download(ref: str, progress: Callable[[str, float | None], None]) -> Path:
    """Fetch the files of a diffusers pipeline (no code, safetensors where there are any) into the Hugging Face cache."""
    import httpx
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    progress("looking up the model", None)
    try:
        info = HfApi().model_info(ref, timeout=TIMEOUT_SECONDS, files_metadata=True)
        sizes = {item.rfilename: item.size or 0 for item in info.siblings or ()}
        names = wanted(sizes)
        done, total = 0, max(1, sum(sizes[name] for name in names))
        for name in names:
            progress("downloading", done / total)
            hf_hub_download(ref, name, revision=info.sha, etag_timeout=TIMEOUT_SECONDS)
            done += sizes[name]
        path = Path(hf_hub_download(ref, "model_index.json", etag_timeout=TIMEOUT_SECONDS)).parent
    except GatedRepoError as error:
        raise BackendError(
            f"{ref} is on the hub, but only for those who accepted its terms and are logged in"
        ) from error
    except RepositoryNotFoundError as error:
        raise BackendError(
            f"there is no folder {ref!r} here and no model {ref!r} on the hub, or it is private"
        ) from error
    except (httpx.HTTPError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise BackendError(
            f"{ref!r} is neither a folder here nor in the local cache, and the hub does not answer "
            f"({type(error).__name__}); give a folder or a file, or connect to the network"
        ) from error
    return path


def wanted(names: Collection[str]) -> list[str]:
    """Of a repository's files those that a StableDiffusionPipeline needs: the index first, pickles only without a safetensors."""
    chosen = ["model_index.json"]
    for component in COMPONENTS:
        inside = [name for name in names if name.startswith(f"{component}/") and name.count("/") == 1]
        chosen += [name for name in inside if name.endswith((".json", ".txt")) and ".index." not in name]
        for suffix in (".safetensors", ".fp16.safetensors", ".bin"):
            weights = [
                name for name in inside if name.endswith(suffix) and name.count(".") == suffix.count(".")
            ]
            if weights:
                chosen += weights
                break
    return [name for name in chosen if name in names]
