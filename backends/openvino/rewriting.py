"""What rewritings of OpenVINO's graph have in common: operations of a model give way to others that make the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openvino import Model, Node, Type

KERNEL = 3


def rewrite_all(model: Model, wanted: Callable[[Node], bool], remade: Callable[[Node], Node]) -> int:
    """Replace, in place, every operation that is ``wanted`` by what it is ``remade`` as; returns how many there were.

    What comes new is named after what it stands for, so that its time counts for the same layer.
    """
    known = {node.get_name() for node in model.get_ops()}
    found = [node for node in model.get_ordered_ops() if wanted(node)]
    for node in found:
        result = remade(node)
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
