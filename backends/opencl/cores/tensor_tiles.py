"""Which tile a product takes on tensor cores, and whether its depth is split over more work-groups: by an estimate of time.

The estimate knows what a multiprocessor does with one group alone or with several, and that the last round of groups
leaves some of them idle. Its constants stand here, to be measured: ``benchmarks/opencl_tiles.py`` times every
choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backends.opencl.cores.tensor_chip import Chip, elements
from backends.opencl.graph import Operation
from backends.opencl.passes import winograd

RATE = {"fp16": 3.0e12, "fp32": 0.6e12}
"""FLOP/s of one multiprocessor with its best tile."""
BANDWIDTH = 3.4e12
"""Bytes/s of the memory."""
LAUNCH = 2.5e-6
"""Seconds between a kernel and the next."""
TURN = 1.5e-6
"""Seconds to fill and to empty a group's pipeline."""
ALONE = 0.65
"""What one group alone makes of its multiprocessor's rate; two come to all of it."""
SPLITS = (1, 2, 3, 4, 6, 8)
WORTH_SPLITTING = 1.15
"""The gain that a split must promise: it is another kernel."""
FEWEST_STEPS = 8
"""Blocks of depth below which a slice does not pay."""
DEEP, BLOCKS_OF_RUN = 2048, 8
"""From which depth on, and after how many blocks, sums of floats join totals: see ``benchmarks/opencl_sums.py``."""


@dataclass(frozen=True)
class Tile:
    """What a work-group multiplies at a time: ``m`` rows by ``n`` columns, ``warp_m`` by ``warp_n`` of them each warp."""

    m: int
    n: int
    warp_m: int
    warp_n: int
    stages: int
    """Tiles of both operands in local memory at most."""
    speed: float
    """Of its multiprocessor, against the best, as fragments are loaded for more or fewer products."""
    registers: int = 255
    """Of a work-item at most: 128 where that lets one more group share the multiprocessor for a few bytes that spill."""

    @property
    def threads(self) -> int:
        return self.m // self.warp_m * (self.n // self.warp_n) * 32

    def stages_in(self, local_memory: int) -> int:
        """As many as there is room for, of 64 bytes a row or column."""
        return max(2, min(self.stages, local_memory // (64 * (self.m + self.n))))


Tiles = Mapping[str, Sequence[Tile]]
TILES: Tiles = {
    "fp16": (
        Tile(128, 128, 64, 64, 3, 1.0),
        Tile(128, 64, 64, 32, 4, 0.85),
        Tile(64, 64, 32, 32, 4, 0.65),
    ),
    "fp32": (
        Tile(128, 128, 64, 32, 3, 1.0, 128),
        Tile(128, 64, 64, 32, 4, 0.95, 128),
        Tile(64, 64, 32, 32, 4, 0.85),
    ),
}


@dataclass(frozen=True)
class Sizes:
    """Of a product: ``batch`` times (m x k) (k x n), stored at ``precision``."""

    m: int
    n: int
    k: int
    batch: int
    precision: str

    @property
    def bytes(self) -> int:
        each = 2 if self.precision == "fp16" else 4
        return each * self.batch * (self.m * self.k + self.k * self.n + self.m * self.n)


def seconds(sizes: Sizes, tile: Tile, splits: int, units: int) -> float:
    """What a product takes, about, with its depth in ``splits`` slices."""
    groups = -(-sizes.m // tile.m) * -(-sizes.n // tile.n) * sizes.batch * splits
    turns = -(-groups // units)
    depth = -(-sizes.k // splits)
    rate = RATE[sizes.precision] * tile.speed * (ALONE if turns == 1 else 1.0)
    busy = turns * 2 * tile.m * tile.n * depth / rate + TURN
    time = max(busy, sizes.bytes / BANDWIDTH) + LAUNCH
    if splits > 1:
        partial = 4 * sizes.m * sizes.n * splits
        time += LAUNCH + 2 * partial / BANDWIDTH
    return time


def worth_trying(sizes: Sizes, splits: int) -> bool:
    """Whether every slice would be deep enough."""
    return splits == 1 or sizes.k >= splits * FEWEST_STEPS * 4 * elements(sizes.precision)


def chosen(sizes: Sizes, tiles: Tiles, chip: Chip, splits: Sequence[int]) -> tuple[Tile, int]:
    """The tile and the number of slices that end first."""
    allowed = [count for count in splits if worth_trying(sizes, count)]
    options = [(tile, count) for tile in tiles[sizes.precision] for count in allowed or splits[:1]]

    def cost(option: tuple[Tile, int]) -> float:
        return seconds(sizes, *option, chip.units) * (WORTH_SPLITTING if option[1] > 1 else 1.0)

    return min(options, key=cost)


def blocks_of_run(sizes: Sizes, splits: int) -> int:
    """Blocks of depth after which the tensor cores' sums are added to totals; 0 where one sum is exact enough.

    They cut off what a float cannot hold, so that a sum loses about 6e-9 of itself with every product. Halves lose more
    when they are stored.
    """
    return BLOCKS_OF_RUN if sizes.precision == "fp32" and sizes.k // splits >= DEEP else 0


def best_seconds(sizes: Sizes, chip: Chip, tiles: Tiles = TILES) -> float:
    """What the product takes, about, by its best tile and slices."""
    return seconds(sizes, *chosen(sizes, tiles, chip, SPLITS if sizes.batch == 1 else (1,)), chip.units)


MOST_TRANSFORMED = 24_000_000
"""Elements of a transformed image. One convolution of Stable Diffusion 1.4 has more (31 million, 960 channels at 64×64): it
would gain a hundredth of an iteration and set the size of the arena, a fifth more memory for all."""


def winograd_tile(operation: Operation, largest: int, precision: str, chip: Chip) -> int | None:
    """The tile of a 3×3 convolution that is faster by Winograd's transforms than by an implicit product; None where none is.

    On tensor cores a product costs little against what the transforms move: F(2×2) writes and reads 4 times the input and
    4 times the output, and saves 2.25 of the products; F(4×4) 2.25 times, and saves 4. So in fp16, at twice to five times
    the rate of fp32 and with the smaller tile only, few shapes gain; in fp32 most do, but for small images.
    """
    if not winograd.fits(operation):
        return None
    n, features, height, width = operation.output.shape
    channels, pixels = operation.inputs[0].shape[1], n * height * width
    each = 2 if precision == "fp16" else 4
    times: dict[int | None, float] = {
        None: best_seconds(Sizes(pixels, features, 9 * channels, 1, precision), chip)
    }
    for tile in (2, 4):
        if tile > largest:
            continue
        batch, tiles = (tile + 2) ** 2, winograd.count(operation, tile)
        if batch * tiles * channels > MOST_TRANSFORMED:
            continue
        moved = each * (channels + features) * (batch * tiles + pixels)
        product = best_seconds(Sizes(tiles, features, channels, batch, precision), chip)
        times[tile] = product + moved / BANDWIDTH + 2 * LAUNCH
    return min(times, key=lambda tile: times[tile])
