"""Products that multiply the same rows become one: queries, keys and values of an attention, the keys and values that every
block takes from the text, what every ResNet block takes from the time embedding.

A small product costs its launch and leaves most of a GPU idle. The weights lie beside each other as one, and readers see
their columns of the result as a slice of it.
"""

from __future__ import annotations

import collections
from collections.abc import Hashable
from dataclasses import replace

from backends.opencl.editing import Editor, producers, with_attributes
from backends.opencl.graph import Graph, Operation, View

ALIGNED = 8
"""Columns of every product come in multiples of these, so that a slice begins where whole chunks of 16 bytes do."""
Group = list[Operation]


def apply(graph: Graph) -> Graph:
    """The graph with one product in place of those by whole weights that read the same left operand."""
    groups: dict[Hashable, Group] = collections.defaultdict(list)
    outputs = {view.value for view in graph.outputs}
    written, reads = producers(graph), _reads(graph)
    for operation in graph.operations:
        name = operation.output.value
        if written[name] is None or name in outputs or not _fits(graph, operation):
            continue
        columns = operation.output.shape[3]
        if all(_beside(view, columns, columns, 0) for view in reads[name]):
            left, attributes = operation.inputs[0], tuple(sorted(operation.attributes.items()))
            groups[left, attributes, graph.values[name].dtype].append(operation)
    editor = Editor(graph)
    joined: dict[str, Operation] = {}
    places: dict[str, tuple[str, int, int, int]] = {}
    for group in groups.values():
        if len(group) > 1:
            joined[group[0].output.value] = _joined(editor, group, places)
    operations = []
    for operation in graph.operations:
        name = operation.output.value
        if name not in places or name in joined:
            kept = joined.get(name, operation)
            operations.append(replace(kept, inputs=tuple(_seen(view, places) for view in kept.inputs)))
    return editor.finished(operations)


def _reads(graph: Graph) -> dict[str, list[View]]:
    found: dict[str, list[View]] = collections.defaultdict(list)
    for operation in graph.operations:
        for view in operation.inputs:
            found[view.value].append(view)
    return found


def _fits(graph: Graph, operation: Operation) -> bool:
    """Whether it is one product by a whole weight that writes dense rows, and adds to them a bias at most."""
    if operation.kind != "matmul" or operation.attributes["extras"] not in ((), ("bias",)):
        return False
    _, weight, *bias = operation.inputs
    output = operation.output
    columns = output.shape[3]
    whole = output.is_dense and output.elements == graph.values[output.value].size
    rows = output.shape[:2] == (1, 1) and whole and columns % ALIGNED == 0
    biased = all(_whole(graph, view, columns) for view in bias)
    return rows and weight.is_dense and _whole(graph, weight, weight.elements) and biased


def _whole(graph: Graph, view: View, elements: int) -> bool:
    """Whether the view shows a weight of so many elements."""
    return view.value in graph.weights and graph.values[view.value].size == elements


def _joined(editor: Editor, group: Group, places: dict[str, tuple[str, int, int, int]]) -> Operation:
    """The one product of a group; where its parts lie is written to ``places``."""
    first = group[0]
    rows, columns = first.output.shape[2], sum(operation.output.shape[3] for operation in group)
    depth = first.inputs[0].shape[3]
    output = editor.value("products", (1, 1, rows, columns), dtype=editor.values[first.output.value].dtype)
    inputs = [
        first.inputs[0],
        editor.beside([item.inputs[1].value for item in group], (1, 1, depth, columns)),
    ]
    if first.attributes["extras"]:
        bias = editor.beside([item.inputs[2].value for item in group], (1, 1, 1, columns))
        inputs.append(bias.expanded(output.shape))
    start = 0
    for operation in group:
        own = operation.output.shape[3]
        places[operation.output.value] = output.value, own, columns, start
        start += own
    return replace(with_attributes(first), inputs=tuple(inputs), output=output)


def _seen(view: View, places: dict[str, tuple[str, int, int, int]]) -> View:
    if view.value not in places:
        return view
    name, own, columns, start = places[view.value]
    moved = _beside(view, own, columns, start)
    assert moved is not None
    return replace(moved, value=name)


def _beside(view: View, own: int, columns: int, start: int) -> View | None:
    """A view of dense rows of ``own`` elements where they are those from ``start`` of rows of ``columns``.

    None where an axis of the view runs from one row into the next.
    """
    reach = view.offset % own
    strides = []
    for length, step in zip(view.shape, view.strides, strict=True):
        if step % own == 0:
            strides.append(step // own * columns)
        else:
            strides.append(step)
            reach += (length - 1) * step
    if reach >= own:
        return None
    offset = view.offset // own * columns + start + view.offset % own
    return replace(view, strides=tuple(strides), offset=offset)
