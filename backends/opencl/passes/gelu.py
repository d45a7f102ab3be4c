"""GELU (arXiv 2304.11267): the erf, its halving and the GEGLU product in one kernel, or every step its own."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, elementwise, is_expression, producers, rewritten, sole_use
from backends.opencl.graph import Graph, Operation


def apply(graph: Graph, enabled: bool) -> Graph:
    """On: ``x * gelu(gate)`` and ``x * sigmoid(1.702 x)`` are one operation each. Off: five steps for a GELU."""
    return _fused(graph) if enabled else rewritten(graph, _steps)


def _fused(graph: Graph) -> Graph:
    users, written = graph.users(), producers(graph)
    operations: list[Operation | None] = list(graph.operations)

    def source(operation: Operation, position: int, name: str) -> int | None:
        """The index of the operation ``name`` whose whole result is read here and nowhere else."""
        view = operation.inputs[position]
        index = written.get(view.value)
        if index is None or not is_expression(graph.operations[index], name):
            return None
        return index if sole_use(users, view.value) and graph.operations[index].output == view else None

    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "mul"):
            continue
        for position in (0, 1):
            x = operation.inputs[1 - position]
            if (gelu := source(operation, position, "gelu")) is not None:
                gate = graph.operations[gelu].inputs[0]
                operations[gelu] = None
                operations[index] = elementwise(operation, "geglu", (x, gate), operation.output)
                break
            if (sigmoid := source(operation, position, "sigmoid")) is not None:
                scaled = source(graph.operations[sigmoid], 0, "mul_scalar")
                if scaled is not None and graph.operations[scaled].inputs[0] == x:
                    factor = graph.operations[scaled].attributes["scalars"][0]
                    operations[sigmoid] = operations[scaled] = None
                    operations[index] = elementwise(operation, "quick_gelu", (x,), operation.output, factor)
                    break
    return Editor(graph).finished(operation for operation in operations if operation)


def _steps(editor: Editor, operation: Operation) -> list[Operation] | None:
    if not is_expression(operation, "gelu"):
        return None
    x, target = operation.inputs[0], operation.output
    names = ("gelu_scaled", "gelu_erf", "gelu_plus_one", "gelu_product")
    scaled, erf, plus, product = (
        replace(editor.value(name, target.shape), strides=target.strides) for name in names
    )
    return [
        elementwise(operation, "mul_scalar", (x,), scaled, 0.5**0.5),
        elementwise(operation, "erf", (scaled,), erf),
        elementwise(operation, "add_scalar", (erf,), plus, 1.0),
        elementwise(operation, "mul", (x, plus), product),
        elementwise(operation, "mul_scalar", (product,), target, 0.5),
    ]
