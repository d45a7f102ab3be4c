"""GEGLU ("gelu" of arXiv 2304.11267) joins the product that computes its two halves, where a core's kernel can do that.

The weight's columns lie in turns, some of the first half and as many of the second, so that a work-item which has sums of
one has those of the other: the product's own result, twice as wide, is never written. A core's ``lay_out`` calls this, and no
switch does: how many columns take turns is the core's, and the portable product has no such form.
"""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, is_expression, producers, sole_use, with_attributes
from backends.opencl.graph import Graph, Operation


def apply(graph: Graph, together: int) -> Graph:
    """The graph with a ``gated_matmul`` in place of a product by a whole weight and the GEGLU that alone reads it.

    ``together`` columns of a half follow each other. With the switch ``gelu`` off a graph has no GEGLU, and stays as it is.
    """
    users, written = graph.users(), producers(graph)
    editor = Editor(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "geglu"):
            continue
        source = written.get(operation.inputs[0].value)
        if source is None or not sole_use(users, operation.inputs[0].value):
            continue
        gated = _gated(editor, graph.operations[source], operation, together)
        if gated is not None:
            operations[source], operations[index] = None, gated
    return editor.finished(operation for operation in operations if operation)


def _gated(editor: Editor, product: Operation, geglu: Operation, together: int) -> Operation | None:
    if product.kind != "matmul" or product.attributes["extras"] not in ((), ("bias",)):
        return None
    left, right, *biases = product.inputs
    *batch, rows, columns = product.output.shape
    half = columns // 2
    if batch != [1, 1] or columns % (2 * together) or geglu.output.elements != rows * half:
        return None
    known = right.elements == editor.values[right.value].size and right.is_dense
    known = known and all(editor.values[view.value].size == columns for view in biases)
    weights = all(view.value in editor.weights for view in (right, *biases))
    # of axes of one element the strides may differ; ``reshaped`` gives all the same
    halves = [product.output.sliced(3, start, half).reshaped(geglu.output.shape) for start in (0, half)]
    read = [view.reshaped(view.shape) for view in geglu.inputs]
    target = geglu.output.reshaped((1, 1, rows, half))
    if not known or not weights or halves != read or target is None or target.strides[3] != 1:
        return None
    step = f"halves{together}"
    inputs = [left, editor.repacked(right, step, right.shape)]
    inputs += [editor.repacked(view, step, (1, 1, 1, columns)).expanded(view.shape) for view in biases]
    gated = with_attributes(product, together=together)
    return replace(gated, kind="gated_matmul", inputs=tuple(inputs), output=target, module=geglu.module)
