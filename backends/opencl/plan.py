"""Where every intermediate tensor lies: one arena, offsets greedy by size (arXiv 2001.03288), or a buffer each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backends.opencl.graph import Graph

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


def planned(tensors: Iterable[Lifetime], reuse: bool = True) -> Plan:
    """Offsets, the largest tensor first, each at the lowest gap between those whose lifetimes meet its own.

    Without ``reuse`` every tensor has its own place, one behind the other.
    """
    places: list[Place] = []
    for tensor in sorted(tensors, key=lambda tensor: (-tensor.size, tensor.first, tensor.name)):
        offset = 0
        for place in sorted(places, key=lambda place: place.offset):
            if reuse and not place.tensor.meets(tensor):
                continue
            if offset + tensor.size <= place.offset:
                break
            offset = max(offset, _aligned(place.end))
        places.append(Place(tensor, offset))
    return Plan(tuple(places), max((place.end for place in places), default=0))


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
