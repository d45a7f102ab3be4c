"""fp16: tensors and weights stored as halves, arithmetic in fp32; statistics and the timestep's embedding stay fp32."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.graph import Graph

FP32_KINDS = ("reduce", "softmax_statistics", "group_statistics", "magnitudes")
ORDERING = ("argsort", "argmax")
_STEPS = ("elementwise", "embedding", "reduce", "matmul")


def apply(graph: Graph, precision: str) -> Graph:
    """The graph at ``fp32`` (as it is) or ``fp16``.

    An input of one axis (the timestep, up to 1000) and what is computed from it elementwise keep fp32: its sines would be
    those of another step. So do maxima, sums, means, variances, and weights that such operations read; and what is sorted
    or compared for its place, with the steps that lead there: halves of values that are nearly alike are alike.
    """
    if precision == "fp32":
        return graph
    kept = {view.value for view in graph.inputs.values() if len(view.shape) < 2}
    for operation in graph.operations:
        inputs = operation.reads() - set(graph.weights)
        if operation.kind in FP32_KINDS or (operation.kind == "elementwise" and inputs <= kept):
            kept.add(operation.output.value)
    kept |= _compared(graph)
    for operation in graph.operations:
        if operation.output.value in kept:
            kept |= operation.reads() & set(graph.weights)
    values = {
        name: value if name in kept or value.dtype != "fp32" else replace(value, dtype="fp16")
        for name, value in graph.values.items()
    }
    return replace(graph, values=values)


def _compared(graph: Graph) -> set[str]:
    """Values whose order decides something, back to the tokens that they were computed from."""
    wanted: set[str] = set()
    made_by = {operation.output.value: operation.kind for operation in graph.operations}
    for operation in reversed(graph.operations):
        if operation.kind in ORDERING:
            wanted |= operation.reads()
        elif operation.output.value in wanted and operation.kind in _STEPS:
            wanted |= {
                view.value
                for view in operation.inputs
                if made_by.get(view.value) in ("elementwise", "embedding", "reduce")
            }
    return wanted
