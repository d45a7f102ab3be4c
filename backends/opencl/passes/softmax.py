"""Attention by two matrix products, its softmax partially fused (arXiv 2304.11267), or in elementary steps."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import Editor, elementwise, rewritten
from backends.opencl.graph import Graph, Operation, View


def apply(graph: Graph, enabled: bool) -> Graph:
    """On: maxima and sums first, the exponentials while the next product reads; no normalised matrix is ever written.

    Off: maximum, difference, exponential, sum and quotient are a kernel and a tensor each.
    """

    def replacement(editor: Editor, operation: Operation) -> list[Operation] | None:
        if operation.kind == "softmax":
            return _steps(editor, operation, operation.inputs[0], operation.output)
        if operation.kind != "attention":
            return None
        query, key, value, *mask = operation.inputs
        scores = editor.value("scores", (*query.shape[:3], key.shape[2]))
        attributes = {"scale": operation.attributes["scale"], "extras": ("residual",) * len(mask)}
        product = (query, key.permuted((0, 1, 3, 2)), *mask)
        first = Operation("matmul", product, scores, attributes, operation.module)
        rest = _partially_fused if enabled else _elementary
        return [first, *rest(editor, operation, scores, value)]

    return rewritten(graph, replacement)


def _partially_fused(editor: Editor, operation: Operation, scores: View, value: View) -> list[Operation]:
    statistics = editor.value("statistics", (*scores.shape[:3], 2))
    attributes = {"scale": 1.0, "extras": ("statistics",)}
    return [
        Operation("softmax_statistics", (scores,), statistics, {}, operation.module),
        Operation("matmul", (scores, value, statistics), operation.output, attributes, operation.module),
    ]


def _elementary(editor: Editor, operation: Operation, scores: View, value: View) -> list[Operation]:
    weights = editor.value("softmax", scores.shape)
    attributes = {"scale": 1.0, "extras": ()}
    product = Operation("matmul", (weights, value), operation.output, attributes, operation.module)
    return [*_steps(editor, operation, scores, weights), product]


def _steps(editor: Editor, operation: Operation, scores: View, target: View) -> list[Operation]:
    rows = (scores.shape[0] * scores.shape[1], scores.shape[2])
    each = (*scores.shape[:3], 1)
    apart, exponentials = (
        replace(editor.value(name, scores.shape), strides=target.strides)
        for name in ("apart", "exponentials")
    )
    maximum, total = editor.value("maximum", rows), editor.value("sum", rows)

    def reduced(x: View, out: View, function: str) -> Operation:
        flat = x.reshaped((*rows, 1, scores.shape[3]))
        assert flat is not None
        return Operation("reduce", (flat,), out, {"function": function}, operation.module)

    def spread(view: View) -> View:
        column = view.reshaped(each)
        assert column is not None
        return column

    return [
        reduced(scores, maximum, "max"),
        elementwise(operation, "sub", (scores, spread(maximum)), apart),
        elementwise(operation, "exp", (apart,), exponentials),
        reduced(exponentials, total, "sum"),
        elementwise(operation, "div", (exponentials, spread(total)), target),
    ]
