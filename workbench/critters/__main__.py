"""`python -m workbench.critters --count 64 --seed 0 --out sheet.png`: a contact sheet of critters."""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import torch

from workbench.critters.artist import draw, save_sheet
from workbench.critters.attributes import ATTRIBUTES, Critter
from workbench.critters.captions import caption
from workbench.critters.sampling import sample


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workbench.critters", description=__doc__)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("sheet.png"))
    parser.add_argument("--columns", type=int, help="pictures to a row (default: a square sheet)")
    parser.add_argument("--size", type=int, default=256, help="pixels a side of each picture")
    parser.add_argument("--captions", action="store_true", help="print a caption of each")
    parser.add_argument("--held-out", action="store_true", help="only the combinations kept out of training")
    parser.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="ATTRIBUTE=VALUE",
        help="draw only critters that have this",
    )
    arguments = parser.parse_args()
    attributes = sample(arguments.count, arguments.seed, True if arguments.held_out else None)
    for fixed in arguments.fix:
        name, _, value = fixed.partition("=")
        if value not in ATTRIBUTES.get(name, ()):
            parser.error(f"--fix {fixed}: expected one of " + ", ".join(ATTRIBUTES.get(name, ATTRIBUTES)))
        attributes[:, list(ATTRIBUTES).index(name)] = ATTRIBUTES[name].index(value)
    seeds = torch.arange(arguments.count) + arguments.seed * 1_000_003
    images = draw(attributes, seeds, size=arguments.size)
    save_sheet(arguments.out, images, arguments.columns or math.isqrt(max(arguments.count - 1, 0)) + 1)
    if arguments.captions:
        rng = random.Random(arguments.seed)
        for row in attributes.tolist():
            print(caption(Critter.from_indices(row), rng))


if __name__ == "__main__":
    main()
