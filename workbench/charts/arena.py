"""An arena as a map, offset × time: which tensor lies where, and when the most of them are needed at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from backends.contract import Arena, Tensor
from workbench.desk.experiment import Experiment
from workbench.timeline import format_bytes


def arenas(experiment: Experiment, row: int) -> dict[int, tuple[Arena, ...]]:
    """Those of a row's newest runs, by column; only backends that place their tensors themselves tell."""
    found = {place: experiment.cell(row, place).result for place in range(len(experiment.columns))}
    return {place: result.arenas for place, result in found.items() if result and result.arenas}


def needed_bytes(arena: Arena) -> list[int]:
    """What the tensors needed at each operation take together; one more entry for what the network gives back."""
    changes = [0] * (arena.operations + 2)
    for tensor in arena.tensors:
        changes[tensor.first] += tensor.size
        changes[tensor.last + 1] -= tensor.size
    return list(accumulate(changes))[:-1]


def peak(arena: Arena) -> tuple[int, int]:
    """The first operation at which the most bytes are needed, and how many. No arena is smaller than that."""
    needed = needed_bytes(arena)
    most = max(needed)
    return needed.index(most), most


def tensor_at(arena: Arena, operation: float, offset: float) -> Tensor | None:
    """What lies at ``offset`` bytes while an operation runs, which is the time from its index to the next."""
    return next(
        (
            tensor
            for tensor in arena.tensors
            if tensor.first <= operation < tensor.last + 1
            and tensor.offset <= offset < tensor.offset + tensor.size
        ),
        None,
    )


def describe(tensor: Tensor, arena: Arena) -> str:
    """A tensor in one line: its name, its bytes, its lifetime, its layer."""
    last = "the end" if tensor.last >= arena.operations else f"{tensor.last + 1} of {arena.operations}"
    module = f" · {tensor.module}" if tensor.module else ""
    place = f"at {format_bytes(tensor.offset)}" if tensor.offset else "at the start"
    lifetime = f"operation {tensor.first + 1} to {last}"
    return f"{tensor.name}: {tensor.size:,} bytes {place}, {lifetime}{module}"


def summary(arena: Arena) -> str:
    """The arena in one line, without pointing at anything."""
    whole = sum(tensor.size for tensor in arena.tensors)
    operation, _ = peak(arena)
    return (
        f"{len(arena.tensors)} tensors, {format_bytes(whole)}, in {format_bytes(arena.size)} "
        f"({_ratio(whole, arena.size)}); peak at operation {operation + 1} of {arena.operations}"
    )


def stages(found: Iterable[Arena]) -> list[str]:
    """The networks there are, the one that runs most first."""
    return sorted((arena.stage for arena in found), key=("unet", "vae_decoder", "text_encoder").index)


def _ratio(whole: int, size: int) -> str:
    return f"{whole / size:.1f}× less" if whole > 1.05 * size else "nothing is shared"
