"""The tensor core's attention: how many queries and keys a work-group takes, by head size, precision and number of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backends.opencl.cores.tensor_chip import Chip, elements, in_chunks
from backends.opencl.cores.tensor_halves import SLICES
from backends.opencl.graph import Operation, Value, View
from backends.opencl.launch import Launch, Macros, made, numbered

LARGEST_HEAD = 160
"""What the registers of a warp hold beside the queries."""
THREADS = 128
CHUNKS = 768
"""Of a quarter of the 48 KiB of local memory: keys or values that are multiplied, and those that come."""
TWO_TILES = ("fp16",)
WIDEST_OF_TWO = 64
FIXED = frozenset(
    (
        "NVIDIA",
        "HALVES",
        "THREADS",
        "MT",
        "BKV",
        "D",
        "DP",
        "SCATTERED",
        "MASKED",
        "PAIRS",
        "RAGGED",
        "PARTS",
        "SPLITTING",
        "SLICES",
    )
)


def attends(width: int, keys: int) -> bool:
    """Scores are never worth writing here, as long as a head fits."""
    return width <= LARGEST_HEAD


def attention(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    """The launch of one ``flash_attention``, or of one ``halves_attention``."""
    batch, heads, tokens, width = operation.output.shape
    parts = 2 if operation.kind == "halves_attention" else 1
    query, keys, held = (_big(view) if parts == 2 else view for view in operation.inputs[:3])
    mask = operation.inputs[3:] if parts == 1 else ()
    dtypes = {values[view.value].dtype for view in (query, keys, held)}
    precision = "fp16" if dtypes == {"fp16"} else "fp32"
    count = elements(precision)
    scattered = len(dtypes) > 1 or not all(in_chunks(view, 3, count) for view in (query, keys, held))
    row_tiles, block = tiling(precision, width, tokens, batch * heads, chip.units, parts)
    macros: Macros = chip.macros | {"HALVES": int(precision == "fp16"), "THREADS": THREADS}
    macros |= {"MT": row_tiles, "BKV": block, "D": width, "DP": padded(width, precision)}
    macros |= {"HEADS": heads, "TOKENS": tokens, "KEYS": keys.shape[2], "SCATTERED": int(scattered)}
    macros |= {"MASKED": len(mask), "SCALE": float(operation.attributes["scale"])}
    macros |= {"PARTS": parts, "PART": query.elements, "SPLITTING": 0, "SLICES": SLICES}
    macros["PAIRS"] = int(in_chunks(operation.output, 3, 2))
    macros["RAGGED"] = int(keys.shape[2] % block != 0)
    queries = 64 * row_tiles
    sizes = (-(-tokens // queries) * THREADS, batch * heads), (THREADS, 1)
    flops = 4 * batch * heads * tokens * keys.shape[2] * width
    sources = ("warps.cl", "tensor_instructions.cl", "halves.cl", "tensor_attention.cl")
    views = numbered(operation) | {"A0": query, "A1": keys, "A2": held}
    return made(
        values, operation, "tensor_attention", views, macros, sizes, *sources, flops=flops, fixed=FIXED
    )


def _big(view: View) -> View:
    """Of (2, B, H, T, D) halves the big ones, (B, H, T, D)."""
    return replace(view, shape=view.shape[1:], strides=view.strides[1:])


def padded(width: int, precision: str) -> int:
    """A head size filled up to whole steps of depth."""
    step = 2 * elements(precision)
    return -(-width // step) * step


def tiling(
    precision: str, width: int, tokens: int, heads: int, units: int, parts: int = 1
) -> tuple[int, int]:
    """Tiles of 16 queries a warp holds, and keys at a time.

    Two tiles read every key once for twice the queries: in fp16, whose products outrun local memory. They are taken where
    registers hold them and where enough groups are left for every multiprocessor to have one.
    """
    row_chunks = padded(width, precision) // elements(precision) + 1
    keys = next(keys for keys in (64, 32, 16) if parts * keys * row_chunks <= CHUNKS)
    two = precision in TWO_TILES and width <= WIDEST_OF_TWO and -(-tokens // 128) * heads >= units
    return (2 if two else 1), keys
