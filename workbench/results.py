"""One variant's run as a value: what was asked, how, on what, and what came of it; to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backends.contract import MemorySample, Request, Span, Variant

Status = Literal["ok", "error", "cancelled"]


@dataclass(frozen=True)
class Memory:
    """Peaks in bytes; None where the backend cannot truly tell."""

    peak_rss_bytes: int | None
    weights_bytes: int | None
    tensors_bytes: int | None


@dataclass(frozen=True)
class Quality:
    """PSNR in dB and SSIM against the baseline's picture, prompt fidelity 0..1; None where it does not apply."""

    psnr_db: float | None
    ssim: float | None
    prompt_fidelity: float | None


@dataclass(frozen=True)
class Result:
    """A run of ``request`` as ``variant``. Times in seconds or, in spans, nanoseconds of one clock."""

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

    @property
    def total_ms(self) -> float:
        """From the pipeline's call to its picture, warm-up and load apart."""
        return (self.end_ns - self.start_ns) / 1e6
