"""Which points of a curve carry a mark, so that it is told apart by more than its colour and not hidden under marks."""

from __future__ import annotations


def spaced(count: int, most: int) -> list[int]:
    """At most ``most`` places among ``count``, evenly spaced, the last always among them."""
    if count <= most:
        return list(range(count))
    return sorted({round((number + 1) * (count - 1) / most) for number in range(most)})
