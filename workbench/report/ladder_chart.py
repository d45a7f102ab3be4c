"""The chart of a climbed ladder: what was measured as bars, what was published as marks."""

from __future__ import annotations

from workbench.ladder_table import ClimbedLadder, relative_latency, shown_published, shown_relative
from workbench.ladders import Ladder, Published
from workbench.report.look import ACCENT, Chart, axis, chart, lanes, legend_above


def ladder_bars(found: ClimbedLadder, synthetic: bool) -> Chart:
    """Each row's figure as a bar, and the published ones as marks beside it."""
    ladder, rungs = found.ladder, found.rungs
    speedup = ladder.measure == "speedup"
    names = [rung.name for rung in rungs]
    values = [
        None
        if rung.relative is None
        else rung.relative
        if speedup
        else relative_latency(ladder, rung.relative)
        for rung in rungs
    ]
    measured = [
        "failed" if rung.relative is None else shown_relative(ladder, rung.relative) for rung in rungs
    ]
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": "measured here",
        "y": names,
        "x": values,
        "text": measured,
        "textposition": "none",
        "marker": {"color": ACCENT},
        "hovertemplate": "%{y}: %{text}<extra>measured here</extra>",
    }
    traces: list[Chart] = [bar]
    for place, symbol in zip(_places(found), ("diamond", "star", "square", "triangle-up"), strict=False):
        marks = [(rung.name, item) for rung in rungs for item in rung.published if item.on == place]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"published, {place}",
                "y": [name for name, _ in marks],
                "x": [item.value if speedup else relative_latency(ladder, item.value) for _, item in marks],
                "text": [shown_published(ladder, item) for _, item in marks],
                "cliponaxis": False,
                "marker": {
                    "symbol": symbol,
                    "size": 14,
                    "color": "#D55E00",
                    "line": {"color": "#FFFFFF", "width": 1.5},
                },
                "hovertemplate": f"%{{y}}: %{{text}}<extra>published, {place}</extra>",
            }
        )
    # Beside the names, for in a short bar there is no room, and in any the marks come in the way.
    named = [f"{name}  <b>{figure}</b>\u2002" for name, figure in zip(names, measured, strict=True)]
    labels = [_label(ladder, rung.name, item) for rung in rungs for item in rung.published]
    title = (
        "times as fast as the first row"
        if speedup
        else "latency in percent of the first row; shorter is better"
    )
    drawn = chart(
        traces,
        100 + 52 * len(names),
        synthetic,
        bargap=0.35,
        xaxis=axis(title, rangemode="tozero"),
        yaxis=lanes(names) | {"tickmode": "array", "tickvals": names, "ticktext": named},
        legend=legend_above(),
        showlegend=True,
    )
    drawn["layout"]["annotations"] += labels
    return drawn


def _label(ladder: Ladder, row: str, item: Published) -> Chart:
    """The published figure beside its mark, readable on a bar too."""
    return {
        "text": shown_published(ladder, item),
        "x": item.value if ladder.measure == "speedup" else relative_latency(ladder, item.value),
        "y": row,
        "xanchor": "left",
        "xshift": 12,
        "showarrow": False,
        "font": {"size": 12, "color": "#8A3C00"},
        "bgcolor": "#FFFFFF",
        "bordercolor": "#E8C4A8",
        "borderpad": 2,
    }


def _places(found: ClimbedLadder) -> list[str]:
    return list(dict.fromkeys(item.on for rung in found.rungs for item in rung.published))
