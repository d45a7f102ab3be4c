"""The core of processors: explicit vectors, operands in panels, and a work-item alone in its group.

On a processor local memory is only cache and a barrier cuts a kernel into loops. So a work-item here is a whole loop
nest: it holds a tile of ``rows`` x ``vectors`` sums in registers and reads the right operand from a panel of that many
columns, packed once (weights) or by a kernel (activations). Source: Goto & van de Geijn 2008, doi:10.1145/1356052.1356053,
and for convolutions without im2col Dukhan 2019, arXiv 1907.02129.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from backends.opencl.cores import Core, vector_attention, vector_rows
from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation, Value, View
from backends.opencl.launch import Launch, Macros, Maker, made
from backends.opencl.launches import extra_views
from backends.opencl.passes import gates

PRODUCTS = ("matmul", "gated_matmul", "conv2d")
"""Kinds whose right operand is laid out in panels."""
TILES = {16: {1: 14, 2: 12, 3: 8, 4: 6, 5: 4}, 8: {1: 8, 2: 6, 3: 4}}
"""By the floats of a vector: the rows that go with so many vectors of columns, as sums fill 32 or 16 registers."""
SETTINGS = {"block_rows": (48, 96, 192), "depth_at_once": (160, 320, 640)}
"""Worth trying in the place of BLOCK_ROWS and DEPTH_AT_ONCE."""
PREFERRED = {1: 1.6, 2: 1.05, 3: 1.0, 4: 1.0, 5: 1.05}
"""What a column costs in a tile of so many vectors, against the best."""
GATED_VECTORS = {16: 4, 8: 2}
"""By the floats of a vector: those of a panel's columns where half of them are values and half their gates."""
BLOCK_ROWS = 96
DEPTH_AT_ONCE = 320
FEW_ROWS, DEPTH_OF_FEW = 128, 160
"""So few rows read a piece of a panel a few times only, and it should lie in the first cache."""
WORTH_FEWER = 0.95
"""Rows computed, empty ones included, of those that tiles of the most rows compute: below it smaller tiles pay."""
FEWEST_ITEMS = 8
"""Work-items for every compute unit, below which blocks of rows are made smaller."""
_TILE = ("W", "VN", "MR", "KC", "MOST_ROWS")
_FORM = ("GATED", "EXTRAS", "STATISTICS", "STAGED", "CONVOLUTION", "DENSE_DEPTH", "VECTOR_COLUMNS")
PRODUCT_FIXED = (*_TILE, *_FORM, "E0_COLUMN", "E1_COLUMN", "E2_COLUMN")


def core(device: Any) -> Core:
    """The core for a processor: vectors of 16 floats where it has them, else of 8."""
    lanes = 16 if device.native_vector_width_float >= 16 else 8
    makers: dict[str, Maker] = vector_rows.makers(lanes) | {
        "flash_attention": lambda values, operation: vector_attention.launch(values, operation, lanes),
        "panels": _panels,
    }

    def product(values: Mapping[str, Value], operation: Operation) -> Launch:
        return _product(values, operation, lanes, device.max_compute_units)

    kinds = [f"panel_{kind}" for kind in PRODUCTS]
    makers |= dict.fromkeys(kinds, product)
    settings = dict.fromkeys(kinds, SETTINGS) | {"flash_attention": vector_attention.SETTINGS}
    return Core(
        f"vector{lanes}",
        lambda graph: lay_out(graph, lanes),
        lambda width, keys: True,
        makers,
        settings=settings,
    )


def lay_out(graph: Graph, lanes: int) -> Graph:
    """Every product and convolution with its right operand in panels for vectors of ``lanes`` floats, and a head's keys
    and values together; a product's GEGLU joins it."""

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind == "flash_attention":
            return vector_attention.gathered(editor, operation)
        if operation.kind not in PRODUCTS:
            return None
        left, right, *extras = operation.inputs
        columns = right.shape[-1]
        width = 2 * operation.attributes.get("together", 0) or panel_width(columns, lanes)
        panels, packing = _paneled(editor, operation, right, width)
        attributes = {**operation.attributes, "columns": columns}
        changed = replace(
            operation, kind=f"panel_{operation.kind}", inputs=(left, panels, *extras), attributes=attributes
        )
        return [*packing, changed]

    return rewritten(gates.apply(graph, GATED_VECTORS[lanes] * lanes // 2), replacement)


def panel_width(columns: int, lanes: int) -> int:
    """Columns of a panel, a multiple of ``lanes``: the width that wastes least on ``columns``, wider tiles before narrow."""

    def cost(vectors: int) -> float:
        width = vectors * lanes
        return -(-columns // width) * width * PREFERRED[vectors]

    return min(TILES[lanes], key=lambda vectors: (cost(vectors), -vectors)) * lanes


def _paneled(editor: Editor, operation: Operation, right: View, width: int) -> tuple[View, list[Operation]]:
    """``right`` (..., K, N) in panels (..., P, K, width), and the operation that packs it where it is no weight."""
    *batch, depth, columns = right.shape
    shape = (*batch, -(-columns // width), depth, width)
    weight = editor.values[right.value]
    if right.value in editor.weights and right.is_dense and right.elements == weight.size:
        packed = editor.repacked(right, f"panels{width}", shape)
        return packed, []
    view = editor.value("panels", shape, dtype=weight.dtype)
    return view, [Operation("panels", (right,), view, {"width": width}, operation.module)]


def _panels(values: Mapping[str, Value], operation: Operation) -> Launch:
    b0, b1, panels, depth, width = operation.output.shape
    macros: Macros = {"NR": width, "N": operation.inputs[0].shape[3], "DEPTH": depth, "B1": b1}
    sizes = (panels, b0 * b1), (1, 1)
    right = operation.inputs[0]
    macros["TURNED"] = int(right.strides[2] == 1 and right.strides[3] != 1)
    macros["DENSE"] = int(right.strides[3] == 1)
    views = {"OUT": operation.output, "A0": right}
    return made(
        values, operation, "panels", views, macros, sizes, "panels.cl", fixed=("NR", "TURNED", "DENSE")
    )


def _product(values: Mapping[str, Value], operation: Operation, lanes: int, units: int) -> Launch:
    left, right = operation.inputs[:2]
    views, macros = extra_views(operation)
    views |= {"OUT": operation.output, "A": left, "B": right}
    convolution = operation.kind == "panel_conv2d"
    shape = _convolution(operation) if convolution else _matmul(operation)
    batch, m, taps, depth = (int(shape[name]) for name in ("B", "M", "TAPS", "DEPTH"))
    panels, width = right.shape[-3], right.shape[-1]
    vectors = width // lanes
    tile_rows = rows_of_tile(m, TILES[lanes][vectors])
    tiles = {
        "block_rows": BLOCK_ROWS,
        "depth_at_once": DEPTH_OF_FEW if m <= FEW_ROWS else DEPTH_AT_ONCE,
        **operation.attributes.get("tiles", {}),
    }
    rows = block_rows(m, tile_rows, panels * batch, units, tiles["block_rows"])
    plain = values[left.value].dtype == "fp32" and not macros["STATISTICS"]
    macros |= shape
    macros |= {"W": lanes, "VN": vectors, "MR": tile_rows, "ROWS": rows, "PANELS": panels}
    macros |= {"N": operation.attributes["columns"], "KC": tiles["depth_at_once"]}
    macros |= {"MOST_ROWS": max(1, tiles["block_rows"] // tile_rows) * tile_rows}
    macros |= {"STAGED": int(convolution or not plain), "CONVOLUTION": int(convolution)}
    macros["GATED"] = int(operation.kind == "panel_gated_matmul")
    column_axis, depth_axis = (1, 1) if convolution else (3, 3)
    macros["DENSE_DEPTH"] = int(left.strides[depth_axis] == 1)
    macros["VECTOR_COLUMNS"] = int(operation.output.strides[column_axis] == 1)
    for prefix, view in views.items():
        if prefix.startswith("E"):
            macros[f"{prefix}_COLUMN"] = view.strides[column_axis]
            macros["VECTOR_COLUMNS"] &= int(view.strides[column_axis] in (0, 1))
    sizes = (-(-m // rows), panels, batch), (1, 1, 1)
    flops = 2 * m * taps * depth * operation.attributes["columns"] * batch
    sources = ("vectors.cl", "panel_product.cl")
    return made(
        values, operation, "panel_product", views, macros, sizes, *sources, flops=flops, fixed=PRODUCT_FIXED
    )


def rows_of_tile(m: int, most: int) -> int:
    """Rows of a tile: ``most``, or two fewer where that leaves clearly fewer rows of the last tile empty."""
    fewer = most - 2
    filled, filled_by_fewer = (-(-m // rows) * rows for rows in (most, fewer or most))
    return fewer if fewer >= 4 and filled_by_fewer < WORTH_FEWER * filled else most


def block_rows(m: int, tile_rows: int, others: int, units: int, most: int = BLOCK_ROWS) -> int:
    """Rows of a work-item, a multiple of the tile's: about ``most``, fewer where there would be too few work-items."""
    tiles = max(1, most // tile_rows)
    while tiles > 1 and -(-m // (tiles * tile_rows)) * others < FEWEST_ITEMS * units:
        tiles //= 2
    return min(tiles, -(-m // tile_rows)) * tile_rows


def _matmul(operation: Operation) -> Macros:
    b0, b1, m, k = operation.inputs[0].shape
    scale = float(operation.attributes["scale"])
    return {"M": m, "TAPS": 1, "DEPTH": k, "B": b0 * b1, "B1": b1, "SCALE": scale}


def _convolution(operation: Operation) -> Macros:
    x, attributes = operation.inputs[0], operation.attributes
    n, _, height, width = operation.output.shape
    macros: Macros = {"M": n * height * width, "TAPS": attributes["kernel"] ** 2, "DEPTH": x.shape[1]}
    macros |= {"B": 1, "B1": 1, "SCALE": 1.0, "OUT_H": height, "OUT_W": width}
    macros |= {"IN_H": x.shape[2] * attributes["upsample"], "IN_W": x.shape[3] * attributes["upsample"]}
    return macros | {name.upper(): attributes[name] for name in ("kernel", "stride", "padding", "upsample")}
