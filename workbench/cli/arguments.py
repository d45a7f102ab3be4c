"""Options that commands share, read strictly: what is wrong is said in one line, with what is allowed."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn

from backends.contract import MAXIMUM_SEED, SCHEDULERS, Request, Variant
from backends.models import ModelCard
from backends.registry import BACKENDS
from backends.variants import InvalidVariant, parse_variant
from workbench.comparison import MAXIMUM_REPEATS
from workbench.environment import MEBIBYTE

DEFAULT_MODEL = "critters"
DEFAULT_VARIANT = next(iter(BACKENDS))
STDOUT = "-"


class UsageError(ValueError):
    """Arguments that make no sense, in one line."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` instead of printing its usage, and takes no abbreviations."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see: run {' '.join([*self.prog.split()[1:], '--help'])})")


def add_request_options(parser: argparse.ArgumentParser, prompt_required: bool = True) -> None:
    """The options that make a :class:`Request`; what is left out is the model's own default."""
    group = parser.add_argument_group("what to make")
    group.add_argument(
        "--prompt",
        type=text_argument,
        required=prompt_required,
        metavar="TEXT",
        help="what the picture should show",
    )
    group.add_argument(
        "--negative", type=text_argument, default="", metavar="TEXT", help="what it should not show"
    )
    group.add_argument("--model", default=DEFAULT_MODEL, metavar="M", help=_MODEL_HELP)
    group.add_argument(
        "--seed", type=_whole("seed", f"0 to {MAXIMUM_SEED} (64 bits)"), default=0, metavar="N"
    )
    group.add_argument(
        "--steps", type=_whole("number of steps", "1 to 1000"), metavar="N", help="denoising iterations"
    )
    group.add_argument(
        "--guidance", type=_guidance, metavar="F", help="classifier-free guidance scale; 1 is none"
    )
    group.add_argument("--size", type=_size, metavar="WxH", help="in pixels, multiples of 8")
    group.add_argument("--scheduler", metavar="NAME", help=", ".join(SCHEDULERS))


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """The options of how it is run and measured."""
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--kernels", action="store_true", help="record per-operation times as spans in the JSON"
    )
    group.add_argument(
        "--arenas",
        action="store_true",
        help="record in the JSON where OpenCL's intermediate tensors lie, and when",
    )
    group.add_argument(
        "--memory-budget", type=_budget, metavar="MIB", help="what all workers may take; default 60 %%"
    )
    add_json_option(group)


def add_json_option(parser: Any) -> None:
    """``--json FILE``, or ``-`` for stdout."""
    parser.add_argument("--json", metavar="FILE", help="write the results as JSON; - for stdout")


def request_of(options: argparse.Namespace, card: ModelCard) -> Request:
    """The request, complete and checked. Raises InvalidRequest."""
    width, height = options.size or (card.defaults.width, card.defaults.height)
    return Request(
        prompt=options.prompt if options.prompt is not None else "(UNet only)",
        negative_prompt=options.negative,
        seed=options.seed,
        steps=card.defaults.steps if options.steps is None else options.steps,
        guidance_scale=card.defaults.guidance_scale if options.guidance is None else options.guidance,
        width=width,
        height=height,
        scheduler=card.defaults.scheduler if options.scheduler is None else options.scheduler,
    ).check()


def variant(text: str) -> Variant:
    """A variant's line, for argparse."""
    try:
        return parse_variant(text)
    except InvalidVariant as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def repeats(text: str) -> int:
    """How often a comparison is repeated, for argparse."""
    return _whole("number of repeats", f"1 to {MAXIMUM_REPEATS}")(text)


def json_path(options: argparse.Namespace) -> Path | None:
    """The file that ``--json`` names; None for stdout or where there is none."""
    return None if options.json in (None, STDOUT) else Path(options.json)


_MODEL_HELP = "critters (default), sd14-synthetic, a diffusers folder, a .safetensors or .ckpt file, or a hub id OWNER/NAME"


def _whole(name: str, allowed: str) -> Any:
    def whole(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,100}", text.strip()):
            raise argparse.ArgumentTypeError(
                f"the {name} is {_shown(text)}; allowed are whole numbers from {allowed}"
            )
        return int(text)

    return whole


def text_argument(text: str) -> str:
    """Any text, for argparse."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text[:60]!a} is no text: its bytes are not UTF-8") from None
    return text


def _guidance(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"the guidance scale is {_shown(text)}; allowed are 0 to 100"
        ) from None


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})(?:[xX×](\d{1,6}))?", text.strip())
    if not match:
        raise argparse.ArgumentTypeError(
            f"the size is {_shown(text)}; write WIDTHxHEIGHT in pixels, such as 512x512"
        )
    return int(match[1]), int(match[2] or match[1])


def _budget(text: str) -> int:
    match = re.fullmatch(r"\d{1,9}", text.strip())
    if not match or not int(text):
        raise argparse.ArgumentTypeError(
            f"the memory budget is {_shown(text)}; expected a whole number of MiB above 0"
        )
    return int(text) * MEBIBYTE


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
