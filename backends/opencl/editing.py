"""What every pass needs: new values, matching of producers and consumers, and a graph without what nobody reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from backends.opencl.graph import Beside, Graph, Operation, Shape, Value, View, dense_strides

Replacement = Callable[["Editor", Operation], "list[Operation] | None"]


class Editor:
    """A graph being rewritten: its values and weights, and what is added to them."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.values = dict(graph.values)
        self.weights = dict(graph.weights)

    def value(self, label: str, shape: Shape, strides: Shape | None = None, dtype: str = "fp32") -> View:
        """A new value, laid out by ``strides`` (dense of some order; row-major where None)."""
        name = self._fresh(label)
        self.values[name] = Value(name, math.prod(shape), dtype)
        return View(name, shape, strides or dense_strides(shape))

    def repacked(self, view: View, step: str, shape: Shape) -> View:
        """The weight that ``view`` shows whole, packed by one more step to ``shape``; once for every step and weight."""
        name = f"{view.value}.{step}"
        if name not in self.values:
            self.values[name] = Value(name, math.prod(shape), self.values[view.value].dtype)
            self.weights[name] = self.weights[view.value].then(step)
        return View(name, shape, dense_strides(shape))

    def beside(self, names: Sequence[str], shape: Shape) -> View:
        """The weights of these names, matrices of as many rows or vectors, one beside the other as one of ``shape``."""
        view = self.value(f"{names[0]}.beside", shape, dtype=self.values[names[0]].dtype)
        self.weights[view.value] = Beside(tuple(self.weights[name] for name in names))
        return view

    def finished(self, operations: Iterable[Operation]) -> Graph:
        """The graph of these operations; values and weights that are no longer used are dropped."""
        kept = tuple(operations)
        used = {view.value for view in (*self.graph.inputs.values(), *self.graph.outputs)}
        for operation in kept:
            used |= operation.reads() | {operation.output.value}
        return Graph(
            {name: value for name, value in self.values.items() if name in used},
            self.graph.inputs,
            self.graph.outputs,
            kept,
            {name: weight for name, weight in self.weights.items() if name in used},
        )

    def _fresh(self, label: str) -> str:
        number = len(self.values)
        while f"{label}_{number}" in self.values:
            number += 1
        return f"{label}_{number}"


def rewritten(graph: Graph, replacement: Replacement) -> Graph:
    """Every operation replaced by what ``replacement`` makes of it; None keeps it."""
    editor, operations = Editor(graph), []
    for operation in graph.operations:
        new = replacement(editor, operation)
        operations.extend([operation] if new is None else new)
    return editor.finished(operations)


def elementwise(
    like: Operation, expression: str, inputs: Iterable[View], output: View, *scalars: float
) -> Operation:
    """An elementwise operation of the module of ``like``; inputs are broadcast to the output's shape."""
    views = tuple(view.expanded(output.shape) for view in inputs)
    return Operation(
        "elementwise", views, output, {"expression": expression, "scalars": scalars}, like.module
    )


def is_expression(operation: Operation, *names: str) -> bool:
    return operation.kind == "elementwise" and operation.attributes["expression"] in names


def seen_as(view: View, consumed: View, other: View) -> View | None:
    """``other``, which goes with ``consumed`` element by element, in the shape of ``view``; None where that can't be said.

    ``consumed`` reads exactly what ``view`` wrote, in the same order of elements, under another shape perhaps.
    """
    if consumed.elements != view.elements or view.reshaped(consumed.shape) != consumed:
        return None
    return other.reshaped(view.shape)


def producers(graph: Graph) -> dict[str, int | None]:
    """For every value the one operation that writes it; None where several do."""
    found: dict[str, int | None] = {}
    for index, operation in enumerate(graph.operations):
        name = operation.output.value
        found[name] = None if name in found else index
    return found


def sole_use(users: dict[str, list[int]], name: str) -> bool:
    return len(users[name]) == 1


def with_attributes(operation: Operation, **changes: Any) -> Operation:
    return replace(operation, attributes={**operation.attributes, **changes})
