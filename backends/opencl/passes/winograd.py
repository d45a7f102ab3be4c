"""Winograd's minimal filtering (arXiv 1509.09308) of 3×3 convolutions: fewer products, for two transforms and memory.

F(4×4, 3×3) takes 36 products where 144 were, and holds 2.25 times the input; F(2×2, 3×3) 16 where 36 were, and 4 times.
In fp32 the error of the larger tile is about 1e-5 of the largest value; in fp16 storage it grows with the transformed
values, so that the smaller tile is taken there.
"""

from __future__ import annotations

from collections.abc import Callable

from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation, View

FEWEST_CHANNELS = 32
FEWEST_TILES = 16
TILES = {"fp32": 4, "fp16": 2}
"""The largest tile whose error a precision bears."""
Chooses = Callable[[Operation, int], int | None]
"""The tile for a convolution, at most so large; None where it is computed as it is."""


def apply(graph: Graph, enabled: bool, largest: int, chooses: Chooses | None = None) -> Graph:
    """On: 3×3 stride-1 convolutions that ``chooses`` takes, in tiles of at most ``largest`` pixels."""
    if not enabled:
        return graph
    chooses = chooses or chosen_tile

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        tile = chooses(operation, largest) if operation.kind == "conv2d" else None
        return None if tile is None else _transformed(editor, operation, tile)

    return rewritten(graph, replacement)


def chosen_tile(operation: Operation, largest: int) -> int | None:
    """The largest tile with enough of it for the products to pay; None where no tile is, or the form is another.

    A small image has few tiles, and then reading the transformed weights, 4 or 1.8 times the filter's, takes longest.
    """
    for tile in (4, 2):
        if tile <= largest and fits(operation) and count(operation, tile) >= FEWEST_TILES:
            return tile
    return None


def fits(operation: Operation) -> bool:
    """Whether the convolution has the form, and the channels, that the transforms are for."""
    attributes = operation.attributes
    form = (attributes["kernel"], attributes["stride"], attributes["padding"])
    channels = min(operation.output.shape[1], operation.inputs[0].shape[1])
    return form == (3, 1, 1) and channels >= FEWEST_CHANNELS


def count(operation: Operation, tile: int) -> int:
    """Tiles of the output."""
    n, _, height, width = operation.output.shape
    return n * -(-height // tile) * -(-width // tile)


def _transformed(editor: Editor, operation: Operation, tile: int) -> list[Operation]:
    x, weight, *extras = operation.inputs
    channels = operation.output.shape[1]
    alpha, tiles = tile + 2, count(operation, tile)
    filters = editor.repacked(weight, f"winograd{tile}", (alpha * alpha, *weight.shape[2:]))
    spread = editor.value("winograd_input", (alpha * alpha, tiles, x.shape[1]))
    products = editor.value("winograd_products", (alpha * alpha, tiles, channels))
    batched = [_batched(view) for view in (spread, filters, products)]
    module = operation.module
    reading = {"tile": tile, "padding": 1, "upsample": operation.attributes["upsample"]}
    return [
        Operation("winograd_input", (x,), spread, reading, module),
        Operation("matmul", tuple(batched[:2]), batched[2], {"scale": 1.0, "extras": ()}, module),
        Operation(
            "winograd_output",
            (products, *extras),
            operation.output,
            {"tile": tile, "extras": operation.attributes["extras"]},
            module,
        ),
    ]


def _batched(view: View) -> View:
    reshaped = view.reshaped((1, *view.shape))
    assert reshaped is not None
    return reshaped
