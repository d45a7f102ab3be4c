"""One variant's run as a value: what was asked, how, on what, and what came of it.

:mod:`workbench.document` writes results as JSON and reads them back; :mod:`workbench.summary` makes their statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from backends.contract import Arena, MemorySample, Request, Span, Variant

Status = Literal["ok", "error", "cancelled"]


@dataclass(frozen=True)
class Memory:
    """Peaks in bytes; None where the backend cannot truly tell.

    ``peak_rss_bytes`` is the highest resident set of the worker and its children during the pipeline's call.
    """

    peak_rss_bytes: int | None
    weights_bytes: int | None
    tensors_bytes: int | None


@dataclass(frozen=True)
class Quality:
    """PSNR in dB and SSIM against the baseline's picture, prompt fidelity 0..1; None where it does not apply.

    PSNR of a picture equal to the baseline's, bit for bit, is infinite: ``math.inf``.
    ``found`` and ``named`` are the attributes that the judge saw and that the prompt names.
    """

    psnr_db: float | None
    ssim: float | None
    prompt_fidelity: float | None
    found: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A run of ``request`` as ``variant``. Times in seconds or, in spans, nanoseconds of one clock.

    ``load_seconds`` is what loading took in this run; None when the worker was warm already.
    ``error`` is one line for a person, ``detail`` a traceback for a developer, ``log_tail`` the worker's last lines.
    ``invalid_field`` names the field of the request at fault, or ``model``. ``picture_sha256`` is of the pixels.
    """

    request: Request
    variant: Variant
    status: Status
    error: str | None = None
    load_seconds: float | None = None
    start_ns: int = 0
    end_ns: int = 0
    spans: tuple[Span, ...] = ()
    warmup: tuple[Span, ...] = ()
    samples: tuple[MemorySample, ...] = ()
    memory: Memory = Memory(None, None, None)
    quality: Quality | None = None
    device_name: str = ""
    notices: tuple[str, ...] = ()
    latents_sha256: str | None = None
    log_tail: str = ""
    detail: str = ""
    invalid_field: str | None = None
    picture_sha256: str | None = None
    unet_only: bool = False
    arenas: tuple[Arena, ...] = ()
    """Of the networks that ran, where that was asked for and the backend places their tensors itself."""
    overhead_ms: float = 0.0
    """What this run cost outside the pipeline's call, load and warm-up apart: messages, quality, bookkeeping."""

    @property
    def total_ms(self) -> float:
        """From the pipeline's call to its picture, warm-up and load apart."""
        return (self.end_ns - self.start_ns) / 1e6
