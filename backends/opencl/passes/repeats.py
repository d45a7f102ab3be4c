"""What was computed once is not computed again: every ResNet block asks for the same SiLU of the time embedding."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from backends.opencl.editing import Editor, producers
from backends.opencl.graph import Graph, Operation, View


def apply(graph: Graph) -> Graph:
    """The graph without operations that do to the same inputs what one before them did; their readers read its result."""
    written, kept_as = producers(graph), {view.value for view in graph.outputs}
    first: dict[Hashable, str] = {}
    instead: dict[str, str] = {}
    operations = []
    for operation in graph.operations:
        operation = replace(operation, inputs=tuple(_renamed(view, instead) for view in operation.inputs))
        output = operation.output
        value = graph.values[output.value]
        if written[value.name] is not None and output.elements == value.size:
            known = first.setdefault((_described(operation), value.dtype), value.name)
            if known != value.name and value.name not in kept_as:
                instead[value.name] = known
                continue
        operations.append(operation)
    return Editor(graph).finished(operations)


def _renamed(view: View, instead: dict[str, str]) -> View:
    return replace(view, value=instead.get(view.value, view.value))


def _described(operation: Operation) -> Hashable:
    output = operation.output
    attributes = tuple(sorted(operation.attributes.items()))
    return operation.kind, operation.inputs, attributes, output.shape, output.strides, output.offset
