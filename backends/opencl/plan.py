"""Where every intermediate tensor lies: one arena, shared objects or a buffer each.

Both ways to share are greedy by size and those of "Efficient Memory Management for Deep Neural Net Inference"
(arXiv 2001.03288). Offsets in one arena take the least memory. Shared objects are whole buffers, each for tensors of which
no two live together: for drivers to which parts of buffers are dear.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from backends.contract import Arena, Tensor
from backends.opencl.graph import Graph

Sharing = Literal["offsets", "objects", "none"]
"""How tensors share memory."""
ALIGNMENT = 1024
"""Bytes; no device known to us wants sub-buffers aligned to more."""


@dataclass(frozen=True)
class Lifetime:
    """A tensor of ``size`` bytes that is first written by operation ``first`` and last needed by ``last``, both inclusive."""

    name: str
    size: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Place:
    """A tensor at ``offset`` bytes of the arena."""

    tensor: Lifetime
    offset: int

    @property
    def end(self) -> int:
        return self.offset + self.tensor.size


@dataclass(frozen=True)
class Plan:
    """All places, and the bytes of the arena that holds them."""

    places: tuple[Place, ...]
    size: int

    @property
    def separate(self) -> int:
        """What the tensors would take with a buffer each, in bytes."""
        return sum(place.tensor.size for place in self.places)

    def __str__(self) -> str:
        rows = [
            f"arena {self.size / 2**20:.1f} MiB of {self.separate / 2**20:.1f} MiB, {len(self.places)} tensors"
        ]
        for place in sorted(self.places, key=lambda place: (place.tensor.first, place.offset)):
            tensor = place.tensor
            rows.append(
                f"{place.offset:>12}..{place.end:<12} {tensor.first:>5}..{tensor.last:<5} {tensor.name}"
            )
        return "\n".join(rows)


def lifetimes(graph: Graph) -> list[Lifetime]:
    """One for every value that an operation writes; the graph's outputs live to its end."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for index, operation in enumerate(graph.operations):
        first.setdefault(operation.output.value, index)
        for name in (*operation.reads(), operation.output.value):
            last[name] = index
    for view in graph.outputs:
        last[view.value] = len(graph.operations)
    return [Lifetime(name, graph.values[name].nbytes, start, last[name]) for name, start in first.items()]


def planned(tensors: Iterable[Lifetime], sharing: Sharing = "offsets") -> Plan:
    """A place for every tensor. Objects, and the tensors that share none, lie one behind the other in the same arena."""
    ordered = sorted(tensors, key=lambda tensor: (-tensor.size, tensor.first, tensor.name))
    if sharing == "objects":
        return _in_objects(ordered)
    places: list[Place] = []
    for tensor in ordered:
        offset = 0
        for place in sorted(places, key=lambda place: place.offset):
            if sharing == "offsets" and not place.tensor.meets(tensor):
                continue
            if offset + tensor.size <= place.offset:
                break
            offset = max(offset, _aligned(place.end))
        places.append(Place(tensor, offset))
    return Plan(tuple(places), max((place.end for place in places), default=0))


def _in_objects(tensors: list[Lifetime]) -> Plan:
    """Tensors, the largest first, each in the smallest object that is free all its life, or in a new one."""
    objects: list[list[Lifetime]] = []
    for tensor in tensors:
        free = (item for item in reversed(objects) if not any(tensor.meets(other) for other in item))
        found = next(free, None)
        if found is None:
            objects.append(found := [])
        found.append(tensor)
    places, offset = [], 0
    for item in objects:
        places += [Place(tensor, offset) for tensor in item]
        offset = _aligned(offset + item[0].size)
    return Plan(tuple(places), max((place.end for place in places), default=0))


def mapped(stage: str, graph: Graph, plan: Plan) -> Arena:
    """The plan of a graph that runs as ``stage``, as data that travels: tensors in the order in which they are written."""
    modules = {operation.output.value: operation.module for operation in reversed(graph.operations)}
    tensors = tuple(
        Tensor(
            place.tensor.name,
            modules[place.tensor.name].partition(".")[2],
            place.tensor.size,
            place.offset,
            place.tensor.first,
            place.tensor.last,
        )
        for place in sorted(plan.places, key=lambda place: (place.tensor.first, place.offset))
    )
    return Arena(stage, plan.size, len(graph.operations), tensors)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
