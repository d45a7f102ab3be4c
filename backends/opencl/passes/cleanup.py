"""Operations whose result nobody reads are dropped. Dropout, casts and views never became operations."""

from __future__ import annotations

from backends.opencl.editing import Editor
from backends.opencl.graph import Graph


def apply(graph: Graph) -> Graph:
    """The graph without what does not reach its outputs."""
    needed, kept = {view.value for view in graph.outputs}, []
    for operation in reversed(graph.operations):
        if operation.output.value in needed:
            needed |= operation.reads()
            kept.append(operation)
    return Editor(graph).finished(reversed(kept))
