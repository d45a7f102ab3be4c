"""FlashAttention (arXiv 2205.14135), chosen by head size and length as arXiv 2304.11267 does."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, rewritten
from backends.opencl.graph import Graph, Operation

LARGEST_HEAD = 64
FEWEST_KEYS = 128


def apply(graph: Graph, enabled: bool) -> Graph:
    """On: attention of small heads over many keys never writes its scores. Off: left to the softmax pass."""
    return rewritten(graph, _chosen) if enabled else graph


def _chosen(_: Editor, operation: Operation) -> list[Operation] | None:
    if operation.kind != "attention":
        return None
    keys, width = operation.inputs[1].shape[2:]
    if width > LARGEST_HEAD or keys < FEWEST_KEYS:
        return None
    return [replace(operation, kind="flash_attention")]
