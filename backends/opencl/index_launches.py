"""The launches of what token merging does with indices."""

from __future__ import annotations

from collections.abc import Mapping

from backends.opencl.graph import Operation, Value
from backends.opencl.launch import ITEMS, Launch, Macros, Maker, items, made, numbered

KINDS = ("argsort", "scatter", "cumsum", "gather", "argmax")


def _indices(values: Mapping[str, Value], operation: Operation) -> Launch:
    rows, length = operation.inputs[0].shape
    written = operation.output.shape
    count = written[1] if len(written) > 1 else 1
    macros: Macros = {name.upper(): number for number, name in enumerate(KINDS)}
    macros |= {"KIND": operation.kind.upper(), "N": length, "COUNT": count}
    attributes = operation.attributes
    macros |= {"DESCENDING": int(attributes.get("descending", 0)), "ADD": int(attributes.get("add", 0))}
    if operation.kind == "scatter":
        macros["M"] = operation.inputs[1].shape[1]
    (most,), (group,) = items(count)
    return made(
        values, operation, "indices", numbered(operation), macros, ((most, rows), (group, 1)), "indices.cl"
    )


def _embedding_bag(values: Mapping[str, Value], operation: Operation) -> Launch:
    bags, columns = operation.output.shape
    macros: Macros = {"COLUMNS": columns, "BAGS": bags, "LENGTH": operation.inputs[0].elements}
    sizes = (-(-columns // ITEMS) * ITEMS, bags), (ITEMS, 1)
    flops = 2 * operation.inputs[0].elements * columns
    return made(
        values,
        operation,
        "embedding_bag",
        numbered(operation),
        macros,
        sizes,
        "embedding_bag.cl",
        flops=flops,
    )


MAKERS: dict[str, Maker] = {"embedding_bag": _embedding_bag} | dict.fromkeys(KINDS, _indices)
