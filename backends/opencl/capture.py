"""A torch module at a fixed shape to our graph, through ``torch.export``: no code of any one model.

What does not depend on the inputs is computed here, once. Reshapes, permutations, slices and broadcasts become views;
where none can say it, a copy. What each ATen operation turns into is in :mod:`backends.opencl.aten`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.fx.node import map_arg

from backends.contract import BackendError
from backends.opencl.graph import Graph, Operation, Shape, Value, View, Weight, dense_strides
from backends.opencl.packing import STEPS

Handler = Callable[..., Any]


class Builder:
    """Collects the graph while ATen operations are walked in order."""

    def __init__(self, names: Mapping[int, str] | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.weights: dict[str, Weight] = {}
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

        Its dtype is the one given, or that of ``like``; else int32 where all inputs are, and fp32.
        """
        if like is not None:
            dtype = self.values[like.value].dtype
        if dtype is None:
            dtype = "int32" if all(self.values[view.value].dtype == "int32" for view in inputs) else "fp32"
        output = self.output(tuple(shape), strides, attributes.get("expression", kind), dtype)
        self.operations.append(Operation(kind, inputs, output, attributes, self.module))
        return output

    def output(self, shape: Shape, strides: Shape | None, label: str, dtype: str = "fp32") -> View:
        """A new value of ``shape`` that operations will write."""
        name = self._fresh(label)
        self.values[name] = Value(name, math.prod(shape), dtype)
        return View(name, shape, strides or dense_strides(shape))

    def copy_into(self, source: View, target: View) -> None:
        self.operations.append(
            Operation("elementwise", (source,), target, {"expression": "copy", "scalars": ()}, self.module)
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


def capture(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor]) -> Graph:
    """The graph of ``module(**inputs)`` at the shapes and dtypes of these example inputs.

    The module returns a tensor or a tuple of tensors, and its parameters are fp32. Raises BackendError naming an operation
    that has no kernel and the module it came from.
    """
    with torch.no_grad():
        program = torch.export.export(module.eval(), (), dict(inputs), strict=False)
    env, names = _constants(program)
    builder = Builder(names)
    graph_inputs: dict[str, View] = {}
    outputs: tuple[View, ...] = ()
    needed = _needed(program.graph)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node not in env:
            value = node.meta["val"]
            dtype = "fp32" if value.dtype.is_floating_point else "int32"
            env[node] = graph_inputs[node.name] = builder.input(node.name, tuple(value.shape), dtype)
        elif node.op == "call_function" and node in needed:
            builder.module = _module_path(node)
            env[node] = _evaluate(builder, node, env)
        elif node.op == "output":
            outputs = tuple(builder.constant(env[argument]) for argument in node.args[0])
    return Graph(builder.values, graph_inputs, outputs, tuple(builder.operations), builder.weights)


def _needed(graph: Any) -> set[Any]:
    """The nodes that the output depends on."""
    needed, waiting = set(), [node for node in graph.nodes if node.op == "output"]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend(node.all_input_nodes)
    return needed


def _constants(program: Any) -> tuple[dict[Any, Any], dict[int, str]]:
    """Parameters, buffers and lifted constants by their placeholders, inputs left out; and the names of those, by id."""
    known: dict[Any, Any] = {}
    signature = program.graph_signature
    stored = {**program.state_dict, **program.constants}
    names: dict[int, str] = {}
    for spec, node in zip(
        signature.input_specs, [n for n in program.graph.nodes if n.op == "placeholder"], strict=True
    ):
        if spec.target is not None:
            known[node] = stored[spec.target].detach()
            if spec.target in program.state_dict:
                names[id(known[node])] = spec.target
    return known, names


def _evaluate(builder: Builder, node: Any, env: dict[Any, Any]) -> Any:
    from backends.opencl.handlers import HANDLERS

    args, kwargs = map_arg((node.args, node.kwargs), lambda item: env[item])
    if not _has_view((args, kwargs)):
        return None if "_assert" in str(node.target) else node.target(*args, **kwargs)
    name = str(node.target).removeprefix("aten.") if _is_aten(node.target) else node.target.__name__
    handler: Handler | None = HANDLERS.get(name) or HANDLERS.get(name.split(".")[0])
    if handler is None:
        where = builder.module or "the model itself"
        raise BackendError(f"the OpenCL runtime has no kernel for {node.target}, which {where} uses")
    try:
        return handler(builder, *args, **kwargs)
    except NotImplementedError as error:
        raise BackendError(
            f"the OpenCL runtime cannot run {node.target} in {builder.module or 'the model'}: {error}"
        ) from error


def _is_aten(target: Any) -> bool:
    return hasattr(target, "overloadpacket")


def _has_view(thing: Any) -> bool:
    if isinstance(thing, (tuple, list)):
        return any(_has_view(item) for item in thing)
    if isinstance(thing, dict):
        return _has_view(list(thing.values()))
    return isinstance(thing, View)


def _module_path(node: Any) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return next((path for path, _ in reversed(list(stack.values()))), "")
