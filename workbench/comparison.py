"""What a comparison is: the requests, the variants, the baseline, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from backends.contract import InvalidRequest, Request, Variant
from backends.variants import InvalidVariant, format_variant

MAXIMUM_REPEATS = 1000


@dataclass(frozen=True)
class Comparison:
    """Every request is run on every variant, ``repeats`` times, interleaved (A B C A B C).

    ``model`` is a name, folder, file or hub id. ``kernels`` records per-operation spans. ``unet_only`` times
    ``request.steps`` single UNet iterations (batch 2) with no text encoder and no VAE, and makes no picture.
    ``arenas`` keeps with every result where the intermediate tensors lay, of backends that know.
    """

    model: str
    requests: tuple[Request, ...]
    variants: tuple[Variant, ...]
    baseline: Variant
    repeats: int = 1
    previews: bool = True
    kernels: bool = False
    unet_only: bool = False
    arenas: bool = False

    def check(self) -> Comparison:
        """Return the comparison, or raise InvalidRequest or InvalidVariant naming what is wrong."""
        if not self.requests:
            raise InvalidRequest("prompt", "there is no request; a comparison needs one or more")
        for request in self.requests:
            request.check()
        if not 1 <= self.repeats <= MAXIMUM_REPEATS:
            raise InvalidRequest(
                "repeats", f"the number of repeats is {self.repeats}; allowed are 1 to {MAXIMUM_REPEATS}"
            )
        twice = next((item for item in self.variants if self.variants.count(item) > 1), None)
        if twice is not None:
            raise InvalidVariant(
                f"{format_variant(twice)} is named twice; every variant of a comparison is different"
            )
        if self.baseline not in self.variants:
            raise InvalidVariant(f"the baseline {format_variant(self.baseline)} is not among the variants")
        return self
