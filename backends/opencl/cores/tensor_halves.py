"""The tensor core's attention of fp32 among the same tokens: queries, keys and values once split in two halves each.

Three products of halves take the tensor cores half as long as the three of tf32 that :mod:`backends.opencl.cores.tensor`
takes elsewhere, and nothing is split again for every tile of queries. The two halves keep 22 bits of each number, against
the largest of its tensor; a scale found beforehand keeps them within what halves can say (Ootomo & Yokota 2022,
doi:10.1177/10943420221090256).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backends.opencl.cores.tensor_chip import Chip, elements, in_chunks
from backends.opencl.editing import Editor
from backends.opencl.graph import Operation, Value
from backends.opencl.launch import Launch, Macros, Maker, made, numbered

FEWEST_TOKENS = 256
"""Below, the two more kernels cost more than they save."""
SLICES = 64
"""Of a tensor, for its largest magnitude: as many groups for each of three find it, and all read as many numbers."""
THREADS = 256


def makers(chip: Chip) -> dict[str, Maker]:
    """For a chip."""
    return {
        "magnitudes": lambda values, operation: _splitting(values, operation, chip, "magnitudes"),
        "halves": lambda values, operation: _splitting(values, operation, chip, "split_in_halves"),
    }


def halved(editor: Editor, operation: Operation) -> list[Operation] | None:
    """Three operations in place of a ``flash_attention``; None where it has few tokens, a mask, halves already or odd rows."""
    if len(operation.inputs) != 3 or len({view.shape for view in operation.inputs}) > 1:
        return None
    shape = operation.inputs[0].shape
    floats = all(editor.values[view.value].dtype == "fp32" for view in operation.inputs)
    count = elements("fp16")
    chunks = all(in_chunks(view, 3, elements("fp32")) for view in operation.inputs) and shape[3] % count == 0
    if shape[2] < FEWEST_TOKENS or not floats or not chunks:
        return None
    magnitudes = editor.value("magnitudes", (3, SLICES))
    halves = editor.value("halves", (3, 2, *shape), dtype="fp16")
    module, inputs = operation.module, operation.inputs
    each = [
        replace(halves.sliced(0, which, 1), shape=(2, *shape), strides=halves.strides[1:])
        for which in range(3)
    ]
    return [
        Operation("magnitudes", inputs, magnitudes, {}, module),
        Operation("halves", (*inputs, magnitudes), halves, {}, module),
        replace(operation, kind="halves_attention", inputs=(*each, magnitudes)),
    ]


def _splitting(values: Mapping[str, Value], operation: Operation, chip: Chip, kernel: str) -> Launch:
    batch, heads, tokens, width = operation.inputs[0].shape
    macros: Macros = chip.macros | {"THREADS": THREADS, "SPLITTING": 1, "SLICES": SLICES}
    macros |= {"BATCH": batch, "HEADS": heads, "TOKENS": tokens, "D": width}
    count = operation.inputs[0].elements // elements("fp16")
    groups = SLICES if kernel == "magnitudes" else -(-count // THREADS)
    sizes = (groups * THREADS, 3), (THREADS, 1)
    views, sources = numbered(operation), ("warps.cl", "halves.cl")
    flops = 3 * operation.inputs[0].elements
    return made(values, operation, kernel, views, macros, sizes, *sources, flops=flops)
