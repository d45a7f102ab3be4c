"""The core of NVIDIA GPUs with tensor cores: matrix products, convolutions and attention as warps multiply fragments.

OpenCL C has no word for tensor cores, but NVIDIA's compiler takes the PTX instructions inline, and they stand in two files,
``kernels/tensor_instructions.cl`` and ``kernels/warps.cl``. fp16 runs as mma.m16n8k16 with fp32 sums. fp32 runs as three
tf32 products: each operand is split in two parts (Ootomo & Yokota 2022, doi:10.1177/10943420221090256), which leaves
errors of about 1e-6. On any other device the same kernels run, slowly, with the instructions played by local memory: so
they are tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backends.opencl import cores, launches
from backends.opencl.aten import channels_last
from backends.opencl.cores import Core, tensor_attention, tensor_halves, tensor_norms, tensor_rows
from backends.opencl.cores.tensor_chip import Chip, elements, in_chunks
from backends.opencl.cores.tensor_tiles import (
    SPLITS,
    TILES,
    Sizes,
    Tiles,
    blocks_of_run,
    chosen,
    winograd_tile,
)
from backends.opencl.editing import Editor, rewritten, with_attributes
from backends.opencl.graph import Graph, Operation, Value, View, dense_strides
from backends.opencl.launch import Launch, Macros, Maker, made
from backends.opencl.launches import extra_views
from backends.opencl.passes import gates, horizontal

LEFT_AND_RIGHT = {"SCATTERED": 0, "ASYNC": 1, "COLUMNS": 2, "THROUGH": 3}
TILING = ("NVIDIA", "HALVES", "THREADS", "BM", "BN", "WM", "WN", "STAGES", "RUN")
READING = ("CONVOLUTION", "GATED", "LEFT", "RIGHT", "STATISTICS", "EXTRAS", "PAIRS", "LINEAR")
FIXED = frozenset((*TILING, *READING, *LEFT_AND_RIGHT, "KERNEL", "STRIDE", "PADDING", "UPSAMPLE"))
"""What stays a macro of a product; one program serves all shapes."""
FRAGMENT = 8
"""Columns of a fragment: so many of a GEGLU's half follow each other."""
JOINED = 64
"""Work-items of a group that adds slices up."""


def core(device: Any) -> Core:
    """For an NVIDIA GPU; for any other device with the instructions played."""
    return tensor_core(chip_of(device))


def chip_of(device: Any) -> Chip:
    """What there is to know of a device; where the instructions are played, all else is as on the GPUs they are for."""
    chip = Chip(cores.has_tensor_cores(device), device.max_compute_units)
    return replace(chip, local_memory=device.local_mem_size) if chip.nvidia else chip


def tensor_core(chip: Chip, tiles: Tiles = TILES, splits: Sequence[int] = SPLITS) -> Core:
    """The core for a chip, with ``tiles`` of each precision and numbers of slices to choose from."""

    def product(values: Mapping[str, Value], operation: Operation) -> Launch:
        return _product(values, operation, chip, tiles)

    kinds = ("matmul", "gated_matmul", "conv2d", "split_matmul", "split_conv2d")
    makers: dict[str, Maker] = (
        tensor_rows.makers(chip) | tensor_norms.makers(chip) | tensor_halves.makers(chip)
    )
    makers |= dict.fromkeys(kinds, product)
    makers["join_slices"] = lambda values, operation: _join(values, operation, chip)
    for kind in ("flash_attention", "halves_attention"):
        makers[kind] = lambda values, operation: tensor_attention.attention(values, operation, chip)
    return Core(
        "tensor",
        lambda graph: lay_out(graph, chip, tiles, splits),
        tensor_attention.attends,
        makers,
        lambda precision: lambda operation, largest: winograd_tile(operation, largest, precision, chip),
    )


def lay_out(graph: Graph, chip: Chip, tiles: Tiles, splits: Sequence[int]) -> Graph:
    """Weights with the axis that is summed over last, so that whole chunks of it are copied; deep and small products split."""

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind == "group_norm":
            return tensor_norms.sliced(editor, operation, chip)
        if operation.kind == "flash_attention":
            return tensor_halves.halved(editor, operation)
        if operation.kind not in ("matmul", "gated_matmul", "conv2d"):
            return None
        left, right, *extras = operation.inputs
        operation = replace(operation, inputs=(left, _turned(editor, operation, right), *extras))
        return _split(editor, operation, chip, tiles, splits)

    return rewritten(gates.apply(horizontal.apply(graph), FRAGMENT), replacement)


def _turned(editor: Editor, operation: Operation, right: View) -> View:
    """A weight (..., K, N) that lies as (..., N, K), or (kh, kw, C, O) as (O, kh, kw, C); other operands as they are."""
    whole = right.is_dense and right.elements == editor.values[right.value].size
    if right.value not in editor.weights or not whole:
        return right
    if operation.kind.endswith("matmul"):
        b0, b1, depth, columns = right.shape
        return editor.repacked(right, "transposed", (b0, b1, columns, depth)).permuted((0, 1, 3, 2))
    height, width, channels, features = right.shape
    return editor.repacked(right, "filters", (features, height, width, channels)).permuted((1, 2, 3, 0))


def _split(
    editor: Editor, operation: Operation, chip: Chip, tiles: Tiles, allowed: Sequence[int]
) -> list[Operation]:
    """The operation, or its slices of depth and what adds them up, where too few work-groups would have too much to do."""
    left, right, *extras = operation.inputs
    sizes = sizes_of(editor.values, operation)
    if sizes.batch > 1 or operation.kind == "gated_matmul" or "statistics" in operation.attributes["extras"]:
        return [operation]
    _, splits = chosen(sizes, tiles, chip, allowed)
    if splits == 1:
        return [operation]
    slices = editor.value("slices", (splits, sizes.m, sizes.n))
    shape = operation.output.shape
    strides = channels_last(shape) if operation.kind == "conv2d" else dense_strides(shape)
    multiplied = replace(
        with_attributes(operation, splits=splits, extras=()),
        kind=f"split_{operation.kind}",
        inputs=(left, right),
        output=View(slices.value, shape, strides),
    )
    attributes = {
        "scale": operation.attributes.get("scale", 1.0),
        "extras": operation.attributes["extras"],
        "convolution": operation.kind == "conv2d",
    }
    joined = replace(operation, kind="join_slices", inputs=(slices, *extras), attributes=attributes)
    return [multiplied, joined]


def sizes_of(values: Mapping[str, Value], operation: Operation) -> Sizes:
    """What a product or a convolution multiplies."""
    left, right = operation.inputs[:2]
    precision = "fp16" if {values[view.value].dtype for view in (left, right)} == {"fp16"} else "fp32"
    if operation.kind.endswith("matmul"):
        b0, b1, m, k = left.shape
        return Sizes(m, right.shape[3], k, b0 * b1, precision)
    height, width, channels, features = right.shape
    return Sizes(operation.output.elements // features, features, height * width * channels, 1, precision)


def _product(values: Mapping[str, Value], operation: Operation, chip: Chip, tiles: Tiles) -> Launch:
    left, right = operation.inputs[:2]
    sizes, splits = sizes_of(values, operation), operation.attributes.get("splits", 1)
    convolution = operation.kind.endswith("conv2d")
    views, macros = extra_views(operation)
    if convolution:
        right, form = launches.convolution(operation)
        macros |= form | {"SCALE": 1.0}
        images = (operation.output, *operation.inputs[2:])
        macros["LINEAR"] = int(all(view.strides[2] == view.strides[3] * view.shape[3] for view in images))
    else:
        scale = 1.0 if splits > 1 else float(operation.attributes["scale"])
        macros |= {"CONVOLUTION": 0, "B1": left.shape[1], "SCALE": scale}
    views |= {"OUT": operation.output, "A": left, "B": right}
    tile, _ = chosen(sizes, tiles, chip, (splits,))
    column_axis = depth_axis = 1 if convolution else 3
    extra = [view for name, view in views.items() if name.startswith("E")]
    through = bool(macros["STATISTICS"])
    macros |= chip.macros | LEFT_AND_RIGHT | {"GATED": int(operation.kind == "gated_matmul")}
    macros |= {"M": sizes.m, "N": sizes.n, "K": sizes.k, "HALVES": int(sizes.precision == "fp16")}
    macros |= {"BM": tile.m, "BN": tile.n, "WM": tile.warp_m, "WN": tile.warp_n, "THREADS": tile.threads}
    macros |= {"STAGES": tile.stages_in(chip.local_memory), "SPLITS": splits, "SLICE": sizes.m * sizes.n}
    macros["RUN"] = blocks_of_run(sizes, splits)
    macros["LEFT"] = left_mode(values, left, depth_axis, sizes.precision, through)
    macros["RIGHT"] = right_mode(values, right, sizes.precision)
    macros["PAIRS"] = int(all(in_chunks(view, column_axis, 2) for view in (operation.output, *extra)))
    groups = -(-sizes.n // tile.n) * tile.threads, -(-sizes.m // tile.m), sizes.batch * splits
    sources = ("warps.cl", "tensor_instructions.cl", "tensor_product.cl")
    launch = made(
        values,
        operation,
        "tensor_product",
        views,
        macros,
        (groups, (tile.threads, 1, 1)),
        *sources,
        flops=2 * sizes.m * sizes.n * sizes.k * sizes.batch,
        fixed=FIXED,
    )
    return replace(launch, options=chip.at_most(tile.registers))


def _join(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    """The slices of a split product added up, scaled, and what else was to be added."""
    slices, output = operation.inputs[0], operation.output
    splits, m, n = slices.shape
    extras = operation.inputs[1:]
    convolution = operation.attributes["convolution"]
    macros: Macros = chip.macros | {"CONVOLUTION": int(convolution), "EXTRAS": len(extras)}
    macros |= {"SPLITS": splits, "M": m, "N": n, "SCALE": float(operation.attributes["scale"])}
    if convolution:
        macros |= {"OUT_H": output.shape[2], "OUT_W": output.shape[3]}
    axis = 1 if convolution else 3
    macros["PAIRS"] = int(all(in_chunks(view, axis, 2) for view in (output, *extras)))
    views = {"OUT": output} | {f"E{i}": view for i, view in enumerate(extras)}
    pairs = -(-n // 2)
    sizes = (-(-pairs // JOINED) * JOINED, m), (JOINED, 1)
    sources = ("warps.cl", "tensor_join.cl")
    fixed = ("NVIDIA", "CONVOLUTION", "EXTRAS", "PAIRS", "LINEAR")
    count = splits * m * n
    return made(values, operation, "tensor_join", views, macros, sizes, *sources, flops=count, fixed=fixed)


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
