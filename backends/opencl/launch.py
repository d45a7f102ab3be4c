"""What a kernel launch is, and how its macros and arguments describe views."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from backends.opencl.graph import Operation, Value, View

C_TYPES = {"fp32": "float", "fp16": "half", "int32": "int"}
ITEMS = 64
"""Work-items of a group, where nothing else asks for a number."""

Macros = dict[str, str | int | float]
Size = tuple[int, ...]


@dataclass(frozen=True)
class Launch:
    """One kernel call. ``arguments`` are names of values, the output first, and behind them come the ``numbers`` that the
    kernel takes as arguments where others are macros; ``bytes`` count every tensor once."""

    kernel: str
    sources: tuple[str, ...]
    macros: Macros
    arguments: tuple[str, ...]
    global_size: Size
    local_size: Size
    operation: Operation = field(repr=False)
    flops: int = 0
    bytes: int = 0
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    """Of the compiler, beside the language."""


Maker = Callable[[Mapping[str, Value], Operation], Launch]
"""What makes the launch of an operation of one kind; its arguments and bytes are filled in by :func:`launch`."""


def described(prefix: str, view: View, values: Mapping[str, Value]) -> Macros:
    """Type, offset and strides of a view as macros that begin with ``prefix``."""
    dtype = values[view.value].dtype
    macros: Macros = {
        f"{prefix}_T": C_TYPES[dtype],
        f"{prefix}_TYPE": dtype,
        f"{prefix}_READ": f"READ_{dtype}",
        f"{prefix}_WRITE": f"WRITE_{dtype}",
        f"{prefix}_OFFSET": view.offset,
    }
    return macros | {f"{prefix}_S{axis}": step for axis, step in enumerate(view.strides)}


def made(
    values: Mapping[str, Value],
    operation: Operation,
    kernel: str,
    views: Mapping[str, View],
    macros: Macros,
    sizes: tuple[Size, Size],
    *sources: str,
    flops: int = 0,
    fixed: Collection[str] | None = None,
) -> Launch:
    """A launch of ``kernel`` of the files ``sources``, with every view described in ``macros`` beside those given.

    Of the numbers only those in ``fixed`` stay macros, so that one program serves many shapes; all do where it is None.
    """
    whole: Macros = {}
    for prefix, view in views.items():
        whole |= described(prefix, view, values)
    whole |= macros
    free = {
        name: value
        for name, value in whole.items()
        if fixed is not None and not isinstance(value, str) and name not in fixed
    }
    kept = {name: value for name, value in whole.items() if name not in free}
    return Launch(kernel, ("common.cl", *sources), kept, (), *sizes, operation, flops, numbers=free)


def numbered(operation: Operation) -> dict[str, View]:
    """The output as ``OUT``, the inputs as ``A0``, ``A1``..."""
    return {"OUT": operation.output} | {f"A{i}": view for i, view in enumerate(operation.inputs)}


def items(count: int) -> tuple[Size, Size]:
    """Global and local size for ``count`` work-items, and a few more that have nothing to do."""
    return (-(-count // ITEMS) * ITEMS,), (ITEMS,)


def number(value: float) -> str:
    """A float as OpenCL C writes it."""
    return f"({value!r}f)"
