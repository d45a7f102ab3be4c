"""A torch module at a fixed shape to our graph, through ``torch.export``: no code of any one model.

What does not depend on the inputs is computed here, once. Reshapes, permutations, slices and broadcasts become views;
where none can say it, a copy. What each ATen operation turns into is in :mod:`backends.opencl.aten`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx.node import map_arg

from backends.contract import BackendError
from backends.opencl.builder import Builder
from backends.opencl.graph import Graph, View
from backends.opencl.handlers import HANDLERS


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
    args, kwargs = map_arg((node.args, node.kwargs), lambda item: env[item])
    if not _has_view((args, kwargs)):
        return None if "_assert" in str(node.target) else node.target(*args, **kwargs)
    name = str(node.target).removeprefix("aten.") if _is_aten(node.target) else node.target.__name__
    handler = HANDLERS.get(name) or HANDLERS.get(name.split(".")[0])
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
