"""The vector core's GEGLU: computed from a product's sums where they are, so that neither half is ever written."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, is_expression, producers, sole_use, with_attributes
from backends.opencl.graph import Graph, Operation, View

VECTORS = {16: 4, 8: 2}
"""By the floats of a vector: those of a panel's columns, half of which are values and half their gates."""


def joined(graph: Graph, lanes: int) -> Graph:
    """Every ``geglu`` of the two halves of a weight's product as the attribute ``paired`` of that product.

    The weight's columns then lie in turns: ``paired`` values, and the gates of those. A graph without ``geglu``, as with
    the switch ``gelu`` off, stays as it is.
    """
    editor, users, written = Editor(graph), graph.users(), producers(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "geglu"):
            continue
        source = written.get(operation.inputs[0].value)
        product = graph.operations[source] if source is not None else None
        if product is None or source is None or not sole_use(users, product.output.value):
            continue
        paired = _paired(editor, product, operation, VECTORS[lanes] * lanes // 2)
        if paired:
            operations[source], operations[index] = None, paired
    return editor.finished(operation for operation in operations if operation)


def _paired(editor: Editor, product: Operation, geglu: Operation, each: int) -> Operation | None:
    if product.kind != "matmul":
        return None
    right, half = product.inputs[1], product.output.shape[3] // 2
    halves = [product.output.sliced(3, start, half).reshaped(geglu.output.shape) for start in (0, half)]
    target = geglu.output.reshaped((*product.output.shape[:3], half))
    weight = right.value in editor.weights and right.is_dense
    weight = weight and right.elements == editor.values[right.value].size
    if not weight or half % each or tuple(halves) != geglu.inputs or target is None:
        return None
    if target.strides[3] != 1 or any(view.strides[3] not in (0, 1) for view in product.inputs[2:]):
        return None
    columns: View = editor.repacked(right, f"halves{each}", right.shape)
    inputs = (product.inputs[0], columns, *product.inputs[2:])
    return replace(with_attributes(product, paired=each), inputs=inputs, output=target)
