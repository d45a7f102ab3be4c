"""What a comparison is: the requests, the variants, the baseline, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from backends.contract import Request, Variant
from backends.variants import InvalidVariant


@dataclass(frozen=True)
class Comparison:
    """Every request is run on every variant, ``repeats`` times, interleaved (A B C A B C).

    ``model`` is a name, folder, file or hub id. ``kernels`` records per-operation spans. ``unet_only`` times
    ``request.steps`` single UNet iterations (batch 2) with no text encoder and no VAE, and makes no picture.
    """

    model: str
    requests: tuple[Request, ...]
    variants: tuple[Variant, ...]
    baseline: Variant
    repeats: int = 1
    previews: bool = True
    kernels: bool = False
    unet_only: bool = False

    def check(self) -> Comparison:
        """Return the comparison, or raise InvalidRequest or InvalidVariant naming what is wrong."""
        for request in self.requests:
            request.check()
        if len(set(self.variants)) < len(self.variants):
            raise InvalidVariant("a variant is named twice; every variant of a comparison is different")
        if self.baseline not in self.variants:
            raise InvalidVariant("the baseline is not among the variants")
        return self
