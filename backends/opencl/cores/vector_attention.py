"""The vector core's attention: blocks of queries past blocks of keys, vectors along the queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from backends.opencl.editing import Editor, elementwise
from backends.opencl.graph import Operation, Value, View, dense_strides
from backends.opencl.launch import Launch, Macros, made, numbered

TILES = {16: (5, 4), 8: (4, 2)}
"""By the floats of a vector: rows and vectors of a tile. Its sums and a row of either operand fit into 32 or 16 registers."""
QUERIES = 64
KEYS_AT_ONCE = 80
WORTH_GATHERING = 512
"""Keys, from which on those of a head are first copied together: every block of queries reads them all again."""
SETTINGS = {"queries": (32, 64, 128), "keys_at_once": (40, 80, 160)}
"""Worth trying in the place of QUERIES and KEYS_AT_ONCE."""
_STEPS = ("A1_S2", "A1_S3", "A2_S2", "A2_S3")
FIXED = ("W", "R", "VQ", "QUERIES", "KEYS_AT_ONCE", "D", "DENSE", "MASKED", "STAGED", *_STEPS)


def gathered(editor: Editor, operation: Operation) -> list[Operation] | None:
    """Attention over keys and values of which every head's lie together, copied where many lie among other heads'."""
    query, *pair = operation.inputs[:3]
    copies: list[Operation] = []

    def together(view: View) -> View:
        if view.shape[2] < WORTH_GATHERING or view.strides == dense_strides(view.shape):
            return view
        copy = editor.value("gathered", view.shape, dtype=editor.values[view.value].dtype)
        copies.append(elementwise(operation, "copy", (view,), copy))
        return copy

    inputs = (query, *map(together, pair), *operation.inputs[3:])
    return [*copies, replace(operation, inputs=inputs)] if copies else None


def launch(values: Mapping[str, Value], operation: Operation, lanes: int) -> Launch:
    """The launch of a ``flash_attention`` of any head size and length."""
    batch, heads, tokens, width = operation.output.shape
    query, keys, content, *mask = operation.inputs
    rows, vectors = TILES[lanes]
    tile = vectors * lanes
    chosen = {"queries": QUERIES, "keys_at_once": KEYS_AT_ONCE, **operation.attributes.get("tiles", {})}
    queries = min(-(-chosen["queries"] // tile), -(-tokens // tile)) * tile
    count = keys.shape[2]
    views = (query, keys, content, operation.output)
    macros: Macros = {"W": lanes, "R": rows, "VQ": vectors, "QUERIES": queries, "D": width}
    at_once = -(-chosen["keys_at_once"] // rows) * rows
    macros |= {"TOKENS": tokens, "KEYS": count, "KEYS_AT_ONCE": at_once}
    macros |= {"MASKED": int(bool(mask)), "DENSE": int(all(view.strides[3] == 1 for view in views))}
    macros["STAGED"] = int(any(values[view.value].dtype != "fp32" for view in (keys, content)))
    macros["SCALE"] = float(operation.attributes["scale"]) * math.log2(math.e)
    sizes = (heads, -(-tokens // queries), batch), (1, 1, 1)
    flops = 4 * batch * heads * tokens * count * width
    sources = ("vectors.cl", "vector_attention.cl")
    return made(
        values,
        operation,
        "vector_attention",
        numbered(operation),
        macros,
        sizes,
        *sources,
        flops=flops,
        fixed=FIXED,
    )
