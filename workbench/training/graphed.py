"""The losses of a step and their gradients: computed as they come, or recorded once and replayed as one CUDA graph.

A quantized UNet is some thousands of small kernels a step. Started one by one they keep a GPU waiting for Python; replayed
they follow each other. Graphs of one model that are replayed one after the other can share their memory: a replay writes all
that it reads, and what it leaves, losses and gradients, keeps its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from workbench.training.distillation import Noised

Compute = Callable[[Noised], dict[str, Tensor]]
WARMING_STEPS = 3
"""Before a recording: libraries choose their kernels and take their workspaces in the first calls."""


def computed(model: nn.Module, compute: Compute, noised: Noised) -> dict[str, Tensor]:
    """The losses of a batch, scalars; every parameter of the model has the gradient of their ``total`` afterwards."""
    model.zero_grad(set_to_none=True)
    losses = compute(noised)
    losses["total"].backward()
    return losses


class Graphed:
    """The same for batches of one shape, as a graph."""

    def __init__(self, model: nn.Module, compute: Compute, example: Noised, pool: Any = None):
        """``compute`` must do the same work every time, ask nothing of the host and draw nothing at random. Raises
        RuntimeError where it does not. ``pool``, of ``torch.cuda.graph_pool_handle``, is memory to share with other graphs."""
        self._given = _copy(example)
        side: Any = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMING_STEPS):
                computed(model, compute, self._given)
        torch.cuda.current_stream().wait_stream(side)
        model.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):
            self._losses = compute(self._given)
            self._losses["total"].backward()
        self._gradients = [(parameter, parameter.grad) for parameter in model.parameters()]

    def __call__(self, noised: Noised) -> dict[str, Tensor]:
        for field in fields(Noised):
            getattr(self._given, field.name).copy_(getattr(noised, field.name))
        self._graph.replay()
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        return {name: value.detach().clone() for name, value in self._losses.items()}


def _copy(noised: Noised) -> Noised:
    return Noised(*(getattr(noised, field.name).clone() for field in fields(Noised)))
