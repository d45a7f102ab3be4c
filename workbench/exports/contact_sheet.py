"""Every picture of an experiment with its figures on one sheet, as a PNG."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

from workbench.charts.figures import figures
from workbench.desk.captions import cell_caption
from workbench.desk.experiment import SYNTHETIC_NOTICE, Cell, Experiment
from workbench.desk.naming import differences, short_title
from workbench.environment import environment
from workbench.exports.marking import draw_mark, font

if TYPE_CHECKING:
    from PIL import ImageDraw

MARGIN, GAP, CAPTION, HEADING = 32, 16, 30, 56
SMALLEST_SIDE, LARGEST_SIDE = 160, 512
INK, MUTED, PAPER = "#1A1C23", "#555C6B", "#FFFFFF"


def contact_sheet(experiment: Experiment) -> bytes:
    """A PNG: columns are variants, rows are requests; what was measured on stands below, synthetic weights on every picture."""
    from PIL import Image, ImageDraw

    rows, columns = len(experiment.requests), len(experiment.columns)
    first = experiment.requests[0]
    side = min(max(max(first.width, first.height), SMALLEST_SIDE), LARGEST_SIDE)
    cell_height = side + CAPTION
    width = max(2 * MARGIN + columns * (side + GAP) - GAP, 720)
    title = _title(experiment, (width - 2 * MARGIN) // 9)
    top = MARGIN + 22 * len(title) + 14
    height = top + HEADING + rows * (cell_height + GAP) + 64 + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(title):
        draw.text((MARGIN, MARGIN + 22 * number), line, INK, font=font(16 if number == 0 else 13))
    _headings(experiment, draw, top, side)
    for cell in experiment.cells.values():
        x, y = MARGIN + cell.column * (side + GAP), top + HEADING + cell.row * (cell_height + GAP)
        _cell(experiment, cell, sheet, draw, x, y, side)
    for number, line in enumerate(_footer(experiment)):
        draw.text((MARGIN, height - MARGIN - 48 + 18 * number), line, MUTED, font=font(12))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _title(experiment: Experiment, characters: int) -> list[str]:
    requests = experiment.requests
    prompts = list(dict.fromkeys(request.prompt for request in requests))
    first = requests[0]
    text = f"“{prompts[0]}”" if len(prompts) == 1 else f"{len(prompts)} prompts"
    model = experiment.model.title if experiment.model else ""
    size = f"{first.width} × {first.height}"
    settings = f"{model}, {size}, {first.steps} steps, guidance {first.guidance_scale:g}, {first.scheduler}"
    return [*textwrap.wrap(text, characters)[:3], settings]


def _headings(experiment: Experiment, draw: ImageDraw.ImageDraw, top: int, side: int) -> None:
    for place, (column, item) in enumerate(zip(experiment.columns, figures(experiment), strict=True)):
        x = MARGIN + place * (side + GAP)
        speed = "" if item.speedup is None else f"  {item.speedup:.2f}×"
        base = "  baseline" if place == experiment.baseline else speed
        draw.text((x, top), f"{column.badge}  {short_title(column.variant)}{base}", INK, font=font(14))
        more = differences(column.variant)
        draw.text((x, top + 22), more[: side // 7], MUTED, font=font(12))


def _cell(
    experiment: Experiment, cell: Cell, sheet, draw: ImageDraw.ImageDraw, x: int, y: int, side: int
) -> None:
    from PIL import Image

    if cell.picture is None:
        draw.rectangle((x, y, x + side, y + side), outline="#B4B8C5")
        text = cell.error or cell.phase
        for number, line in enumerate(textwrap.wrap(text, side // 8)[:6]):
            draw.text((x + 12, y + 12 + 18 * number), line, MUTED, font=font(12))
        return
    image = Image.frombytes("RGB", (cell.picture.width, cell.picture.height), cell.picture.pixels)
    image.thumbnail((side, side))
    if max(image.size) < side:
        scale = side // max(image.size)
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    sheet.paste(image, (x + (side - image.width) // 2, y + (side - image.height) // 2))
    if experiment.synthetic:
        draw_mark(draw, x, y, side)
    draw.text((x, y + side + 8), cell_caption(experiment, cell), MUTED, font=font(12))


def _footer(experiment: Experiment) -> list[str]:
    on = environment()
    devices = list(dict.fromkeys(item.device_name for item in figures(experiment) if item.device_name))
    packages = ", ".join(
        f"{name} {on['packages'][name]}"
        for name in ("torch", "openvino", "pyopencl", "diffusers")
        if name in on["packages"]
    )
    lines = [
        f"{'; '.join(devices) or on['cpu']} · {on['cores']} cores, {on['threads']} threads · {packages}",
        "Times are medians of whole runs, without load and warm-up.",
    ]
    return [*lines, *([SYNTHETIC_NOTICE] if experiment.synthetic else [])]
