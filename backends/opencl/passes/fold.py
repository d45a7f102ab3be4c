"""What belongs to no switch: convolutions of one pixel become products, additions join the product or convolution before
them, upsampling the convolution behind it."""

from __future__ import annotations

from dataclasses import replace

from backends.opencl.editing import (
    Editor,
    is_expression,
    producers,
    rewritten,
    seen_as,
    sole_use,
    with_attributes,
)
from backends.opencl.graph import Graph, Operation, View

MOST_EXTRAS = 3


def apply(graph: Graph) -> Graph:
    """Residual and time-embedding additions, and twofold upsampling, as part of the operation they touch.

    A 1×1 convolution is the product of its pixels' channels with its weight.
    """
    return rewritten(_upsampling(_additions(graph)), _pointwise)


def _pointwise(_: Editor, operation: Operation) -> list[Operation] | None:
    attributes = operation.attributes
    form = tuple(attributes.get(name) for name in ("kernel", "stride", "padding", "upsample"))
    if operation.kind != "conv2d" or form != (1, 1, 0, 1):
        return None
    x, weight, *extras = operation.inputs
    rows = [_as_rows(view) for view in (x, *extras, operation.output)]
    right = weight.reshaped((1, 1, *weight.shape[2:]))
    if right is None or any(view is None for view in rows):
        return None
    left, *added, output = [view for view in rows if view is not None]
    product = {"scale": 1.0, "extras": attributes["extras"]}
    return [Operation("matmul", (left, right, *added), output, product, operation.module)]


def _as_rows(image: View) -> View | None:
    """(N, C, H, W) as (1, 1, N*H*W, C); None where no strides can say so."""
    n, channels, height, width = image.shape
    return image.permuted((0, 2, 3, 1)).reshaped((1, 1, n * height * width, channels))


def _additions(graph: Graph) -> Graph:
    users, written = graph.users(), producers(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if not is_expression(operation, "add"):
            continue
        sources = [(written.get(view.value), position) for position, view in enumerate(operation.inputs)]
        for source, position in sorted(sources, key=lambda item: -1 if item[0] is None else -item[0]):
            before = operations[source] if source is not None else None
            if before is None or not sole_use(users, before.output.value):
                continue
            if before.output.value == operation.inputs[1 - position].value:
                continue
            joined = _joined(before, operation, position)
            if joined and source is not None:
                operations[source], operations[index] = None, joined
                break
    return Editor(graph).finished(operation for operation in operations if operation)


def _joined(product: Operation, addition: Operation, position: int) -> Operation | None:
    """The product with the addition behind it as one more extra; None where it can't take it."""
    if product.kind not in ("matmul", "conv2d") or len(product.attributes["extras"]) >= MOST_EXTRAS:
        return None
    consumed, other = addition.inputs[position], addition.inputs[1 - position]
    residual = seen_as(product.output, consumed, other)
    target = seen_as(product.output, consumed, addition.output)
    if residual is None or target is None:
        return None
    extended = with_attributes(product, extras=(*product.attributes["extras"], "residual"))
    return replace(extended, inputs=(*product.inputs, residual), output=target)


def _upsampling(graph: Graph) -> Graph:
    users, written = graph.users(), producers(graph)
    operations: list[Operation | None] = list(graph.operations)
    for index, operation in enumerate(graph.operations):
        if operation.kind != "conv2d":
            continue
        source = written.get(operation.inputs[0].value)
        copy = graph.operations[source] if source is not None else None
        if copy is None or source is None or not sole_use(users, copy.output.value):
            continue
        small = _small(copy, operation.inputs[0])
        if small:
            operations[source] = None
            current = operations[index] or operation
            operations[index] = replace(
                with_attributes(current, upsample=2), inputs=(small, *current.inputs[1:])
            )
    return Editor(graph).finished(operation for operation in operations if operation)


def _small(copy: Operation, consumed: View) -> View | None:
    """What a twofold upsampling reads, (N, C, h, w); None where the operation is none."""
    view = copy.inputs[0]
    doubled = len(view.shape) == 6 and view.strides[3] == view.strides[5] == 0
    if not is_expression(copy, "copy") or not doubled or view.shape[3] != 2 or view.shape[5] != 2:
        return None
    if copy.output.reshaped(consumed.shape) != consumed:
        return None
    n, channels, height, _, width, _ = view.shape
    strides = tuple(view.strides[axis] for axis in (0, 1, 2, 4))
    return View(view.value, (n, channels, height, width), strides, view.offset)
