"""GEGLU ("gelu" of arXiv 2304.11267) joins the product that computes its two halves, where a core's kernel can do that.

The weight's columns lie in turns of ``TOGETHER`` of either half, so that a work-item which has sums of one has those of the
other: the product's own result, twice as wide, is never written.
"""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, is_expression, producers, sole_use
from backends.opencl.graph import Graph, Operation, View

TOGETHER = 8
"""Columns of a half that follow each other: those of one fragment."""


def apply(graph: Graph) -> Graph:
    """The graph with a ``gated_matmul`` in place of a product by a whole weight and the GEGLU that alone reads it."""
    users, written = graph.users(), producers(graph)
    editor = Editor(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "geglu"):
            continue
        source = written.get(operation.inputs[0].value)
        if source is None or not sole_use(users, operation.inputs[0].value):
            continue
        gated = _gated(editor, graph.operations[source], operation)
        if gated is not None:
            operations[source], operations[index] = None, gated
    return editor.finished(operation for operation in operations if operation)


def _gated(editor: Editor, product: Operation, geglu: Operation) -> Operation | None:
    if product.kind != "matmul" or product.attributes["extras"] not in ((), ("bias",)):
        return None
    left, right, *bias = product.inputs
    rows, columns = product.output.shape[2:]
    half = columns // 2
    halves = [product.output.sliced(3, start, half) for start in (0, half)]
    target = geglu.output.reshaped((*left.shape[:3], half)) if geglu.output.elements == rows * half else None
    known = all(editor.values[view.value].size == columns for view in bias) and right.is_dense
    weights = all(view.value in editor.weights for view in (right, *bias))
    read = [view.reshaped(geglu.output.shape) for view in halves]
    if target is None or columns % (2 * TOGETHER) or not known or not weights or read != _plain(geglu):
        return None
    if right.elements != editor.values[right.value].size:
        return None
    step = f"halves{TOGETHER}"
    inputs = [left, editor.repacked(right, step, right.shape)]
    inputs += [_repacked(editor, view, step) for view in bias]
    return replace(product, kind="gated_matmul", inputs=tuple(inputs), output=target, module=geglu.module)


def _plain(geglu: Operation) -> list[View | None]:
    """What it reads, the strides of axes of one element as ``reshaped`` gives them."""
    return [view.reshaped(view.shape) for view in geglu.inputs]


def _repacked(editor: Editor, bias: View, step: str) -> View:
    return editor.repacked(bias, step, (1, 1, 1, bias.shape[3])).expanded(bias.shape)
