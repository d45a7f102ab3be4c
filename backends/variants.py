"""A variant as one line: ``BACKEND[@DEVICE][:PRECISION][+OPTIMIZATION[=VALUE]]...[-OPTIMIZATION]...``.

``parse_variant(format_variant(v)) == v`` for every variant. The printed line always says the precision, and names
only the optimizations that differ from the backend's defaults (or ``-all``/``+all``, where that is shorter).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable

from backends.contract import Variant
from backends.registry import BACKENDS, Backend, Optimization

_HEAD = re.compile(
    r"(?P<backend>[^@:+\-=\s]+)(?:@(?P<device>[A-Za-z0-9_.]+))?(?::(?P<precision>[^@:+\-=\s]+))?"
)
_OPTION = re.compile(
    r"(?P<sign>[+-])(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:=(?P<value>[^+=\s]+?))?(?=[+-][A-Za-z_]|$)"
)

Value = bool | float


class InvalidVariant(ValueError):
    """A line that names no variant; the message lists what is known and the nearest name."""


def parse_variant(text: str) -> Variant:
    """Read a variant. Raises :class:`InvalidVariant`, and nothing else, for any string that is none."""
    line = text.strip()
    head = _HEAD.match(line)
    if not head:
        raise InvalidVariant(
            f"{_shown(text)} is no variant; write BACKEND[@DEVICE][:PRECISION][+OPTIMIZATION[=VALUE]]..."
        )
    backend = BACKENDS.get(head["backend"])
    if backend is None:
        raise InvalidVariant(_unknown("backend", head["backend"], BACKENDS))
    precision = head["precision"] or backend.precisions[0]
    if precision not in backend.precisions:
        raise InvalidVariant(_unknown(f"precision of {backend.name}", precision, backend.precisions))
    values = default_values(backend, precision)
    position = head.end()
    while position < len(line):
        option = _OPTION.match(line, position)
        if not option:
            raise InvalidVariant(
                f"{_shown(line[position:])} in {_shown(text)} is no +OPTIMIZATION[=VALUE] or -OPTIMIZATION"
            )
        values |= _switched(backend, precision, option["sign"] == "+", option["name"], option["value"])
        position = option.end()
    return make_variant(backend.name, head["device"], precision, values)


def make_variant(backend_name: str, device: str | None, precision: str, values: dict[str, Value]) -> Variant:
    """A variant whose options are complete, checked against its precision, and in the registry's order."""
    backend = BACKENDS[backend_name]
    for name, value in values.items():
        item = backend.optimization(name)
        if value and not item.exists_at(precision):
            raise InvalidVariant(
                f"{name} exists at {' and '.join(item.precisions or ())} only, not at {precision}"
            )
    complete = default_values(backend, precision) | values
    return Variant(
        backend_name,
        device,
        precision,
        tuple((item.name, complete[item.name]) for item in backend.optimizations),
    )


def format_variant(variant: Variant) -> str:
    """The one line that :func:`parse_variant` reads back to the same variant."""
    backend = BACKENDS[variant.backend]
    line = variant.backend + (f"@{variant.device}" if variant.device else "") + f":{variant.precision}"
    chosen, precision = dict(variant.optimizations), variant.precision
    choices = [
        _options(backend, chosen, default_values(backend, precision), ""),
        _options(backend, chosen, _all(backend, precision, False), "-all"),
        _options(backend, chosen, _all(backend, precision, True), "+all"),
    ]
    return line + min(choices, key=lambda options: options.count("+") + options.count("-"))


def default_values(backend: Backend, precision: str) -> dict[str, Value]:
    """Every option of a backend at its default; one that does not exist at the precision is off."""
    return {
        item.name: item.default_value if item.exists_at(precision) else item.off
        for item in backend.optimizations
    }


def _options(backend: Backend, chosen: dict[str, Value], start: dict[str, Value], prefix: str) -> str:
    changed = [item for item in backend.optimizations if chosen[item.name] != start[item.name]]
    return prefix + "".join(_option(item, chosen[item.name]) for item in changed)


def _option(optimization: Optimization, value: Value) -> str:
    if not value:
        return f"-{optimization.name}"
    return f"+{optimization.name}={value!r}" if optimization.ratio else f"+{optimization.name}"


def _all(backend: Backend, precision: str, on: bool) -> dict[str, Value]:
    """``-all`` switches every option off; ``+all`` every switch on that exists at the precision, and leaves the ratios off:
    they cost quality."""
    return {
        item.name: item.off if item.ratio else on and item.exists_at(precision)
        for item in backend.optimizations
    }


def _switched(backend: Backend, precision: str, on: bool, name: str, value: str | None) -> dict[str, Value]:
    if name == "all":
        if value is not None:
            raise InvalidVariant("'all' takes no value; write +all or -all")
        return _all(backend, precision, on)
    known = [item.name for item in backend.optimizations]
    if name not in known:
        raise InvalidVariant(_unknown(f"optimization of {backend.name}", name, [*known, "all"]))
    optimization = backend.optimization(name)
    if not on:
        if value is not None:
            raise InvalidVariant(f"-{name}={value}: switching off takes no value")
        return {name: optimization.off}
    if optimization.ratio is None:
        if value is not None:
            raise InvalidVariant(f"+{name}={value}: {name} is a switch and takes no value")
        return {name: True}
    return {name: optimization.ratio[2] if value is None else _ratio(optimization, value)}


def _ratio(optimization: Optimization, text: str) -> float:
    assert optimization.ratio
    lowest, highest, usual = optimization.ratio
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not lowest <= number <= highest:
        raise InvalidVariant(
            f"+{optimization.name}={_shown(text)}: the ratio is a number from {lowest:g} to {highest:g}, usually {usual:g}"
        )
    return number + 0.0


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"unknown {what} {_shown(name)}; known: {', '.join(names)}" + (
        f". Did you mean {near[0]}?" if near else ""
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
