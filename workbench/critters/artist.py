"""Draws critters: attributes and seeds in, pictures out. Signed-distance fields in torch, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from workbench.critters import bodies, faces
from workbench.critters.accessories import ACCESSORIES
from workbench.critters.attributes import ATTRIBUTES
from workbench.critters.backgrounds import BACKGROUNDS
from workbench.critters.scene import Scene
from workbench.critters.species import SPECIES

# How many pictures are drawn together: on a CPU few, so that their fields stay in its cache.
CHUNK_ON_CPU = 8
CHUNK = 1024


@torch.no_grad()
def draw(attributes: Tensor, seeds: Tensor, device: str | torch.device = "cpu", size: int = 256) -> Tensor:
    """Pictures of critters, float32 [N, 3, size, size] in [0, 1], on `device`.

    attributes: integers [N, len(ATTRIBUTES)], the columns in the order of `ATTRIBUTES`. seeds: integers [N]; a seed
    decides what the attributes leave open (shades, gaze, tilt, clouds, ...). Attributes and seed fix the picture:
    its batch doesn't matter, and between devices it differs by rounding only.
    Raises ValueError on another shape, or on an index that an attribute doesn't have.
    """
    device = torch.device(device)
    rows = attributes.cpu().long()
    _check(rows, seeds)
    seeds = seeds.to(device).long()
    chunk = CHUNK_ON_CPU if device.type == "cpu" else CHUNK
    pictures = torch.empty(len(rows), 3, size, size, device=device)
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        pictures[part] = _draw_chunk(rows[part], seeds[part], device, size)
    return pictures


def _check(rows: Tensor, seeds: Tensor) -> None:
    if rows.ndim != 2 or rows.shape[1] != len(ATTRIBUTES):
        raise ValueError(f"attributes have shape {tuple(rows.shape)}, expected [N, {len(ATTRIBUTES)}]")
    if seeds.shape != rows.shape[:1]:
        raise ValueError(f"seeds have shape {tuple(seeds.shape)}, expected [{len(rows)}]")
    for (name, values), column in zip(ATTRIBUTES.items(), rows.unbind(1), strict=True):
        if len(column) and not 0 <= int(column.min()) <= int(column.max()) < len(values):
            raise ValueError(f"{name} holds an index outside 0..{len(values) - 1}")


def _draw_chunk(rows: Tensor, seeds: Tensor, device: torch.device, size: int) -> Tensor:
    scene = bodies.compose(rows.to(device), seeds, size)

    def each(attribute: str) -> Iterator[tuple[str, Scene]]:
        """The pictures of each value of an attribute, as a scene of their own."""
        column = rows[:, list(ATTRIBUTES).index(attribute)]
        for i, value in enumerate(ATTRIBUTES[attribute]):
            index = (column == i).nonzero().squeeze(1)
            if len(index):
                with scene.only(index.to(device)) as part:
                    yield value, part

    for place, part in each("background"):
        BACKGROUNDS[place](part)
    bodies.ground_shadow(scene)
    for species, part in each("species"):
        SPECIES[species].behind(part)
        part.torso.copy_(SPECIES[species].body(part))
    bodies.trunk(scene)
    for kind, part in each("pattern"):
        bodies.pattern(part, kind)
    bodies.shine(scene)
    faces.cheeks(scene)
    for species, part in each("species"):
        SPECIES[species].front(part)
    for expression, part in each("expression"):
        faces.eyes(part, expression)
        faces.mouth(part, expression)
    for species, part in each("species"):
        SPECIES[species].over(part)
    for accessory, part in each("accessory"):
        ACCESSORIES[accessory](part)
    return scene.image.clamp_(0.0, 1.0)


def save_sheet(path: str | Path, images: Tensor, columns: int) -> None:
    """Writes pictures [N, 3, H, W] in [0, 1] as one PNG (or whatever the suffix says), `columns` to a row."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    pixels = (images.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous()
    for i in range(count):
        tile = Image.frombytes("RGB", (width, height), bytes(pixels[i].flatten().tolist()))
        sheet.paste(tile, (i % columns * width, i // columns * height))
    sheet.save(path)
