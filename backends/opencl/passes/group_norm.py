"""Group norm ("S-GN" of arXiv 2304.11267): one kernel with the SiLU behind it, or mean, variance, normalize, affine, SiLU."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import (
    Editor,
    elementwise,
    is_expression,
    producers,
    rewritten,
    seen_as,
    sole_use,
    with_attributes,
)
from backends.opencl.graph import Graph, Operation


def apply(graph: Graph, enabled: bool) -> Graph:
    """On: SiLU joins the norm before it. Off: every step its own kernel and its own tensor."""
    return _fused(graph) if enabled else rewritten(graph, _steps)


def _fused(graph: Graph) -> Graph:
    users, written = graph.users(), producers(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "silu"):
            continue
        source = written.get(operation.inputs[0].value)
        norm = graph.operations[source] if source is not None else None
        if norm is None or norm.kind != "group_norm" or not sole_use(users, norm.output.value):
            continue
        target = seen_as(norm.output, operation.inputs[0], operation.output)
        if target is not None and source is not None:
            operations[source] = None
            operations[index] = replace(with_attributes(norm, silu=True), output=target)
    return Editor(graph).finished(operation for operation in operations if operation)


def _steps(editor: Editor, operation: Operation) -> list[Operation] | None:
    if operation.kind != "group_norm":
        return None
    x, weight, bias = operation.inputs
    n, channels, pixels = x.shape
    groups = operation.attributes["groups"]
    shape = (n, groups, channels // groups, pixels)
    grouped, target = x.reshaped(shape), operation.output.reshaped(shape)
    assert grouped is not None and target is not None
    mean, variance = editor.value("mean", (n, groups)), editor.value("variance", (n, groups))
    normal = replace(editor.value("normalize", shape), strides=target.strides)
    each = [item.reshaped((n, groups, 1, 1)) for item in (mean, variance)]
    affine = [item.reshaped((1, groups, channels // groups, 1)) for item in (weight, bias)]
    reads = [item for item in (*each, *affine) if item is not None]
    return [
        Operation("reduce", (grouped,), mean, {"function": "mean"}, operation.module),
        Operation("reduce", (grouped, mean), variance, {"function": "variance"}, operation.module),
        elementwise(operation, "normalize", (grouped, *reads[:2]), normal, operation.attributes["epsilon"]),
        elementwise(operation, "affine", (normal, *reads[2:]), target),
    ]
