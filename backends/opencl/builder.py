"""What collects a graph while ATen operations are walked in order, and what turns one of them into ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from backends.opencl.graph import Beside, Operation, Shape, Value, View, Weight, dense_strides
from backends.opencl.packing import STEPS

Handler = Callable[..., Any]


class Builder:
    """Collects the graph while ATen operations are walked in order."""

    def __init__(self, names: Mapping[int, str] | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.weights: dict[str, Weight | Beside] = {}
        self.operations: list[Operation] = []
        self.module = ""
        self._names = names or {}
        self._views: dict[tuple[int, str | None], tuple[torch.Tensor, View]] = {}

    def input(self, name: str, shape: Shape, dtype: str) -> View:
        self.values[name] = Value(name, math.prod(shape), dtype)
        return View(name, shape, dense_strides(shape))

    def constant(self, thing: Any, step: str | None = None) -> View:
        """The view of a tensor, packed by a step of :mod:`backends.opencl.packing`, or of a view as it is.

        One tensor, packed alike, becomes one weight; floats are fp32, whole numbers int32.
        """
        if isinstance(thing, View):
            return thing
        key = id(thing), step
        if key not in self._views:
            weight = Weight(thing.detach().numpy(), self._names.get(id(thing)))
            shape = tuple(thing.shape)
            if step:
                weight = weight.then(step)
                shape = tuple(STEPS[step](thing.detach(), 0).shape)
            name = self._fresh("weight")
            self.values[name] = Value(
                name, math.prod(shape), "fp32" if thing.is_floating_point() else "int32"
            )
            self.weights[name] = weight
            self._views[key] = thing, View(name, shape, dense_strides(shape))
        return self._views[key][1]

    def emit(
        self,
        kind: str,
        inputs: tuple[View, ...],
        shape: Shape,
        strides: Shape | None = None,
        dtype: str | None = None,
        like: View | None = None,
        **attributes: Any,
    ) -> View:
        """Append an operation that writes a new value of ``shape``, laid out by ``strides`` (dense of some order).

        Its dtype is the one given, or that of ``like``; else int32 where all inputs are, and fp32. Where the value has no
        elements (all tokens that may be merged are, and none of them is left) there is nothing to do.
        """
        if like is not None:
            dtype = self.values[like.value].dtype
        if dtype is None:
            dtype = "int32" if all(self.values[view.value].dtype == "int32" for view in inputs) else "fp32"
        output = self.output(tuple(shape), strides, attributes.get("expression", kind), dtype)
        if output.elements:
            self.operations.append(Operation(kind, inputs, output, attributes, self.module))
        return output

    def output(self, shape: Shape, strides: Shape | None, label: str, dtype: str = "fp32") -> View:
        """A new value of ``shape`` that operations will write."""
        name = self._fresh(label)
        self.values[name] = Value(name, math.prod(shape), dtype)
        return View(name, shape, strides or dense_strides(shape))

    def copy_into(self, source: View, target: View) -> None:
        if target.elements:
            self.operations.append(
                Operation(
                    "elementwise", (source,), target, {"expression": "copy", "scalars": ()}, self.module
                )
            )

    def reshaped(self, view: View, shape: Shape) -> View:
        """A view where strides can say it, else a view of a dense copy."""
        same = view.reshaped(shape)
        if same is None:
            same = self.emit("elementwise", (view,), view.shape, expression="copy", scalars=()).reshaped(
                shape
            )
        assert same is not None
        return same

    def _fresh(self, label: str) -> str:
        name, number = label, 0
        while name in self.values:
            number += 1
            name = f"{label}_{number}"
        return name
