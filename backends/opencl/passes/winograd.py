"""Winograd's minimal filtering (arXiv 1509.09308) of 3×3 convolutions: fewer products, for two transforms and memory.

F(4×4, 3×3) takes 36 products where 144 were, and holds 2.25 times the input; F(2×2, 3×3) 16 where 36 were, and 4 times.
In fp32 the error of the larger tile is about 1e-5 of the largest value; in fp16 storage it grows with the transformed
values, so that the smaller tile is taken there.
"""

from __future__ import annotations

import numpy as np

from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation, Value, View

FEWEST_CHANNELS = 32
FEWEST_TILES = 16
TILES = {"fp32": 4, "fp16": 2}
FILTER_TRANSFORMS = {
    2: np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
    4: np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
}
"""G of the paper, by output tile: a filter g becomes G g G^T."""


def apply(graph: Graph, enabled: bool, tile: int) -> Graph:
    """On: 3×3 stride-1 convolutions with enough channels and tiles, in tiles of ``tile`` pixels."""
    if not enabled:
        return graph

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind != "conv2d" or not pays(operation, tile):
            return None
        return _transformed(editor, operation, tile)

    return rewritten(graph, replacement)


def pays(operation: Operation, tile: int) -> bool:
    """Whether a convolution is of the right form and large enough for the transforms to be worth it."""
    attributes = operation.attributes
    form = (attributes["kernel"], attributes["stride"], attributes["padding"], attributes["upsample"])
    n, channels, height, width = operation.output.shape
    tiles = n * -(-height // tile) * -(-width // tile)
    return (
        form == (3, 1, 1, 1)
        and min(channels, operation.inputs[0].shape[1]) >= FEWEST_CHANNELS
        and tiles >= FEWEST_TILES
    )


def _transformed(editor: Editor, operation: Operation, tile: int) -> list[Operation]:
    x, weight, *extras = operation.inputs
    n, channels, height, width = operation.output.shape
    alpha, tiles = tile + 2, n * -(-height // tile) * -(-width // tile)
    filters = _filters(editor, weight, tile)
    spread = editor.value("winograd_input", (alpha * alpha, tiles, x.shape[1]))
    products = editor.value("winograd_products", (alpha * alpha, tiles, channels))
    batched = [_batched(view) for view in (spread, filters, products)]
    module = operation.module
    return [
        Operation("winograd_input", (x,), spread, {"tile": tile, "padding": 1}, module),
        Operation("matmul", tuple(batched[:2]), batched[2], {"scale": 1.0, "extras": ()}, module),
        Operation(
            "winograd_output",
            (products, *extras),
            operation.output,
            {"tile": tile, "extras": operation.attributes["extras"]},
            module,
        ),
    ]


def _filters(editor: Editor, weight: View, tile: int) -> View:
    """(3, 3, C, O) → (A*A, C, O), computed in float64."""
    name = f"{weight.value}.winograd{tile}"
    array = editor.weights[weight.value].astype(np.float64)
    transform = FILTER_TRANSFORMS[tile]
    filters = np.einsum("ai,ijco,bj->abco", transform, array, transform, optimize=True)
    filters = filters.reshape(-1, *array.shape[2:])
    if name not in editor.values:
        editor.values[name] = Value(name, filters.size, editor.values[weight.value].dtype)
        editor.weights[name] = np.ascontiguousarray(filters, np.float32)
    return View(name, filters.shape, (filters.shape[1] * filters.shape[2], filters.shape[2], 1))


def _batched(view: View) -> View:
    reshaped = view.reshaped((1, *view.shape))
    assert reshaped is not None
    return reshaped
