"""The tensor core's group norm of many pixels: statistics of slices by many work-groups, then the norm by as many.

One work-group for a group of an image, as elsewhere, leaves half of a GPU's multiprocessors without one, and those that have
one wait for memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backends.opencl.cores.tensor_chip import Chip, in_chunks
from backends.opencl.editing import Editor
from backends.opencl.graph import Operation, Value, View
from backends.opencl.launch import Launch, Macros, Maker, Size, made, numbered

FEWEST = 16384
"""Elements of a group below which one kernel is as fast as two."""
MOST_PAIRS = 256
"""Pairs of channels of a block of groups, if a group alone has not more."""
LINE = 16
"""Pairs of channels of a block come in multiples of these: a pixel's are whole lines of memory."""
WORK_ITEMS = 1024
"""Of a work-group at most."""
FIXED = ("NVIDIA", "STATISTICS", "CHANNELS", "GB", "ROWS", "SILU")
SOURCES = ("warps.cl", "sliced_group_norm.cl")


def makers(chip: Chip) -> dict[str, Maker]:
    """For a chip."""
    return {
        "group_statistics": lambda values, operation: _statistics(values, operation, chip),
        "group_apply": lambda values, operation: _apply(values, operation, chip),
    }


def sliced(editor: Editor, operation: Operation, chip: Chip) -> list[Operation] | None:
    """Two operations in place of a ``group_norm``; None where one work-group for a group is enough, or its views don't fit."""
    x, weight, bias = operation.inputs
    n, channels, pixels = x.shape
    groups = operation.attributes["groups"]
    each = channels // groups
    paired = all(in_chunks(view, 1, 2) for view in (x, operation.output))
    paired = paired and all(in_chunks(view, 0, 2) for view in (weight, bias))
    if each % 2 or not paired or each * pixels < FEWEST:
        return None
    block = groups_at_once(groups, each)
    if block * each // 2 % LINE or block * each // 2 > WORK_ITEMS:
        return None
    blocks = groups // block
    slices = max(1, min(pixels, chip.units // (n * blocks)))
    slices = -(-pixels // -(-pixels // slices))  # none is empty
    statistics = editor.value("statistics", (n, slices, groups, 2))
    first = Operation(
        "group_statistics", (x,), statistics, {"groups": groups, "slices": slices}, operation.module
    )
    return [first, replace(operation, kind="group_apply", inputs=(x, statistics, weight, bias))]


def groups_at_once(groups: int, each: int) -> int:
    """Groups of a block, a divisor of all."""
    divisors = (count for count in range(1, groups + 1) if groups % count == 0)
    return max(count for count in divisors if count == 1 or count * each // 2 <= MOST_PAIRS)


def _shared(x: View, statistics: View, chip: Chip) -> tuple[Macros, tuple[Size, Size]]:
    """What both kernels know of the image, and their sizes."""
    n, channels, pixels = x.shape
    slices, groups = statistics.shape[1:3]
    each = channels // groups
    block = groups_at_once(groups, each)
    rows = max(1, min(WORK_ITEMS // (block * each // 2), -(-pixels // slices)))
    width = rows * block * each // 2
    macros: Macros = chip.macros | {"CHANNELS": each, "GB": block, "ROWS": rows, "PIXELS": pixels}
    macros |= {"EACH": -(-pixels // slices), "SLICES": slices}
    return macros, ((groups // block * width, slices, n), (width, 1, 1))


def _statistics(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    x = operation.inputs[0]
    macros, sizes = _shared(x, operation.output, chip)
    macros["STATISTICS"] = 1
    views, flops = numbered(operation), 4 * x.elements
    return made(values, operation, operation.kind, views, macros, sizes, *SOURCES, flops=flops, fixed=FIXED)


def _apply(values: Mapping[str, Value], operation: Operation, chip: Chip) -> Launch:
    x, statistics = operation.inputs[:2]
    macros, sizes = _shared(x, statistics, chip)
    macros |= {"STATISTICS": 0, "SILU": int(operation.attributes["silu"])}
    macros["EPSILON"] = float(operation.attributes["epsilon"])
    views, flops = numbered(operation), 4 * x.elements
    return made(values, operation, operation.kind, views, macros, sizes, *SOURCES, flops=flops, fixed=FIXED)
