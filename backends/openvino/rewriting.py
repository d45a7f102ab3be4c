"""Rewritings of OpenVINO's graph: convolutions of a model give way to other operations that make the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from openvino import Model, Node, Type
from openvino import opset13 as op

KERNEL = 3


@dataclass(frozen=True)
class Rewriting:
    """Which convolutions give way, to what, and which kernels that takes."""

    name: str
    wanted: Callable[[Node], bool]
    """Of a 3×3 convolution as :func:`is_plain_convolution` knows it: whether this rewrites it."""
    kernels: Callable[[np.ndarray], list[np.ndarray]]
    """From a convolution's kernels (made, given, 3, 3) those that are needed in their place, fp32."""
    remade: Callable[[Node, Sequence[Node]], Node]
    """What makes the same as a convolution, given the constants of those kernels."""

    def convolutions(self, model: Model) -> list[Node]:
        """Those of a model of static shapes that this rewrites."""
        return [node for node in model.get_ordered_ops() if is_plain_convolution(node) and self.wanted(node)]


Constants = Mapping[str, Sequence[Node]]
"""The computed kernels of convolutions, by their names."""


def computed(rewriting: Rewriting, convolutions: Sequence[Node]) -> Constants:
    """The kernels that a rewriting needs for these convolutions, computed and held in memory."""
    return {
        node.get_friendly_name(): [
            op.constant(np.ascontiguousarray(kernel), shared_memory=True)
            for kernel in rewriting.kernels(np.array(node.input_value(1).get_node().get_data()))
        ]
        for node in convolutions
    }


def rewrite(rewriting: Rewriting, model: Model, constants: Constants) -> int:
    """Rewrite a model of static shapes in place, with the kernels of all of its ``convolutions``; returns how many there were.

    What comes new is named after what it stands for, so that its time counts for the same layer.
    """
    known = {node.get_name() for node in model.get_ops()}
    found = rewriting.convolutions(model)
    for node in found:
        result = rewriting.remade(node, constants[node.get_friendly_name()])
        _name(result, node.get_friendly_name(), known)
        node.output(0).replace(result.output(0))
    model.validate_nodes_and_infer_types()
    return len(found)


def is_plain_convolution(node: Node) -> bool:
    """Whether this is a 3×3 convolution of static shape, of stride, dilation and padding 1, with constant fp32 kernels."""
    if node.get_type_name() != "Convolution" or node.get_output_partial_shape(0).is_dynamic:
        return False
    attributes: dict[str, Any] = node.get_attributes()
    names = ("strides", "dilations", "pads_begin", "pads_end")
    if attributes["auto_pad"] != "explicit" or any(list(attributes[name]) != [1, 1] for name in names):
        return False
    kernels = node.input_value(1).get_node()
    if kernels.get_type_name() != "Constant" or kernels.get_element_type() != Type.f32:
        return False
    return list(kernels.get_output_shape(0))[2:] == [KERNEL, KERNEL]


def _name(result: Node, name: str, known: set[str]) -> None:
    """Name everything that leads to ``result`` and is not ``known`` yet, and make it known."""
    left = [result]
    while left:
        node = left.pop()
        if node.get_name() in known:
            continue
        known.add(node.get_name())
        node.set_friendly_name(name if node is result else f"{name}/{node.get_name()}")
        left += [node.input_value(port).get_node() for port in range(node.get_input_size())]
