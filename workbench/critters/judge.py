"""The judge: a small classifier that reads the attributes off a picture, and from them the prompt fidelity.

Trained by :mod:`workbench.training.judge` on drawings only, never on generated pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from workbench.critters.attributes import ATTRIBUTES
from workbench.critters.captions import named
from workbench.judging import Judged, JudgeReady

if TYPE_CHECKING:
    from backends.contract import Picture
    from backends.worker import Channel

WEIGHTS = Path(__file__).resolve().parents[2] / "assets" / "critters" / "judge.safetensors"
SIZE = 128
PACKING_RUNS = 3
"""The first calls of a traced network compile it."""


class Block(nn.Module):
    """A residual pair of 3x3 convolutions that halves the resolution."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.skip = nn.Conv2d(channels_in, channels, 1)
        self.first = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1), nn.GroupNorm(8, channels), nn.SiLU()
        )
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(8, channels))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(nn.functional.silu(self.skip(x) + self.second(self.first(x))), 2)


class Judge(nn.Module):
    """Pictures (N, 3, H, W) in [0, 1] → logits (N, sum of the attributes' values), to be split by attribute."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 80, 112, 112)):
        super().__init__()
        self.counts = [len(values) for values in ATTRIBUTES.values()]
        self.stem = nn.Sequential(nn.Conv2d(5, widths[0], 3, padding=1), nn.SiLU())
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in zip(widths, widths[1:], strict=False)))
        self.place = nn.Conv2d(widths[-1], 24, 1)
        self.head = nn.Sequential(
            nn.LayerNorm(24 * 64 + widths[-1]),
            nn.Linear(24 * 64 + widths[-1], 192),
            nn.SiLU(),
            nn.Dropout(0.1),
            nn.Linear(192, sum(self.counts)),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        x = nn.functional.interpolate(pictures, (SIZE, SIZE), mode="area") * 2 - 1
        ramp = torch.linspace(-1, 1, SIZE, device=x.device, dtype=x.dtype)
        columns = ramp.expand(len(x), 1, SIZE, SIZE)
        features = self.blocks(self.stem(torch.cat([x, columns, columns.transpose(2, 3)], 1)))
        return self.head(torch.cat([self.place(features).flatten(1), features.amax((2, 3))], 1))

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """Logits by attribute, in the order of ``ATTRIBUTES``."""
        return logits.split(self.counts, 1)

    @torch.no_grad()
    def read(self, pictures: Tensor) -> Tensor:
        """The likeliest value of every attribute: int64 (N, attributes)."""
        return torch.stack([part.argmax(1) for part in self.split(self(pictures))], 1)


def load_judge(weights: Path = WEIGHTS) -> Judge:
    """The shipped judge, in fp32 on the CPU. Raises FileNotFoundError where the built-in model is not installed."""
    judge = Judge()
    judge.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return judge.eval()


def packed(judge: Judge) -> Judge:
    """The judge with its convolutions traced and packed, in place, to read one picture at a time in 0.4 of the time: it reads
    between two timed runs, and a picture may take no more than half a second."""
    example = torch.zeros(1, 5, SIZE, SIZE)
    with torch.no_grad():
        layers = nn.Sequential(judge.stem, judge.blocks).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        judge.blocks = torch.jit.freeze(torch.jit.trace(layers.eval(), example))  # pyright: ignore[reportAttributeAccessIssue]
        judge.stem = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        for _ in range(PACKING_RUNS):
            judge(example[:, :3])
    return judge


def attributes_found(judge: Judge, picture: Tensor) -> dict[str, str]:
    """What the judge sees in one picture (3, H, W) in [0, 1]: a value for every attribute."""
    indices = judge.read(picture[None])[0].tolist()
    return {name: values[index] for (name, values), index in zip(ATTRIBUTES.items(), indices, strict=True)}


def prompt_fidelity(prompt: str, found: dict[str, str]) -> float | None:
    """Of the attributes that the prompt names, the fraction that was found; None if it names none."""
    wanted = named(prompt)
    if not wanted:
        return None
    return sum(found[name] == value for name, value in wanted.items()) / len(wanted)


def host(channel: Channel) -> None:
    """Judge pictures until the channel ends; see :mod:`workbench.judging` for the messages."""
    judge = packed(load_judge())
    channel.send(JudgeReady())
    while (message := channel.receive()) is not None:
        found = attributes_found(judge, as_tensor(message.picture))
        channel.send(Judged(prompt_fidelity(message.prompt, found), found, named(message.prompt)))


def as_tensor(picture: Picture) -> Tensor:
    """A picture as the judge takes it: float32 (3, H, W) in [0, 1]."""
    pixels = torch.frombuffer(bytearray(picture.pixels), dtype=torch.uint8)
    return pixels.view(picture.height, picture.width, 3).permute(2, 0, 1).float() / 255
