"""The columns of an experiment follow the cards of the board: their order, numbers and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.desk.board import Card
from workbench.desk.experiment import Column


def arranged(columns: Sequence[Column], cards: Sequence[Card]) -> tuple[Column, ...]:
    """The columns whose variants are on the board in its order, with its numbers and colours.

    What is no longer on the board stays where it is and keeps its number, unless a card has that one now: then it takes
    the next number that neither a card nor another column has.
    """
    places: dict[object, int] = {}
    for place, card in enumerate(cards):
        places.setdefault(card.variant, place)
    here = sorted(
        (column for column in columns if column.variant in places), key=lambda item: places[item.variant]
    )
    taken = {places[column.variant] + 1 for column in here}
    following, found = iter(here), []
    for column in columns:
        if column.variant in places:
            moved = next(following)
            place = places[moved.variant]
            found.append(replace(moved, badge=place + 1, colour=cards[place].colour))
            continue
        if column.badge in taken:
            free = len(cards) + 1
            while free in taken:
                free += 1
            column = replace(column, badge=free)
        taken.add(column.badge)
        found.append(column)
    return tuple(found)
