"""The passes, in the order they run: pure functions from graph to graph, a switch of the variant each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backends.opencl.graph import Graph
from backends.opencl.passes import (
    cleanup,
    flash_attention,
    fold,
    gelu,
    group_norm,
    repeats,
    softmax,
    winograd,
)
from backends.opencl.passes import precision as precisions

SWITCHES = ("group_norm", "gelu", "softmax", "flash_attention", "winograd")


def optimized(
    graph: Graph,
    switches: Mapping[str, bool],
    precision: str = "fp32",
    attends: flash_attention.Chooses = flash_attention.small_head_and_many_keys,
    winograd_tile: Callable[[str], winograd.Chooses] | None = None,
) -> Graph:
    """The graph that runs at ``fp32`` or ``fp16``: every switch of ``SWITCHES`` on, or in the paper's elementary steps.

    ``attends`` says which attention the device takes without writing its scores, ``winograd_tile``, for a
    precision, which tile a convolution takes; None leaves that to the pass.
    """
    graph = repeats.apply(cleanup.apply(graph))
    graph = fold.apply(graph)
    graph = group_norm.apply(graph, switches["group_norm"])
    graph = gelu.apply(graph, switches["gelu"])
    graph = flash_attention.apply(graph, switches["flash_attention"], attends)
    graph = softmax.apply(graph, switches["softmax"])
    largest = winograd.TILES[precision]
    graph = winograd.apply(graph, switches["winograd"], largest, winograd_tile and winograd_tile(precision))
    return precisions.apply(cleanup.apply(graph), precision)
