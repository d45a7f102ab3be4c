"""Seeds as people write them: one, a list, a range, ``1,2,10-14``."""

from __future__ import annotations

import re
import secrets

from backends.contract import MAXIMUM_SEED, InvalidRequest

MAXIMUM_SEEDS = 64
_ITEM = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds in the order written, each once. Raises InvalidRequest for anything else."""
    seeds: dict[int, None] = {}
    for item in text.strip().split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None:
            raise _wrong(f"the seed is {_shown(item)}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise _wrong(f"the range {first}-{last} runs backwards")
        if last > MAXIMUM_SEED:
            raise _wrong(f"the seed is {last}")
        if len(seeds) + last - first + 1 > MAXIMUM_SEEDS:
            raise _wrong(f"there are more than {MAXIMUM_SEEDS} seeds")
        seeds |= dict.fromkeys(range(first, last + 1))
    return tuple(seeds)


def random_seeds(count: int = 1) -> str:
    """That many new seeds in a row, as text; at most 32 bits: short enough to read out, and what other tools take."""
    first = secrets.randbelow(2**32 - count)
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(
        "seed",
        f"{what}; allowed are whole numbers from 0 to 2⁶⁴ − 1 (64 bits), "
        f"or up to {MAXIMUM_SEEDS} of them as a list such as 1,2,10-14",
    )


def _shown(item: str) -> str:
    text = item.strip()
    return repr(text[:40]) if text else "empty"
