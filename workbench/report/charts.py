"""The charts of a report as plotly's JSON: plain values, drawn by the plotly that the page carries.

Colours are told apart by the colour-blind, and nothing is said by colour alone: lanes and bars carry their names.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.contract import MemorySample
from workbench.environment import MEBIBYTE
from workbench.report.look import (
    ACCENT,
    ACCENT_SOFT,
    DASHES,
    INK,
    VARIANT_COLOURS,
    Chart,
    axis,
    chart,
    colour,
    lanes,
    legend_above,
)
from workbench.results import Result
from workbench.summary import Summary
from workbench.timeline import STAGE_TITLES, blocks

# Okabe and Ito's, in the order of the window's stages.
STAGE_COLOURS = {
    "tokenizer": "#F0E442",
    "text_encoder": "#E69F00",
    "unet": "#56B4E9",
    "scheduler": "#D55E00",
    "vae_decoder": "#1FA87F",
}
UNET_BETWEEN = "#3C9AD1"
"""Every second iteration's, so that thin ones are told apart without a border that would hide them."""
POINTS_OF_A_LINE = 600
LABEL_PLACES = ("bottom center", "top center")
"""By turns, from the slowest to the fastest, so that the labels of neighbours do not meet."""


def timeline(names: Sequence[str], runs: Sequence[Result | None], synthetic: bool) -> Chart:
    """A lane a variant, a block a stage, all lanes starting together; ``runs`` has a None where nothing ran."""
    parts = [
        (name, block)
        for name, run in zip(names, runs, strict=True)
        if run
        for block in blocks(run.spans, run.start_ns)
    ]
    traces = []
    for stage in STAGE_COLOURS:
        own = [(name, block) for name, block in parts if block.stage == stage]
        if not own:
            continue
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": STAGE_TITLES[stage],
                "y": [name for name, _ in own],
                "base": [round(block.start_ms / 1e3, 6) for _, block in own],
                "x": [round(block.milliseconds / 1e3, 6) for _, block in own],
                "customdata": [
                    [_place(block.iteration), round(block.milliseconds, 2), round(block.start_ms, 1)]
                    for _, block in own
                ],
                "marker": {"color": [_shade(stage, block.iteration) for _, block in own]},
                "hovertemplate": f"<b>{STAGE_TITLES[stage]}</b>%{{customdata[0]}}<br>%{{customdata[1]}} ms, from "
                "%{customdata[2]} ms<extra>%{y}</extra>",
            }
        )
    return chart(
        traces,
        max(180, 80 + 46 * len(names)),
        synthetic,
        barmode="overlay",
        bargap=0.35,
        xaxis=axis("seconds since the run began"),
        yaxis=lanes(names),
        legend=legend_above(),
    )


def memory(names: Sequence[str], runs: Sequence[Result | None], synthetic: bool) -> Chart:
    """The resident set of each variant's process over its run, the warm-up before zero."""
    traces = []
    for index, (name, run) in enumerate(zip(names, runs, strict=True)):
        if run is None or not run.samples:
            continue
        samples = thinned(run.samples)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": [round((sample.time_ns - run.start_ns) / 1e9, 4) for sample in samples],
                "y": [round(sample.rss_bytes / MEBIBYTE, 1) for sample in samples],
                "line": {
                    "color": colour(index),
                    "width": 2,
                    "dash": DASHES[index // len(VARIANT_COLOURS) % len(DASHES)],
                },
                "hovertemplate": "%{y:,.0f} MiB at %{x:.2f} s<extra>%{fullData.name}</extra>",
            }
        )
    return chart(
        traces,
        380,
        synthetic,
        xaxis=axis("seconds since the run began", zeroline=True),
        yaxis=axis("resident set, MiB", rangemode="tozero"),
        legend=legend_above(),
        showlegend=True,
    )


def thinned(samples: Sequence[MemorySample]) -> list[MemorySample]:
    """Few enough points to draw: of every stretch the lowest and the highest, so that no peak is lost."""
    if len(samples) <= POINTS_OF_A_LINE:
        return list(samples)
    size = -(-len(samples) * 2 // POINTS_OF_A_LINE)
    kept = []
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        extremes = {
            min(part, key=lambda sample: sample.rss_bytes),
            max(part, key=lambda sample: sample.rss_bytes),
        }
        kept += sorted(extremes, key=lambda sample: sample.time_ns)
    return kept


def model_memory(names: Sequence[str], summaries: Sequence[Summary], synthetic: bool) -> Chart:
    """Weights and tensors of each variant, the two columns that papers give."""
    traces = []
    for title, shade, sizes in (
        ("Weights", ACCENT, [summary.memory.weights_bytes for summary in summaries]),
        (
            "Tensors (peak of the intermediate buffers)",
            ACCENT_SOFT,
            [s.memory.tensors_bytes for s in summaries],
        ),
    ):
        values = [None if size is None else round(size / MEBIBYTE, 2) for size in sizes]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": title,
                "y": list(names),
                "x": values,
                "text": ["not known" if value is None else f"{value:,.0f}" for value in values],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": shade},
                "hovertemplate": f"{title}: %{{x:,.1f}} MiB<extra>%{{y}}</extra>",
            }
        )
    return chart(
        traces,
        max(200, 90 + 58 * len(names)),
        synthetic,
        barmode="group",
        bargap=0.3,
        xaxis=axis("MiB", rangemode="tozero"),
        yaxis=lanes(names),
        legend=legend_above(),
    )


def trade_off(
    names: Sequence[str], points: Sequence[tuple[float, float] | None], quality: str, baseline: str
) -> Chart:
    """Speed-up against quality, a dot a variant, and the front of those that nothing beats in both."""
    known = [
        (name, *point, index) for index, (name, point) in enumerate(zip(names, points, strict=True)) if point
    ]
    ranks = {index: rank for rank, (_, _, _, index) in enumerate(sorted(known, key=lambda item: item[1]))}
    front = pareto([(x, y) for _, x, y, _ in known])
    traces: list[Chart] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "no other is both faster and closer",
            "x": [x for x, _ in front],
            "y": [y for _, y in front],
            "line": {"color": ACCENT_SOFT, "width": 2, "dash": "dot", "shape": "linear"},
            "hoverinfo": "skip",
        }
    ]
    for name, x, y, index in known:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": name,
                "showlegend": False,
                "x": [x],
                "y": [y],
                "text": [name],
                "textposition": LABEL_PLACES[ranks[index] % 2],
                "textfont": {"size": 12, "color": INK},
                "cliponaxis": False,
                "marker": {
                    "size": 13,
                    "color": colour(index),
                    "symbol": "diamond" if name == baseline else "circle",
                    "line": {"color": "#FFFFFF", "width": 1},
                },
                "hovertemplate": f"%{{x:.2f}}× as fast, {quality} %{{y:.4f}}<extra>{name}</extra>",
            }
        )
    highest, lowest = max(y for _, _, y, _ in known), min(y for _, _, y, _ in known)
    margin = 0.18 * (highest - lowest) or 0.05
    widest = max(x for _, x, _, _ in known)
    return chart(
        traces,
        400,
        False,
        xaxis=axis("speed-up over the baseline, ×", range=[0, widest * 1.18]),
        yaxis=axis(f"{quality}, higher is closer", range=[lowest - margin, highest + margin]),
        legend=legend_above(),
        showlegend=True,
    )


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other beats in both coordinates, by the first coordinate."""
    best, front = float("-inf"), []
    for x, y in sorted(set(points), key=lambda point: (-point[0], -point[1])):
        if y > best:
            best = y
            front.append((x, y))
    return front[::-1]


def _shade(stage: str, iteration: int | None) -> str:
    return UNET_BETWEEN if stage == "unet" and (iteration or 0) % 2 else STAGE_COLOURS[stage]


def _place(iteration: int | None) -> str:
    return "" if iteration is None else f", iteration {iteration + 1}"
