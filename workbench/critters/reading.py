"""Reads a prompt: which attributes it names. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from workbench.critters import lexicon as lx
from workbench.critters.attributes import ATTRIBUTES

_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[,.;:!?()\[\]{}|/\n=–—…]")
_FUNCTION_WORDS = frozenset(
    (
        *(
            "a",
            "an",
            "the",
            "this",
            "these",
            "with",
            "in",
            "on",
            "at",
            "of",
            "to",
            "by",
            "for",
            "from",
            "under",
        ),
        *(
            "against",
            "near",
            "behind",
            "beside",
            "who",
            "whose",
            "that",
            "which",
            "is",
            "has",
            "having",
            "its",
        ),
        *("it", "me", "draw", "wearing", "looking", "feeling", "covered", "standing", "sitting", "floating"),
    )
)
_NEGATIONS = frozenset(("no", "without", "not", "minus", "never", "isn't", "doesn't", "nor"))
_LONGEST = 6


@dataclass(frozen=True)
class _Item:
    """A stretch of the prompt. kind: adjective, noun, phrase, species, body, eyes, eyed, other,
    function, break, word, not."""

    kind: str
    text: str = ""
    attribute: str = ""
    value: str = ""


def named(prompt: str) -> dict[str, str]:
    """The attributes that a prompt names, as {attribute: value}, in the order of `ATTRIBUTES`.

    An adjective belongs to the noun that follows it: in "a green cat with red eyes and a blue scarf" only the cat is
    green. Words it doesn't know say nothing, what follows "no" or "without" isn't there, and an attribute that is
    named with two values is left out. "creature" and its synonyms give way to a more special species.
    """
    reader = _Reader()
    reader.read(list(_items(_words(prompt))))
    found = reader.found
    if len(found.get("species", ())) > 1:
        found["species"].discard("creature")
    return {name: next(iter(found[name])) for name in ATTRIBUTES if len(found.get(name, ())) == 1}


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(text.lower().replace("’", "'")))


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, set[str]] = {}
        self.waiting: list[_Item] = []  # adjectives whose noun hasn't come yet

    def note(self, attribute: str, value: str) -> None:
        self.found.setdefault(attribute, set()).add(value)

    def settle(self) -> None:
        """The waiting adjectives are the critter's."""
        for item in self.waiting:
            self.note("body_color" if item.attribute == "color" else item.attribute, item.value)
        self.waiting = []

    def read(self, items: list[_Item]) -> None:
        at = 0
        while at < len(items):
            item = items[at]
            at += 1
            if item.kind == "adjective":
                if item.attribute == "expression":
                    self.note(item.attribute, item.value)
                else:
                    self.waiting.append(item)
            elif item.kind == "not":
                self.settle()
                at = _after_negation(items, at, item.text)
            elif item.kind == "eyed":
                if self.waiting:
                    self._note_eyes(self.waiting.pop())
            elif item.kind == "eyes":
                at = self._read_eyes(items, at)
            elif item.kind in ("noun", "other"):
                self.waiting = []
                if item.kind == "noun":
                    self.note(item.attribute, item.value)
            elif item.kind == "phrase":
                self.settle()
                self.note(item.attribute, item.value)
            elif item.kind == "species":
                self.settle()
                self.note("species", item.value)
            elif item.kind in ("break", "function", "body") or _ends_a_list(items, at):
                self.settle()
        self.settle()

    def _note_eyes(self, color: _Item) -> None:
        if color.attribute == "color" and color.value in ATTRIBUTES["eye_color"]:
            self.note("eye_color", color.value)

    def _read_eyes(self, items: list[_Item], at: int) -> int:
        """The eyes' colour before the noun ("red eyes"), or else after it ("eyes of red"); where to read on."""
        before = [item for item in self.waiting if item.attribute == "color"]
        self.waiting = []
        for item in before:
            self._note_eyes(item)
        if before:
            return at
        ahead = at
        while ahead < len(items) and (items[ahead].text in lx.EYE_LINKS or items[ahead].text in (":", "=")):
            ahead += 1
        if ahead < len(items) and items[ahead].attribute == "color":
            self._note_eyes(items[ahead])
            return ahead + 1
        return at


def _ends_a_list(items: list[_Item], at: int) -> bool:
    """Whether the item before `at` is an "and" that no adjective follows."""
    return items[at - 1].text == "and" and not (at < len(items) and items[at].kind == "adjective")


def _after_negation(items: list[_Item], at: int, negation: str) -> int:
    """Skips what a negation denies: with "no" and "without" up to the noun, else the next thing named."""
    nouns = ("noun", "other", "species", "eyes", "body")
    for ahead in range(at, min(at + 5, len(items))):
        kind = items[ahead].kind
        if kind == "break":
            return ahead
        if kind in nouns or (kind == "adjective" and negation not in ("no", "without")):
            return ahead + 1
    return at


def _items(words: tuple[str, ...]) -> Iterator[_Item]:
    phrases = _phrases()
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            item = phrases.get(words[at : at + length])
            if item:
                yield item
                at += length
                break
        else:
            yield _lone(words[at])
            at += 1


def _lone(word: str) -> _Item:
    if not (word[0].isalnum()):
        return _Item("break", word)
    if word in _NEGATIONS:
        return _Item("not", word)
    return _Item("function" if word in _FUNCTION_WORDS else "word", word)


@lru_cache(maxsize=1)
def _phrases() -> dict[tuple[str, ...], _Item]:
    """Every phrase of the lexicon, as words, and what it says. Later entries win."""
    table: dict[tuple[str, ...], _Item] = {}

    def add(kind: str, phrase: str, attribute: str = "", value: str = "") -> None:
        words = _words(phrase)
        if kind == "noun" and words[0] in _FUNCTION_WORDS:
            kind = "phrase"
        table[words] = _Item(kind, " ".join(words), attribute, value)
        if len(words) > 1 and words[0] in ("a", "an"):
            add("noun", phrase.partition(" ")[2], attribute, value)

    def add_all(kind: str, attribute: str, phrases: lx.Phrases) -> None:
        for value, synonyms in phrases.items():
            for phrase in synonyms:
                add(kind, phrase, attribute, value)

    for noun in lx.OTHER_NOUNS:
        add("other", noun)
    for noun in (*lx.BODY_NOUNS, *lx.NEUTRAL_NOUNS):
        add("body", noun)
    for noun in lx.EYE_NOUNS:
        add("eyes", noun)
    add("eyed", "eyed")
    for attribute, phrases in lx.READ_ONLY.items():
        add_all("species" if attribute == "species" else "noun", attribute, phrases)
    add_all("species", "species", lx.SPECIES)
    add_all("adjective", "color", lx.COLORS)
    add_all("adjective", "body_shape", lx.SHAPES)
    add_all("adjective", "size", lx.SIZES)
    add_all("adjective", "expression", lx.EXPRESSIONS)
    add_all("phrase", "expression", lx.EXPRESSION_PHRASES)
    add_all("adjective", "pattern", lx.PATTERN_ADJECTIVES)
    add_all("noun", "pattern", lx.PATTERN_NOUNS)
    add_all("noun", "accessory", lx.ACCESSORIES)
    for phrase in lx.NO_ACCESSORY:
        add("phrase", phrase, "accessory", "none")
    add_all("noun", "background", lx.BACKGROUND_TAGS)
    add_all("phrase", "background", lx.BACKGROUND_PHRASES)
    add_all("phrase", "position", lx.POSITIONS)
    for phrase in lx.IGNORED:
        add("other", phrase)
    return table


def vocabulary() -> frozenset[str]:
    """Every word that means something to `named`: a word put in at random must not be one of them."""
    known = {word for phrase in _phrases() for word in phrase}
    return frozenset(known | _FUNCTION_WORDS | _NEGATIONS | lx.EYE_LINKS)
