"""Measures the tile sizes that a core offers for every shape of a model's kernels, and remembers the fastest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from backends.contract import Generate, Request, Variant
from backends.generation import Generation
from backends.models import ModelCard, Progress
from backends.opencl.backend import load
from backends.opencl.choices import Settings, shape_of, with_tiles
from backends.opencl.graph import Graph, Operation, View
from backends.opencl.runtime import Engine, Network
from backends.tuning import Tuned, TunedKernel

ROUNDS = 5
WORTH = 0.97
"""Of the usual time: what is hardly faster may be so by chance, and is not taken."""


def tune(card: ModelCard, variant: Variant, request: Request, unet_only: bool, progress: Progress) -> Tuned:
    """Tune the kernels of the networks that a request runs. Raises as loading and running it do, and OSError."""
    hosted = load(card, variant, progress)
    progress("compiling kernels", None)
    Generation(hosted).run(Generate(request, unet_only=unet_only), lambda message: None, lambda: False)
    parts = (hosted.pipeline.text_encoder, hosted.pipeline.unet, hosted.pipeline.vae)
    networks = [network for part in parts for network in part.compiled.networks.values()]
    engine = networks[0].engine
    found = tune_graphs(engine, [network.graph for network in networks], progress)
    return Tuned(str(engine.choices.file), tuple(found))


def tune_graphs(engine: Engine, graphs: list[Graph], progress: Progress) -> list[TunedKernel]:
    """Tune every shape in graphs as the core laid them out, and remember what is faster. Raises OSError."""
    shapes: dict[str, Graph] = {}
    for graph in graphs:
        for operation in graph.operations:
            if operation.kind in engine.core.settings:
                shapes.setdefault(shape_of(graph.values, operation), _alone(graph, operation))
    found = []
    for index, (shape, graph) in enumerate(shapes.items()):
        progress("tuning", index / len(shapes))
        found.append(_fastest(engine, shape, graph, engine.core.settings[graph.operations[0].kind]))
        engine.choices.remember({shape: found[-1].settings})
    return found


def _fastest(engine: Engine, shape: str, graph: Graph, offered: Mapping[str, tuple[int, ...]]) -> TunedKernel:
    mixtures = [dict(zip(offered, values, strict=True)) for values in itertools.product(*offered.values())]
    candidates: list[Settings] = [{}, *mixtures]
    runs = [_run(engine, graph, settings) for settings in candidates]
    times = [
        [run() for run in runs] for _ in range(ROUNDS)
    ]  # interleaved: what else the machine does slows all alike
    least = [min(column) for column in zip(*times, strict=True)]
    best = min(range(len(candidates)), key=least.__getitem__)
    if least[best] > WORTH * least[0]:
        best = 0
    return TunedKernel(shape, dict(candidates[best]), least[best], least[0])


def _run(engine: Engine, graph: Graph, settings: Settings) -> Callable[[], float]:
    (operation,) = graph.operations
    changed = Graph(graph.values, graph.inputs, graph.outputs, (with_tiles(operation, settings),), {})
    network = Network(engine, changed)

    def run() -> float:
        with engine.profiled() as times:
            network.enqueue()
        return sum(item.end_ns - item.start_ns for item in times) / 1e6

    return run


def _alone(graph: Graph, operation: Operation) -> Graph:
    """One operation as a graph: what it reads are inputs, and what it writes is all of a tensor."""
    names = sorted(operation.reads())
    inputs = {name: View(name, (graph.values[name].size,), (1,)) for name in names}
    values: dict[str, Any] = {name: graph.values[name] for name in (*names, operation.output.value)}
    attributes = {name: value for name, value in operation.attributes.items() if name != "tiles"}
    single = Operation(operation.kind, operation.inputs, operation.output, attributes, operation.module)
    return Graph(values, inputs, (operation.output,), (single,), {})
