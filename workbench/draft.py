"""What a person is editing before it becomes a request: raw values, their errors, and what is kept until next time."""

from __future__ import annotations

import math
import re
import secrets
from dataclasses import dataclass, field, fields, replace
from typing import Any

from backends.contract import SCHEDULERS, InvalidRequest, Request, Variant
from backends.registry import BACKENDS
from backends.variants import InvalidVariant, format_variant, parse_variant

_SIZE = re.compile(r"\s*(-?\d+)\s*(?:[x×*,]\s*(-?\d+))?\s*")
_PROBE = Request(prompt="probe")
_REQUEST_FIELDS = ("prompt", "negative_prompt", "seed", "steps", "guidance_scale", "size", "scheduler")


def default_variant() -> Variant:
    """The first backend of the registry, at its defaults."""
    return parse_variant(next(iter(BACKENDS)))


@dataclass(frozen=True)
class Draft:
    """The settings as typed. ``seed`` and ``size`` are text, so that what is wrong with them can be said."""

    prompt: str = ""
    negative_prompt: str = ""
    seed: str = "42"
    keep_seed: bool = True
    steps: int = 25
    guidance_scale: float = 5.0
    size: str = "256 × 256"
    scheduler: str = "ddim"
    model: str = "critters"
    variant: Variant = field(default_factory=default_variant)

    def request(self) -> Request:
        """The request this draft asks for. Raises InvalidRequest naming the first field that is wrong."""
        width, height = self._size()
        return Request(
            prompt=self.prompt.strip(),
            negative_prompt=self.negative_prompt.strip(),
            seed=self._seed(),
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            width=width,
            height=height,
            scheduler=self.scheduler,
        ).check()

    def problem(self, name: str) -> str | None:
        """What is wrong with one field of the draft, or None. ``size`` stands for width and height."""
        try:
            if name == "model":
                return (
                    None if self.model.strip() else "no model is chosen; pick one, or name a folder or a file"
                )
            if name == "seed":
                replace(_PROBE, seed=self._seed()).check()
            elif name == "size":
                width, height = self._size()
                replace(_PROBE, width=width, height=height).check()
            elif name in _REQUEST_FIELDS:
                replace(_PROBE, **{name: getattr(self, name)}).check()
        except InvalidRequest as error:
            return str(error)
        return None

    def problems(self) -> dict[str, str]:
        """Every field that is wrong, with its message."""
        found = {name: self.problem(name) for name in (*_REQUEST_FIELDS, "model")}
        return {name: message for name, message in found.items() if message}

    def with_request(self, request: Request) -> Draft:
        """The draft that asks for ``request`` again, with the same seed."""
        return replace(
            self,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            seed=str(request.seed),
            keep_seed=True,
            steps=request.steps,
            guidance_scale=request.guidance_scale,
            size=format_size(request.width, request.height),
            scheduler=request.scheduler,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them back."""
        return {item.name: getattr(self, item.name) for item in fields(self)} | {
            "variant": format_variant(self.variant)
        }

    @classmethod
    def from_json(cls, data: object) -> Draft:
        """Read what :meth:`to_json` wrote; a value that no longer makes sense falls back to its default."""
        default = cls()
        if not isinstance(data, dict):
            return default
        kept: dict[str, Any] = {}
        for item in fields(cls):
            value, usual = data.get(item.name), getattr(default, item.name)
            if item.name == "variant":
                kept["variant"] = _variant_or_none(value) or usual
            elif _like(value, usual):
                kept[item.name] = type(usual)(value)
        if kept.get("scheduler") not in SCHEDULERS:
            kept.pop("scheduler", None)
        return replace(default, **kept)

    def _seed(self) -> int:
        try:
            return int(self.seed.strip())
        except ValueError:
            given = repr(self.seed.strip()) if self.seed.strip() else "empty"
            raise InvalidRequest(
                "seed", f"the seed is {given}; allowed are whole numbers from 0 to 2⁶⁴ − 1"
            ) from None

    def _size(self) -> tuple[int, int]:
        match = _SIZE.fullmatch(self.size)
        if not match:
            raise InvalidRequest(
                "width", f"the size is {self.size.strip()!r}; write it as WIDTH×HEIGHT, such as 256×256"
            )
        width = int(match[1])
        return width, int(match[2]) if match[2] else width


def format_size(width: int, height: int) -> str:
    """A size as the window writes it, ``256 × 256``."""
    return f"{width} × {height}"


def random_seed() -> str:
    """A new seed of at most 32 bits: short enough to read out, and what other tools take."""
    return str(secrets.randbelow(2**32))


def _variant_or_none(line: object) -> Variant | None:
    try:
        return parse_variant(line) if isinstance(line, str) else None
    except InvalidVariant:
        return None


def _like(value: object, usual: object) -> bool:
    if isinstance(usual, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(usual)
