"""Pictures as PNG files that carry the settings that made them, and reading the settings back.

Two text chunks: ``parameters``, the convention of AUTOMATIC1111's web UI that other Stable Diffusion tools read and write,
and ``workbench``, the whole of it as JSON.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from backends.contract import InvalidRequest, Picture, Request, Variant
from backends.variants import InvalidVariant, format_variant, parse_variant
from workbench.environment import APPLICATION, version
from workbench.files import write_whole

SAMPLERS = {
    "ddim": "DDIM",
    "pndm": "PLMS",
    "dpm++": "DPM++ 2M",
    "euler": "Euler",
    "euler_a": "Euler a",
    "lms": "LMS",
    "unipc": "UniPC",
    "lcm": "LCM",
}
MAXIMUM_FILE_BYTES = 256 * 2**20
_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r'\s*(\w[\w \-/]*):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')


class UnreadableSettings(ValueError):
    """A file that is no PNG with settings, in one line that says what it is instead."""


@dataclass(frozen=True)
class Settings:
    """What made a picture. ``variant`` and ``model`` are None where another tool made it; ``notices`` says what was lost."""

    request: Request
    variant: Variant | None = None
    model: str | None = None
    weights_sha256: str | None = None
    notices: tuple[str, ...] = ()


def png_bytes(picture: Picture, settings: Settings) -> bytes:
    """The picture as a PNG with both text chunks."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_text("parameters", parameters_text(settings))
    chunks.add_text("workbench", _workbench_text(settings))
    file = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.pixels).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def write_png(path: Path, picture: Picture, settings: Settings) -> None:
    """Write the picture and its settings, whole or not at all. Raises :class:`workbench.files.CannotWrite`."""
    write_whole(path, png_bytes(picture, settings))


def parameters_text(settings: Settings) -> str:
    """The ``parameters`` chunk: prompt, negative prompt, and a line of ``Name: value`` pairs."""
    request = settings.request
    pairs: dict[str, object] = {
        "Steps": request.steps,
        "Sampler": SAMPLERS.get(request.scheduler, request.scheduler),
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
    }
    if settings.weights_sha256:
        pairs["Model hash"] = settings.weights_sha256[:10]
    if settings.model:
        pairs["Model"] = settings.model
    if settings.variant:
        pairs["Variant"] = format_variant(settings.variant)
    pairs["Version"] = f"{APPLICATION} {version(APPLICATION) or ''}".strip()
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"{_NEGATIVE} {request.negative_prompt}")
    text = "\n".join([*lines, ", ".join(f"{name}: {_quoted(str(value))}" for name, value in pairs.items())])
    return text.encode("utf-8", "replace").decode("utf-8")


def read_settings(path: Path) -> Settings:
    """Read back what made a picture, ours or another tool's. Raises :class:`UnreadableSettings` in one line."""
    chunks = _text_chunks(path)
    if "workbench" in chunks:
        return _from_workbench(path, chunks["workbench"])
    if "parameters" in chunks:
        return _from_parameters(path, chunks["parameters"])
    raise UnreadableSettings(
        f"{path} is a PNG without settings: it has neither a 'parameters' nor a 'workbench' text chunk"
    )


def read_picture(path: Path) -> Picture:
    """The picture itself, as RGB. Raises :class:`UnreadableSettings` for what is no picture."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
            return Picture(rgb.width, rgb.height, rgb.tobytes())
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableSettings(f"{path} cannot be read as a picture: {_one_line(error)}") from error


def _workbench_text(settings: Settings) -> str:
    return json.dumps(
        {
            "schema": 1,
            "request": asdict(settings.request),
            "variant": format_variant(settings.variant) if settings.variant else None,
            "model": {"name": settings.model, "weights_sha256": settings.weights_sha256},
            "application": version(APPLICATION),
        },
        allow_nan=False,
    )


def _text_chunks(path: Path) -> dict[str, str]:
    from PIL import Image

    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise UnreadableSettings(
                f"{path} has {path.stat().st_size:,} bytes; at most {MAXIMUM_FILE_BYTES:,} are read"
            )
        with Image.open(path) as image:
            if image.format != "PNG":
                raise UnreadableSettings(f"{path} is a {image.format} file; settings are read from PNG files")
            image.load()  # chunks may follow the pixels, and a truncated file shows here
            return {str(name): str(text) for name, text in getattr(image, "text", {}).items()}
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, UnreadableSettings):
            raise
        raise UnreadableSettings(f"{path} cannot be read as a PNG: {_one_line(error)}") from error


def _from_workbench(path: Path, text: str) -> Settings:
    try:
        said = json.loads(text)
        names = {item.name for item in fields(Request)}
        request = Request(**{name: value for name, value in said["request"].items() if name in names}).check()
        model = said.get("model") or {}
        line = said.get("variant")
        return Settings(
            request, parse_variant(line) if line else None, model.get("name"), model.get("weights_sha256")
        )
    except InvalidVariant as error:
        raise UnreadableSettings(
            f"{path} was made by a variant that this version does not know: {error}"
        ) from error
    except (InvalidRequest, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableSettings(f"the settings in {path} are damaged: {_one_line(error)}") from error


def _from_parameters(path: Path, text: str) -> Settings:
    """Read AUTOMATIC1111's convention; a sampler without a counterpart becomes the default one, and a notice."""
    prompt, negative_prompt, pairs = _split_parameters(text)
    notices: list[str] = []
    try:
        width, height = (int(number) for number in pairs.get("Size", "512x512").lower().split("x"))
        request = Request(
            prompt,
            negative_prompt,
            seed=int(pairs.get("Seed", "0")),
            steps=int(pairs.get("Steps", "25")),
            guidance_scale=float(pairs.get("CFG scale", "7.5")),
            width=width,
            height=height,
            scheduler=_scheduler(pairs.get("Sampler"), notices),
        ).check()
    except InvalidRequest as error:
        raise UnreadableSettings(f"the settings in {path} cannot be run: {error}") from error
    except ValueError as error:
        raise UnreadableSettings(f"the settings in {path} are damaged: {_one_line(error)}") from error
    return Settings(request, _known_variant(pairs.get("Variant")), pairs.get("Model"), notices=tuple(notices))


def _split_parameters(text: str) -> tuple[str, str, dict[str, str]]:
    lines = text.strip().splitlines()
    found = _SETTING.findall(lines[-1]) if lines else []
    pairs = (
        {name: _unquoted(value.strip()) for name, value in found}
        if any(name == "Steps" for name, _ in found)
        else {}
    )
    body = lines[:-1] if pairs else lines
    start = next((index for index, line in enumerate(body) if line.startswith(_NEGATIVE)), len(body))
    negative = "\n".join(body[start:]).removeprefix(_NEGATIVE).strip()
    return "\n".join(body[:start]).strip(), negative, pairs


def _scheduler(sampler: str | None, notices: list[str]) -> str:
    names = {title.lower(): name for name, title in SAMPLERS.items()} | {name: name for name in SAMPLERS}
    wanted = (sampler or "").lower()
    for ending in ("", " karras", " exponential", " a karras"):
        base = wanted.removesuffix(ending) if ending else wanted
        if base in names:
            if ending:
                notices.append(
                    f"the sampler {sampler!r} was read as {SAMPLERS[names[base]]!r}, without its noise schedule"
                )
            return names[base]
    if sampler:
        notices.append(
            f"the sampler {sampler!r} is not known here; {SAMPLERS[Request.scheduler]} is taken instead"
        )
    return Request.scheduler


def _known_variant(line: str | None) -> Variant | None:
    try:
        return parse_variant(line) if line else None
    except InvalidVariant:
        return None


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:\n"') else value


def _unquoted(value: str) -> str:
    if len(value) < 2 or not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
