"""What a person is editing before it becomes a request: raw values, their errors, and what is kept until next time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from backends.contract import SCHEDULERS, InvalidRequest, Request
from workbench.comparison import MAXIMUM_REPEATS
from workbench.seeds import parse_seeds

MAXIMUM_REQUESTS = 64
_SIZE = re.compile(r"\s*(-?\d+)\s*(?:[x×*,]\s*(-?\d+))?\s*")
_PROBE = Request(prompt="probe")
_REQUEST_FIELDS = (
    "prompt",
    "negative_prompt",
    "seed",
    "steps",
    "guidance_scale",
    "size",
    "scheduler",
    "repeats",
)


@dataclass(frozen=True)
class Draft:
    """The settings as typed. ``seed`` and ``size`` are text, so that what is wrong with them can be said.

    ``prompt_per_line``: every line of the prompt is a prompt of its own. ``kernels``: record every operation, too.
    """

    prompt: str = ""
    negative_prompt: str = ""
    seed: str = "42"
    keep_seed: bool = True
    steps: int = 25
    guidance_scale: float = 5.0
    size: str = "256 × 256"
    scheduler: str = "ddim"
    model: str = "critters"
    prompt_per_line: bool = False
    repeats: int = 1
    kernels: bool = False

    def requests(self) -> tuple[Request, ...]:
        """Every prompt with every seed. Raises InvalidRequest naming the first field that is wrong."""
        width, height = self._size()
        found = tuple(
            Request(
                prompt=prompt,
                negative_prompt=self.negative_prompt.strip(),
                seed=seed,
                steps=self.steps,
                guidance_scale=self.guidance_scale,
                width=width,
                height=height,
                scheduler=self.scheduler,
            ).check()
            for prompt in self.prompts()
            for seed in parse_seeds(self.seed)
        )
        if len(found) > MAXIMUM_REQUESTS:
            raise InvalidRequest(
                "seed",
                f"that makes {len(found)} pictures a variant; at most {MAXIMUM_REQUESTS} are taken at once",
            )
        return found

    def prompts(self) -> tuple[str, ...]:
        """The prompt, or every line of it that says something; one empty prompt where there is none."""
        whole = self.prompt.strip()
        lines = tuple(line.strip() for line in whole.splitlines() if line.strip())
        return (lines or ("",)) if self.prompt_per_line else (whole,)

    def problem(self, name: str) -> str | None:
        """What is wrong with one field of the draft, or None. ``size`` stands for width and height."""
        try:
            if name == "model":
                return (
                    None if self.model.strip() else "no model is chosen; pick one, or name a folder or a file"
                )
            if name == "seed":
                parse_seeds(self.seed)
            elif name == "repeats":
                if not 1 <= self.repeats <= MAXIMUM_REPEATS:
                    return f"the number of repeats is {self.repeats}; allowed are 1 to {MAXIMUM_REPEATS}"
            elif name == "prompt":
                for prompt in self.prompts():
                    replace(_PROBE, prompt=prompt).check()
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
            prompt_per_line=False,
            seed=str(request.seed),
            keep_seed=True,
            steps=request.steps,
            guidance_scale=request.guidance_scale,
            size=format_size(request.width, request.height),
            scheduler=request.scheduler,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them back."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_json(cls, data: object) -> Draft:
        """Read what :meth:`to_json` wrote; a value that no longer makes sense falls back to its default."""
        default = cls()
        if not isinstance(data, dict):
            return default
        kept: dict[str, Any] = {}
        for item in fields(cls):
            value, usual = data.get(item.name), getattr(default, item.name)
            if _like(value, usual):
                kept[item.name] = type(usual)(value)
        if kept.get("scheduler") not in SCHEDULERS:
            kept.pop("scheduler", None)
        return replace(default, **kept)

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


def _like(value: object, usual: object) -> bool:
    if isinstance(usual, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(usual)
