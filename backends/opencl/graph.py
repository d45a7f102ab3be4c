"""Our graph of a network: values, the views through which operations read and write them, operations, weights.

A :class:`Value` is a dense piece of memory; a :class:`View` is a strided window on one, in elements, as torch's strides
are. Reshapes, permutations, slices and broadcasts are views, so they cost nothing and are no operations. The kinds of
operations and their attributes are listed in :mod:`backends.opencl.operations`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

DTYPES: dict[str, type[Any]] = {"fp32": np.float32, "fp16": np.float16, "int32": np.int32}
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A dense tensor of ``size`` elements of ``dtype`` (a key of ``DTYPES``)."""

    name: str
    size: int
    dtype: str = "fp32"

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(DTYPES[self.dtype]).itemsize


@dataclass(frozen=True, eq=False)
class Weight:
    """The elements of a value known beforehand: those of ``source`` after ``steps`` of :mod:`backends.opencl.packing`.

    ``name`` is the source's name in the module's state; None where the module has no such tensor: it was computed.
    """

    source: np.ndarray
    name: str | None = None
    steps: tuple[str, ...] = ()

    def then(self, step: str) -> Weight:
        return replace(self, steps=(*self.steps, step))

    @property
    def identity(self) -> Hashable:
        """Equal for weights of the same memory, packed alike, as long as their sources are held."""
        return self.source.ctypes.data, self.source.shape, self.source.strides, self.steps


@dataclass(frozen=True, eq=False)
class Beside:
    """A weight whose rows are those of ``parts`` one beside the other, after ``steps``."""

    parts: tuple[Weight | Beside, ...]
    steps: tuple[str, ...] = ()

    def then(self, step: str) -> Beside:
        return replace(self, steps=(*self.steps, step))

    @property
    def identity(self) -> Hashable:
        """Equal for the same parts, packed alike, as long as their sources are held."""
        return tuple(part.identity for part in self.parts), self.steps


@dataclass(frozen=True)
class View:
    """A strided window on the value named ``value``: element (i, j, ...) lies at ``offset + i*strides[0] + ...``."""

    value: str
    shape: Shape
    strides: Shape
    offset: int = 0

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def permuted(self, order: Iterable[int]) -> View:
        order = tuple(order)
        return replace(
            self,
            shape=tuple(self.shape[axis] for axis in order),
            strides=tuple(self.strides[axis] for axis in order),
        )

    def sliced(self, axis: int, start: int, length: int) -> View:
        shape = (*self.shape[:axis], length, *self.shape[axis + 1 :])
        return replace(self, shape=shape, offset=self.offset + start * self.strides[axis])

    def expanded(self, shape: Shape) -> View:
        """Broadcast to ``shape`` as torch does, with strides of 0."""
        missing = len(shape) - len(self.shape)
        old, steps = (1,) * missing + self.shape, (0,) * missing + self.strides
        strides = tuple(
            0 if have == 1 and want != 1 else step for have, want, step in zip(old, shape, steps, strict=True)
        )
        return replace(self, shape=tuple(shape), strides=strides)

    def reshaped(self, shape: Shape) -> View | None:
        """The same elements in the same order under another shape, None where no strides can say so."""
        strides = _reshaped_strides(self.shape, self.strides, tuple(shape))
        return None if strides is None else replace(self, shape=tuple(shape), strides=strides)

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie one after the other in row-major order."""
        flat = self.reshaped((self.elements,))
        return flat is not None and (flat.strides == (1,) or self.elements == 1)


def dense_strides(shape: Shape) -> Shape:
    """Row-major strides."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def strides_like(view: View) -> Shape:
    """Dense strides for ``view.shape`` that keep the order in which ``view`` lies in memory (channels last stays so)."""
    axes = [axis for axis, length in enumerate(view.shape) if length > 1]
    order = sorted(axes, key=lambda axis: -view.strides[axis])
    strides, step = [1] * len(view.shape), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= view.shape[axis]
    return tuple(strides)


@dataclass(frozen=True)
class Operation:
    """One step: ``kind`` with ``attributes`` reads ``inputs`` and writes ``output``; ``module`` is where it came from."""

    kind: str
    inputs: tuple[View, ...]
    output: View
    attributes: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""

    @property
    def name(self) -> str:
        """What it computes: an expression's name, or its kind however its operands are laid out."""
        return self.attributes.get("expression", self.kind).removeprefix("panel_").removeprefix("split_")

    def reads(self) -> set[str]:
        return {view.value for view in self.inputs}


@dataclass(frozen=True)
class Graph:
    """``operations`` in the order they run. ``weights`` are values known beforehand; ``inputs`` are named as the module's."""

    values: Mapping[str, Value]
    inputs: Mapping[str, View]
    outputs: tuple[View, ...]
    operations: tuple[Operation, ...]
    weights: Mapping[str, Weight | Beside]

    def users(self) -> dict[str, list[int]]:
        """For every value the indices of the operations that read it; an output of the graph counts as one more (-1)."""
        users: dict[str, list[int]] = {name: [] for name in self.values}
        for index, operation in enumerate(self.operations):
            for name in operation.reads():
                users[name].append(index)
        for view in self.outputs:
            users[view.value].append(-1)
        return users

    def intermediates(self) -> list[Value]:
        """What is neither a weight nor an input, in the order of first writing."""
        written = dict.fromkeys(operation.output.value for operation in self.operations)
        return [self.values[name] for name in written]


def _reshaped_strides(shape: Shape, strides: Shape, wanted: Shape) -> Shape | None:
    """Strides of ``wanted`` over the same memory: axes are matched in groups of equal size (as numpy and torch do)."""
    if math.prod(shape) != math.prod(wanted):
        raise ValueError(f"{shape} cannot become {wanted}: their elements differ in number")
    if not math.prod(wanted):
        return dense_strides(wanted)
    old = [(length, step) for length, step in zip(shape, strides, strict=True) if length != 1]
    result: list[int] = []
    position, i = 0, 0
    while position < len(wanted):
        if wanted[position] == 1:
            result.append(old[i][1] if i < len(old) else 1)
            position += 1
            continue
        group, product = [old[i]], old[i][0]
        i += 1
        first, new = position, wanted[position]
        position += 1
        while new != product:
            if new < product:
                new *= wanted[position]
                position += 1
            else:
                group.append(old[i])
                product *= old[i][0]
                i += 1
        if any(outer[1] != inner[0] * inner[1] for outer, inner in zip(group, group[1:], strict=False)):
            return None
        step, part = group[-1][1], []
        for length in reversed(wanted[first:position]):
            part.append(step)
            step *= length
        result.extend(reversed(part))
    return tuple(result)
