"""Captions for critters as people write them, and back: `named` reads what `caption` says. Standard library only."""

from __future__ import annotations

import random
import string
from functools import lru_cache

from workbench.critters import lexicon as lx
from workbench.critters.attributes import ATTRIBUTES, Critter
from workbench.critters.reading import named, vocabulary

__all__ = ["caption", "named", "sample_prompts"]

sample_prompts: tuple[str, ...] = (
    "a drawing of a green creature with red eyes",
    "a happy blue robot in a top hat, night sky",
    "cute sleepy purple cat wearing a scarf at sunset",
    "a furious pink bunny with headphones in outer space",
    "an orange dragon with yellow eyes wearing a crown, in the desert",
    "surprised teal octopus with glasses, underwater",
    "a tall yellow bird with a party hat on the beach",
    "a sad white bear with a bow tie in the snow, children's book illustration",
    "a silly striped lion in the forest",
    "round red monster covered in hearts, sticking its tongue out",
    "a grumpy brown dog with green eyes and a flower",
    "a big black frog with pink eyes, spots, in the woods, highly detailed",
)

# How often a caption names each attribute, when it names some.
_LIKELY = {
    "species": 0.88,
    "body_color": 0.72,
    "eye_color": 0.42,
    "body_shape": 0.26,
    "pattern": 0.34,
    "accessory": 0.45,
    "expression": 0.42,
    "background": 0.42,
    "position": 0.20,
    "size": 0.22,
}


def caption(critter: Critter, rng: random.Random) -> str:
    """One caption of a critter: some of its attributes, in one of many phrasings, with words that say nothing.

    `named(caption(critter, rng))` is exactly what the caption set out to name.
    """
    return _write(critter, rng)[0]


def _write(critter: Critter, rng: random.Random) -> tuple[str, dict[str, str]]:
    """A caption and the attributes it names."""
    names = _choose(rng)
    said = {name: getattr(critter, name) for name in ATTRIBUTES if name in names}
    if said.get("accessory") == "none" and rng.random() < 0.8:
        del said["accessory"]  # that something is missing is seldom said
    if said.get("pattern") == "plain" and rng.random() < 0.5:
        del said["pattern"]
    text = _tags(said, rng) if rng.random() < 0.3 else _sentence(said, rng)
    return _letter_case(text, rng), said


def _word(synonyms: tuple[str, ...], rng: random.Random) -> str:
    """A synonym; the first, the plainest, in two captions of five whatever their number."""
    return synonyms[0] if rng.random() < 0.4 else rng.choice(synonyms)


def _choose(rng: random.Random) -> set[str]:
    how = rng.random()
    if how < 0.03:
        return set()
    if how < 0.08:
        return set(ATTRIBUTES)
    if how < 0.16:
        return {rng.choice(list(ATTRIBUTES))}
    if how < 0.30:
        return {"species", "body_color", *rng.sample(list(ATTRIBUTES), rng.randint(0, 2))}
    scale = rng.choice((0.6, 1.0, 1.0, 1.3))
    return {
        name
        for name, share in _LIKELY.items()
        if rng.random() < share * (1.0 if name == "species" else scale)
    }


def _tags(said: dict[str, str], rng: random.Random) -> str:
    tags = []
    said = dict(said)
    if "species" in said and rng.random() < 0.8:
        head = []
        for name, table in (("size", lx.SIZES), ("expression", lx.EXPRESSIONS), ("body_color", lx.COLORS)):
            if name in said and rng.random() < (0.85 if name == "body_color" else 0.3):
                head.append(_word(table[said.pop(name)], rng))
        tags.append(" ".join([*head, _word(lx.SPECIES[said.pop("species")], rng)]))
    rest = [_tag(name, value, rng) for name, value in said.items()]
    rest += rng.sample(lx.FILLER_TAGS, rng.choice((0, 0, 0, 1, 2, 3)))
    if rng.random() < 0.12:
        rest.append(_junk(rng))
    rng.shuffle(rest)
    separator = rng.choice((", ", ", ", ", ", ", ", ",", "; ", " | ", ". ", " / "))
    return separator.join(tags + rest)


def _tag(name: str, value: str, rng: random.Random) -> str:
    if name == "eye_color":
        color = _word(lx.COLORS[value], rng)
        return rng.choice(
            (f"{color} eyes", f"{color} eyes", f"{color}-eyed", f"eyes of {color}", f"eyes: {color}")
        )
    if name == "body_color":
        color = _word(lx.COLORS[value], rng)
        return rng.choice((color, color, f"{color} body", f"{color} fur", f"{color} skin"))
    if name == "accessory":
        return rng.choice(lx.ACCESSORIES[value] if value != "none" else lx.NO_ACCESSORY)
    tables = {
        "species": (lx.SPECIES,),
        "body_shape": (lx.SHAPES,),
        "pattern": (lx.PATTERN_ADJECTIVES, lx.PATTERN_NOUNS),
        "expression": (lx.EXPRESSIONS, lx.EXPRESSION_PHRASES),
        "background": (lx.BACKGROUND_TAGS, lx.BACKGROUND_PHRASES),
        "position": (lx.POSITIONS,),
        "size": (lx.SIZES,),
    }[name]
    return rng.choice(rng.choice(tables)[value])


def _sentence(said: dict[str, str], rng: random.Random) -> str:
    adjectives, endings = _clauses(said, rng)
    adjectives += rng.sample(lx.FILLER_ADJECTIVES, rng.choice((0, 0, 0, 0, 1, 1, 2)))
    color = [_word(lx.COLORS[said["body_color"]], rng)] if "body_color" in said else []
    if color and rng.random() < 0.08:
        endings.append(rng.choice(("colored {}", "coloured {}", "that is {}", "in {}")).format(color.pop()))
    rng.shuffle(adjectives)
    adjectives = adjectives + color if rng.random() < 0.85 else color + adjectives
    if "species" in said:
        noun = _word(lx.SPECIES[said["species"]], rng)
    else:
        noun = rng.choice(lx.NEUTRAL_NOUNS[:6] if adjectives else lx.NEUTRAL_NOUNS[6:])
    units = [*adjectives, noun]
    opener = rng.choice(lx.OPENERS) if rng.random() < 0.5 else ""
    article = rng.choice(("a", "a", "a", "a", "the", "this", ""))
    if noun in lx.NEUTRAL_NOUNS[6:]:
        article = ""
    if article == "a" and units[0][0].lower() in "aeiou":
        article = "an"
    rng.shuffle(endings)
    joints = [rng.choice((" ", " ", " ", ", ", " and ")) for _ in endings]
    if rng.random() < 0.12:
        units.insert(rng.randrange(len(units)), _junk(rng))
    text = " ".join(unit for unit in (opener, article, *units) if unit)
    text += "".join(joint + ending for joint, ending in zip(joints, endings, strict=True))
    for filler in rng.sample(lx.FILLER_TAGS, rng.choice((0, 0, 0, 0, 1, 2, 4))):
        text += ", " + filler
    if rng.random() < 0.06:
        text = f"{text}, {_junk(rng)}" if rng.random() < 0.5 else f"{_junk(rng)} {text}"
    return text + rng.choice(("", "", "", "", ".", "!"))


def _clauses(said: dict[str, str], rng: random.Random) -> tuple[list[str], list[str]]:
    """What stands before the noun, but for the colour, and what stands after it."""
    before, after = [], []

    def say(name: str, adjectives: lx.Phrases, endings: list[str] | None = None, share: float = 0.5) -> None:
        if name in said:
            if endings and rng.random() > share:
                after.append(rng.choice(endings))
            else:
                before.append(_word(adjectives[said[name]], rng))

    say("size", lx.SIZES)
    say("body_shape", lx.SHAPES)
    if "expression" in said:
        adjective = _word(lx.EXPRESSIONS[said["expression"]], rng)
        phrase = rng.choice(lx.EXPRESSION_PHRASES[said["expression"]])
        say(
            "expression",
            lx.EXPRESSIONS,
            [f"looking {adjective}", f"that is {adjective}", phrase, phrase],
            0.6,
        )
    if "pattern" in said:
        noun = rng.choice(lx.PATTERN_NOUNS[said["pattern"]])
        words = ["with {}", "with {}", "that has {}"]
        words += ["covered in {}"] if said["pattern"] in ("stripes", "spots", "hearts") else []
        say("pattern", lx.PATTERN_ADJECTIVES, [rng.choice(words).format(noun)])
    if "eye_color" in said:
        color = _word(lx.COLORS[said["eye_color"]], rng)
        words = ("with {} eyes", "with {} eyes", "with big {} eyes", "having {} eyes", "with eyes of {}")
        words += ("whose eyes are {}", "that has {} eyes", "with bright {} eyes")
        say(
            "eye_color",
            {said["eye_color"]: (f"{color}-eyed", f"{color} eyed")},
            [w.format(color) for w in words],
            0.12,
        )
    if "accessory" in said:
        after.append(_wearing(said["accessory"], rng))
    if "background" in said:
        table = lx.BACKGROUND_PHRASES if rng.random() < 0.75 else lx.BACKGROUND_TAGS
        phrase = rng.choice(table[said["background"]])
        after.append(phrase if table is lx.BACKGROUND_PHRASES else f"with {phrase}")
    if "position" in said:
        after.append(rng.choice(lx.POSITIONS[said["position"]]))
    return before, after


def _wearing(accessory: str, rng: random.Random) -> str:
    if accessory == "none":
        return rng.choice(lx.NO_ACCESSORY)
    word = _word(lx.ACCESSORIES[accessory], rng)
    article = "" if word in lx.PLURAL_ACCESSORIES else "an " if word[0] in "aeiou" else "a "
    return rng.choice(("wearing {}", "wearing {}", "in {}", "with {}", "with {} on", "who has {}")).format(
        article + word
    )


def _junk(rng: random.Random) -> str:
    """Words from elsewhere, numbers or letters at random: whatever a person may type that is no attribute."""
    kind = rng.random()
    if kind < 0.55:
        return " ".join(rng.sample(lx.ODD_WORDS, rng.randint(1, 2)))
    if kind < 0.75:
        return str(rng.randrange(10 ** rng.randint(1, 5)))
    known = _known()
    while True:
        word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9)))
        if word not in known:
            return word


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return vocabulary()


def _letter_case(text: str, rng: random.Random) -> str:
    how = rng.random()
    if how < 0.70:
        return text
    if how < 0.92:
        return text[:1].upper() + text[1:]
    return text.title() if how < 0.96 else text.upper()
