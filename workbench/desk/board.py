"""The variants that are compared, as cards: their order, colours, and which of them is the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal

from backends.contract import Variant
from backends.registry import BACKENDS
from backends.variants import InvalidVariant, Value, format_variant, make_variant, parse_variant

MAXIMUM_CARDS = 12
NEXT_TO_TRY = (
    "pytorch",
    "pytorch:bf16",
    "openvino",
    "openvino:bf16",
    "openvino:int8",
    "opencl",
    "opencl:fp16",
)


@dataclass(frozen=True)
class Card:
    """One variant on the board. ``number`` is the card's own for as long as it lives; ``colour`` is 0 to 11."""

    number: int
    variant: Variant
    colour: int

    @property
    def line(self) -> str:
        """The variant in its one-line form."""
        return format_variant(self.variant)


class Board:
    """1 to 12 cards, one of them the baseline, at most one of them open for editing."""

    cards_changed = Signal(object)
    """The cards, whenever one is added, removed, moved or taken from a preset."""
    card_changed = Signal(object)
    """The card that changed in place: its variant or colour."""
    baseline_changed = Signal(int)
    opened = Signal(object)
    """The number of the card that is open, or None."""
    problem_changed = Signal(str)

    def __init__(self, variants: Sequence[Variant], baseline: int = 0):
        self._next = 1
        self.cards: tuple[Card, ...] = ()
        self.baseline = 0
        self.open: int | None = None
        self.problem = ""
        self.take(variants, baseline)

    def __len__(self) -> int:
        return len(self.cards)

    @property
    def variants(self) -> tuple[Variant, ...]:
        return tuple(card.variant for card in self.cards)

    @property
    def baseline_card(self) -> Card:
        return self.card(self.baseline)

    def card(self, number: int) -> Card:
        """The card of that number. Raises KeyError where there is none."""
        for card in self.cards:
            if card.number == number:
                return card
        raise KeyError(number)

    def place(self, number: int) -> int:
        """Where a card stands, from 0."""
        return self.cards.index(self.card(number))

    def twins(self) -> frozenset[int]:
        """The numbers of the cards whose variant another card before them has."""
        seen: set[Variant] = set()
        found = set()
        for card in self.cards:
            if card.variant in seen:
                found.add(card.number)
            seen.add(card.variant)
        return frozenset(found)

    def take(self, variants: Sequence[Variant], baseline: int = 0) -> None:
        """Replace every card. ``baseline`` is a place in ``variants``. Raises InvalidVariant for none or too many."""
        if not 1 <= len(variants) <= MAXIMUM_CARDS:
            raise InvalidVariant(f"{len(variants)} variants were given; the board holds 1 to {MAXIMUM_CARDS}")
        self.cards = tuple(
            Card(self._next + place, variant, place % MAXIMUM_CARDS) for place, variant in enumerate(variants)
        )
        self._next += len(variants)
        self.baseline = self.cards[baseline if 0 <= baseline < len(variants) else 0].number
        self.open_card(None)
        self._say("")
        self.cards_changed.emit(self.cards)
        self.baseline_changed.emit(self.baseline)

    def add(self, variant: Variant | None = None, after: int | None = None) -> Card | None:
        """A new card at the end or behind another; None, with the problem said, when the board is full."""
        if len(self.cards) >= MAXIMUM_CARDS:
            self._say(f"the board holds at most {MAXIMUM_CARDS} variants; remove one first")
            return None
        used = {card.colour for card in self.cards}
        colour = next(colour for colour in range(MAXIMUM_CARDS) if colour not in used)
        card = Card(self._next, variant or self._another(), colour)
        self._next += 1
        at = len(self.cards) if after is None else self.place(after) + 1
        self.cards = (*self.cards[:at], card, *self.cards[at:])
        self._say("")
        self.cards_changed.emit(self.cards)
        self.open_card(card.number)
        return card

    def duplicate(self, number: int) -> Card | None:
        """A copy behind the card, open, so that the one thing that should differ can be changed at once."""
        return self.add(self.card(number).variant, after=number)

    def remove(self, number: int) -> None:
        """Remove a card; the last one stays. Without its baseline the board takes the first card."""
        if len(self.cards) == 1:
            self._say("one variant has to stay")
            return
        self.cards = tuple(card for card in self.cards if card.number != number)
        if self.open == number:
            self.open_card(None)
        self._say("")
        self.cards_changed.emit(self.cards)
        if self.baseline == number:
            self.set_baseline(self.cards[0].number)

    def move(self, number: int, place: int) -> None:
        """Put a card elsewhere in the order."""
        card = self.card(number)
        others = [item for item in self.cards if item is not card]
        place = min(max(place, 0), len(others))
        if self.cards.index(card) != place:
            others.insert(place, card)
            self.cards = tuple(others)
            self.cards_changed.emit(self.cards)

    def set_baseline(self, number: int) -> None:
        """What every other variant is compared with."""
        if self.baseline != self.card(number).number:
            self.baseline = number
            self.baseline_changed.emit(number)

    def set_colour(self, number: int, colour: int) -> None:
        """Another colour, 0 to 11."""
        self._replace(replace(self.card(number), colour=colour % MAXIMUM_CARDS))

    def set_variant(self, number: int, variant: Variant) -> None:
        """Another variant on the same card."""
        self._replace(replace(self.card(number), variant=variant))

    def set_backend(self, number: int, backend: str) -> None:
        """Another backend, on its default device; precision and options stay where it has them, too."""
        before = self.card(number).variant
        known = BACKENDS[backend]
        precision = before.precision if before.precision in known.precisions else known.precisions[0]
        self.set_variant(number, make_variant(backend, None, precision, _kept(before, backend, precision)))

    def set_device(self, number: int, device: str | None) -> None:
        """Another device of the same backend; None is its default one."""
        self.set_variant(number, replace(self.card(number).variant, device=device))

    def set_precision(self, number: int, precision: str) -> None:
        """Another precision; an option that does not exist there is switched off, one that existed only there is as usual."""
        before = self.card(number).variant
        values = _kept(before, before.backend, precision)
        self.set_variant(number, make_variant(before.backend, before.device, precision, values))

    def set_option(self, number: int, name: str, value: Value) -> None:
        """Switch one optimization, or set its ratio. One that the precision lacks is said as the board's problem."""
        before = self.card(number).variant
        try:
            variant = make_variant(
                before.backend, before.device, before.precision, dict(before.optimizations) | {name: value}
            )
        except InvalidVariant as error:
            self._say(str(error))
            return
        self.set_variant(number, variant)

    def paste(self, text: str) -> None:
        """Variants in their one-line form, one a line, as new cards; a line that is none is said."""
        for line in text.split():
            try:
                variant = parse_variant(line)
            except InvalidVariant as error:
                self._say(str(error))
                return
            if self.add(variant) is None:
                return

    def open_card(self, number: int | None) -> None:
        """Open a card for editing, close the one before; None closes."""
        if self.open != number:
            self.open = number
            self.opened.emit(number)

    def to_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them back."""
        return {
            "variants": [card.line for card in self.cards],
            "colours": [card.colour for card in self.cards],
            "baseline": self.place(self.baseline),
        }

    def restore(self, data: object) -> bool:
        """Take what :meth:`to_json` wrote; False, and nothing changed, where that no longer makes sense."""
        try:
            lines, colours, baseline = data["variants"], data["colours"], data["baseline"]  # type: ignore[index]
            self.take([parse_variant(line) for line in lines], int(baseline))
            for card, colour in zip(self.cards, colours, strict=True):
                self.set_colour(card.number, int(colour))
        except (InvalidVariant, TypeError, KeyError, ValueError, AttributeError):
            return False
        return True

    def _another(self) -> Variant:
        """A variant that is not on the board yet; the last card's where all that come to mind are."""
        known = set(self.variants)
        wanted = (parse_variant(line) for line in NEXT_TO_TRY)
        return next((variant for variant in wanted if variant not in known), self.cards[-1].variant)

    def _replace(self, card: Card) -> None:
        if card not in self.cards:
            self.cards = tuple(card if item.number == card.number else item for item in self.cards)
            self._say("")
            self.card_changed.emit(card)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.problem_changed.emit(problem)


def are_variants(text: str) -> bool:
    """Whether a text is variants in their one-line form and nothing else; as :meth:`Board.paste` takes them."""
    try:
        return bool([parse_variant(line) for line in text.split()])
    except InvalidVariant:
        return False


def _kept(before: Variant, backend: str, precision: str) -> dict[str, Value]:
    """The options of a variant that exist before and after; what is left out takes its default there."""
    old, known = BACKENDS[before.backend], BACKENDS[backend]
    names = {item.name for item in known.optimizations if item.exists_at(precision)}
    return {
        name: value
        for name, value in before.optimizations
        if name in names and old.optimization(name).exists_at(before.precision)
    }
