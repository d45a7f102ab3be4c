"""From a document to the page: the template filled, with its pictures, its charts and plotly inside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backends.contract import Variant
from workbench.document import Document
from workbench.files import write_whole
from workbench.report.views import report_of

_HERE = Path(__file__).parent
_NOT_IN_HTML = {
    code: "\ufffd"
    for codes in (
        range(0x9),
        (0xB, 0xC),
        range(0xE, 0x20),
        range(0x7F, 0xA0),
        range(0xD800, 0xE000),
        range(0xFDD0, 0xFDF0),
    )
    for code in codes
} | {plane * 0x10000 + last: "\ufffd" for plane in range(17) for last in (0xFFFE, 0xFFFF)}
"""Characters that an HTML document must not hold (HTML standard, 13.2.3.5): controls, surrogates, noncharacters."""


def write_report(path: Path, document: Document, pictures: Mapping[tuple[int, Variant], bytes]) -> None:
    """Write the page whole or not at all. Raises :class:`workbench.files.CannotWrite`."""
    write_whole(path, render(document, pictures).encode("utf-8", "replace"))


def render(document: Document, pictures: Mapping[tuple[int, Variant], bytes]) -> str:
    """The page. ``pictures`` are PNG files by request and variant; those that are missing are left out of it."""
    charts: dict[str, Any] = {}
    report = report_of(document, pictures, charts)
    return _environment().get_template("page.html").render(report=report, charts=charts, plotly=_plotly())


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals["inline"] = lambda name: Markup((_HERE / name).read_text(encoding="utf-8"))
    return environment


def _shown(value: object) -> object:
    """What a template writes: text without what HTML forbids; markup of our own as it is."""
    return (
        value.translate(_NOT_IN_HTML) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _plotly() -> Markup:
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
