"""The core of NVIDIA GPUs with tensor cores: matrix products, convolutions and attention as warps multiply fragments.

OpenCL C has no word for tensor cores, but NVIDIA's compiler takes the PTX instructions inline, and they stand in one file,
``kernels/tensor_instructions.cl``. fp16 runs as mma.m16n8k16 with fp32 sums. fp32 runs as three tf32 products: each
operand is split in two parts of ten bits (Ootomo & Yokota 2022, doi:10.1177/10943420221090256), which leaves errors of
about 1e-6. On any other device the same kernels run, slowly, with the instructions played by local memory: so they are
tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.opencl import cores, launches
from backends.opencl.cores import Core, tensor_attention, tensor_rows
from backends.opencl.cores.tensor_chip import Chip, elements, in_chunks
from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation, Value, View
from backends.opencl.launch import Launch, Macros, Maker, made, number
from backends.opencl.launches import extra_views

LEFT_AND_RIGHT = {"SCATTERED": 0, "ASYNC": 1, "COLUMNS": 2, "THROUGH": 3}
TILING = ("NVIDIA", "HALVES", "THREADS", "BM", "BN", "WM", "WN", "STAGES")
READING = ("CONVOLUTION", "LEFT", "RIGHT", "STATISTICS", "EXTRAS", "PAIRS")
FIXED = frozenset((*TILING, *READING, *LEFT_AND_RIGHT, "KERNEL", "STRIDE", "PADDING", "UPSAMPLE"))
"""What stays a macro of a product; one program serves all shapes."""


@dataclass(frozen=True)
class Tile:
    """What a work-group multiplies at a time: ``m`` rows by ``n`` columns, ``warp_m`` by ``warp_n`` of them each warp."""

    m: int
    n: int
    warp_m: int
    warp_n: int
    stages: int
    """Tiles of both operands in local memory, of which there are 48 KiB."""
    speed: float
    """Of its multiprocessor, against the best, as fragments are loaded for more or fewer products."""

    @property
    def threads(self) -> int:
        return self.m // self.warp_m * (self.n // self.warp_n) * 32


Tiles = Mapping[str, Sequence[Tile]]
TILES: Tiles = {
    "fp16": (
        Tile(128, 128, 64, 64, 3, 1.0),
        Tile(128, 64, 64, 32, 4, 0.85),
        Tile(64, 64, 32, 32, 4, 0.65),
    ),
    "fp32": (
        Tile(128, 128, 64, 32, 3, 1.0),
        Tile(128, 64, 64, 32, 4, 0.95),
        Tile(64, 64, 32, 32, 4, 0.85),
    ),
}
PER_TILE = 8
"""What starting and ending a tile costs, in steps of its depth."""


def core(device: Any) -> Core:
    """For an NVIDIA GPU; for any other device with the instructions played."""
    return tensor_core(chip_of(device))


def chip_of(device: Any) -> Chip:
    return Chip(cores.has_tensor_cores(device), device.max_compute_units)


def tensor_core(chip: Chip, tiles: Tiles | None = None) -> Core:
    """The core for a chip, with ``tiles`` of each precision to choose from."""
    tiles = tiles or TILES
    makers: dict[str, Maker] = tensor_rows.makers(chip) | {
        "matmul": lambda values, operation: _matmul(values, operation, chip, tiles),
        "conv2d": lambda values, operation: _conv2d(values, operation, chip, tiles),
        "flash_attention": lambda values, operation: tensor_attention.attention(values, operation, chip),
    }
    return Core("tensor", lay_out, tensor_attention.attends, makers)


def lay_out(graph: Graph) -> Graph:
    """Weights with the axis that is summed over last, so that whole chunks of it are copied."""

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind not in ("matmul", "conv2d"):
            return None
        left, right, *extras = operation.inputs
        if right.value not in editor.weights or not right.is_dense:
            return None
        if right.elements != editor.values[right.value].size:
            return None
        if operation.kind == "matmul":
            b0, b1, depth, columns = right.shape
            turned = editor.repacked(right, "transposed", (b0, b1, columns, depth)).permuted((0, 1, 3, 2))
        else:
            height, width, channels, features = right.shape
            shape = (features, height, width, channels)
            turned = editor.repacked(right, "filters", shape).permuted((1, 2, 3, 0))
        return [replace_inputs(operation, (left, turned, *extras))]

    return rewritten(graph, replacement)


def replace_inputs(operation: Operation, inputs: tuple[View, ...]) -> Operation:
    return Operation(operation.kind, inputs, operation.output, operation.attributes, operation.module)


def chosen_tile(tiles: Sequence[Tile], m: int, n: int, batch: int, units: int) -> Tile:
    """The tile that ends first: as many rounds of tiles as it takes, each as long as a tile is large."""

    def cost(tile: Tile) -> float:
        groups = -(-m // tile.m) * -(-n // tile.n) * batch
        return -(-groups // units) * tile.m * tile.n / tile.speed

    return min(tiles, key=cost)


def _matmul(values: Mapping[str, Value], operation: Operation, chip: Chip, tiles: Tiles) -> Launch:
    left, right = operation.inputs[:2]
    b0, b1, m, k = left.shape
    macros: Macros = {"CONVOLUTION": 0, "M": m, "N": right.shape[3], "K": k, "B": b0 * b1, "B1": b1}
    macros["SCALE"] = number(operation.attributes["scale"])
    return _product(values, operation, right, macros, chip, tiles)


def _conv2d(values: Mapping[str, Value], operation: Operation, chip: Chip, tiles: Tiles) -> Launch:
    flat, macros = launches.convolution(operation)
    return _product(values, operation, flat, macros, chip, tiles)


def _product(
    values: Mapping[str, Value], operation: Operation, right: View, macros: Macros, chip: Chip, tiles: Tiles
) -> Launch:
    left = operation.inputs[0]
    views, counts = extra_views(operation)
    views |= {"OUT": operation.output, "A": left, "B": right}
    macros = counts | macros | chip.macros | LEFT_AND_RIGHT
    m, n, k, batch = (int(macros[name]) for name in ("M", "N", "K", "B"))
    dtypes = {values[view.value].dtype for view in (left, right)}
    precision = "fp16" if dtypes == {"fp16"} else "fp32"
    tile = chosen_tile(tiles[precision], m, n, batch, chip.units)
    column_axis = depth_axis = 1 if macros["CONVOLUTION"] else 3
    extra = [view for name, view in views.items() if name.startswith("E")]
    macros |= {
        "HALVES": int(precision == "fp16"),
        "THREADS": tile.threads,
        "BM": tile.m,
        "BN": tile.n,
        "WM": tile.warp_m,
        "WN": tile.warp_n,
        "STAGES": tile.stages,
        "SPLITS": 1,
        "SLICE": 0,
        "LEFT": left_mode(values, left, depth_axis, precision, bool(macros["STATISTICS"])),
        "RIGHT": right_mode(values, right, precision),
        "PAIRS": int(all(in_chunks(view, column_axis, 2) for view in (operation.output, *extra))),
    }
    sizes = (-(-n // tile.n) * tile.threads, -(-m // tile.m), batch), (tile.threads, 1, 1)
    sources = ("warps.cl", "tensor_instructions.cl", "tensor_product.cl")
    flops = 2 * m * n * k * batch
    return made(values, operation, "tensor_product", views, macros, sizes, *sources, flops=flops, fixed=FIXED)


def left_mode(values: Mapping[str, Value], view: View, axis: int, precision: str, through: bool) -> str:
    """How the left operand's chunks reach local memory."""
    if values[view.value].dtype != precision or not in_chunks(view, axis, elements(precision)):
        return "SCATTERED"
    return "THROUGH" if through else "ASYNC"


def right_mode(values: Mapping[str, Value], view: View, precision: str) -> str:
    """How the right operand's chunks, along depth or along columns, reach local memory."""
    if values[view.value].dtype == precision:
        for axis, mode in ((2, "ASYNC"), (3, "COLUMNS")):
            if in_chunks(view, axis, elements(precision)):
                return mode
    return "SCATTERED"
