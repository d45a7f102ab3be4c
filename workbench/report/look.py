"""The look that all charts of a report share, as plotly's JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Chart = dict[str, Any]

# Paul Tol's muted scheme, dark enough for thin lines on white.
VARIANT_COLOURS = (
    "#332288",
    "#CC6677",
    "#117733",
    "#88724A",
    "#0077BB",
    "#AA4499",
    "#444444",
    "#D55E00",
    "#009E8C",
    "#882255",
    "#6A6A00",
    "#5588AA",
)
DASHES = ("solid", "dash", "dot", "dashdot")
INK, MUTED, GRID, ACCENT, ACCENT_SOFT = "#1A1C23", "#555C6B", "#E3E5EC", "#5A49E0", "#B9B2F4"
FONT = "Inter, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SYNTHETIC_MARK = "synthetic weights: latency and memory only"


def colour(index: int) -> str:
    """The colour of the variant at this place."""
    return VARIANT_COLOURS[index % len(VARIANT_COLOURS)]


def chart(traces: list[Chart], height: int, synthetic: bool, **layout: Any) -> Chart:
    """Traces and layout; one with synthetic weights carries that mark, on the page and in every picture saved of it."""
    mark = {
        "text": SYNTHETIC_MARK,
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 0,
        "xanchor": "right",
        "yanchor": "top",
        "yshift": -26,
        "showarrow": False,
        "font": {"size": 11, "color": "#7A5200"},
        "bgcolor": "#FFF5DD",
        "borderpad": 3,
    }
    common = {
        "height": height,
        "margin": {"l": 10, "r": 40, "t": 44, "b": 50},
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": GRID, "font": {"family": FONT, "color": INK}},
        "annotations": [mark] if synthetic else [],
    }
    return {"data": traces, "layout": common | layout}


def axis(title: str, **more: Any) -> Chart:
    """An axis of numbers."""
    return {
        "title": {"text": title, "standoff": 14, "font": {"size": 12, "color": MUTED}},  # clear of the ticks
        "gridcolor": GRID,
        "zerolinecolor": "#B4B8C5",
        "tickfont": {"size": 12, "color": MUTED},
        "automargin": True,
    } | more


def lanes(names: Sequence[str]) -> Chart:
    """An axis of names, the first on top."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(names),
        "autorange": "reversed",
        "automargin": True,
        "tickfont": {"size": 12, "color": INK},
        "ticksuffix": "  ",
    }


def legend_above() -> Chart:
    """A legend in one line over the plot."""
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1.02,
        "yanchor": "bottom",
        "font": {"size": 12},
    }
