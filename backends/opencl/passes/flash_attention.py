"""FlashAttention (arXiv 2205.14135), chosen by head size and length as arXiv 2304.11267 does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation

LARGEST_HEAD = 64
FEWEST_KEYS = 128


Chooses = Callable[[int, int], bool]
"""Whether attention of a head size over a number of keys is computed without writing its scores."""


def small_head_and_many_keys(width: int, keys: int) -> bool:
    """The paper's choice: a head that registers hold, and scores that are worth not writing."""
    return width <= LARGEST_HEAD and keys >= FEWEST_KEYS


def apply(graph: Graph, enabled: bool, chooses: Chooses = small_head_and_many_keys) -> Graph:
    """On: attention that ``chooses`` takes never writes its scores. Off: left to the softmax pass."""

    def replacement(_: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind != "attention":
            return None
        keys, width = operation.inputs[1].shape[2:]
        return [replace(operation, kind="flash_attention")] if chooses(width, keys) else None

    return rewritten(graph, replacement) if enabled else graph
