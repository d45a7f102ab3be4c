"""The vocabulary that travels between the floors: what is asked, how, and what comes back.

Plain frozen dataclasses of the standard library only, so that the window's process can hold them without
importing torch, OpenVINO or OpenCL, and a pipe can carry them to a worker and back.
All times are nanoseconds of ``time.perf_counter_ns``, which is one monotonic clock for every process of a machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

STAGES = ("tokenizer", "text_encoder", "unet", "scheduler", "vae_decoder")
SCHEDULERS = ("ddim", "pndm", "dpm++", "euler", "euler_a", "lms", "unipc", "lcm")

MAXIMUM_PROMPT_CHARACTERS = 4000
MAXIMUM_STEPS = 1000
MAXIMUM_SEED = 2**64 - 1
MAXIMUM_GUIDANCE = 100.0
SIZE_MULTIPLE = 8
MINIMUM_SIZE, MAXIMUM_SIZE = 64, 2048


class InvalidRequest(ValueError):
    """A request that cannot be run. ``field`` names the offending field of :class:`Request`."""

    def __init__(self, field_name: str, message: str):
        super().__init__(message)
        self.field = field_name

    def __reduce__(self):
        return InvalidRequest, (self.field, str(self))


class BackendError(RuntimeError):
    """A variant or a model that cannot run, with the reason and what to do, in one line."""


class InvalidModel(BackendError):
    """A model that cannot be read: damaged in a way that only loading shows, of another kind, or with code in it."""


@dataclass(frozen=True)
class Request:
    """What is asked, never how. ``width`` and ``height`` in pixels, ``seed`` an unsigned 64-bit integer."""

    prompt: str
    negative_prompt: str = ""
    seed: int = 0
    steps: int = 25
    guidance_scale: float = 5.0
    width: int = 256
    height: int = 256
    scheduler: str = "ddim"

    def check(self) -> Request:
        """Return the request itself, or raise :class:`InvalidRequest` with what was given and what is allowed."""
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InvalidRequest("prompt", "the prompt is empty; write what the picture should show")
        for name in ("prompt", "negative_prompt"):
            length = len(getattr(self, name))
            if length > MAXIMUM_PROMPT_CHARACTERS:
                raise InvalidRequest(
                    name,
                    f"the {name.replace('_', ' ')} has {length:,} characters; at most {MAXIMUM_PROMPT_CHARACTERS:,} are "
                    "taken, of which CLIP reads the first 75 tokens (about 300 characters) and truncates the rest",
                )
        if not _is_int(self.seed) or not 0 <= self.seed <= MAXIMUM_SEED:
            raise InvalidRequest(
                "seed",
                f"the seed is {self.seed}; allowed are whole numbers from 0 to {MAXIMUM_SEED} (64 bits)",
            )
        if not _is_int(self.steps) or not 1 <= self.steps <= MAXIMUM_STEPS:
            raise InvalidRequest(
                "steps", f"the number of steps is {self.steps}; allowed are 1 to {MAXIMUM_STEPS}"
            )
        if not math.isfinite(self.guidance_scale) or not 0 <= self.guidance_scale <= MAXIMUM_GUIDANCE:
            raise InvalidRequest(
                "guidance_scale",
                f"the guidance scale is {self.guidance_scale}; allowed are 0 to {MAXIMUM_GUIDANCE:g}",
            )
        for name in ("width", "height"):
            value = getattr(self, name)
            if not _is_int(value) or value % SIZE_MULTIPLE or not MINIMUM_SIZE <= value <= MAXIMUM_SIZE:
                raise InvalidRequest(
                    name,
                    f"the {name} is {value}; allowed are multiples of {SIZE_MULTIPLE} from {MINIMUM_SIZE} to {MAXIMUM_SIZE}",
                )
        if self.scheduler not in SCHEDULERS:
            raise InvalidRequest(
                "scheduler", f"the scheduler is {self.scheduler!r}; known are {', '.join(SCHEDULERS)}"
            )
        return self


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Variant:
    """How, never what. ``optimizations`` holds every option of the backend, resolved, in the registry's order.

    Written and read in one line by :mod:`backends.variants`.
    """

    backend: str
    device: str | None
    precision: str
    optimizations: tuple[tuple[str, bool | float], ...]

    def option(self, name: str) -> bool | float:
        """The value of one optimization; a ratio that is off is ``0.0``. Raises KeyError for an unknown name."""
        return dict(self.optimizations)[name]


@dataclass(frozen=True)
class Span:
    """A stage, or a kernel inside one (``kind``). ``iteration`` counts the denoising iterations from 0.

    ``detail`` holds what a kernel knows of itself: ``module`` (str), ``flops`` and ``bytes`` (int).
    """

    name: str
    stage: str
    start_ns: int
    end_ns: int
    iteration: int | None = None
    kind: Literal["stage", "kernel"] = "stage"
    detail: dict[str, str | int | float] = field(default_factory=dict)

    @property
    def milliseconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True)
class MemorySample:
    """The worker's resident set at one moment of the spans' clock, in bytes."""

    time_ns: int
    rss_bytes: int


@dataclass(frozen=True)
class Picture:
    """An RGB image: ``pixels`` is ``height * width * 3`` bytes, row by row."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True)
class Tensor:
    """An intermediate tensor: ``size`` bytes at ``offset`` bytes of its arena, needed from operation ``first`` to ``last``.

    Both operations are included, and count from 0. ``module`` is the layer that writes it.
    """

    name: str
    module: str
    size: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True)
class Arena:
    """Where the intermediate tensors of one network lie in the device's memory, and when.

    ``stage`` is where the network runs (one of ``STAGES``). ``operations`` is how many it runs, which are the arena's time;
    what it gives back lives on until operation ``operations``. ``size`` in bytes is what the device keeps for all of them.
    """

    stage: str
    size: int
    operations: int
    tensors: tuple[Tensor, ...]


# Messages from the session to a worker.


@dataclass(frozen=True)
class Load:
    """Load ``model`` (a name, folder, file or hub id that :mod:`backends.models` understands) as ``variant``."""

    model: str
    variant: Variant


@dataclass(frozen=True)
class Generate:
    """Run one request. ``latents`` are the initial latents, fp32, little-endian, shape (1, C, height/8, width/8).

    Without ``latents`` the worker draws them from the seed and returns them in :class:`Generated`; the session
    hands them to every further variant, so that all pictures of a comparison come from the same noise.
    ``kernels`` asks for per-operation spans; ``unet_only`` runs ``request.steps`` single UNet iterations (batch 2)
    with no text encoder and no VAE. ``arenas`` asks where the intermediate tensors lie, of backends that know.
    """

    request: Request
    latents: bytes | None = None
    previews: bool = True
    kernels: bool = False
    unet_only: bool = False
    arenas: bool = False


@dataclass(frozen=True)
class Cancel:
    """Stop the running request before its next iteration; the worker stays usable."""


@dataclass(frozen=True)
class Shutdown:
    """End the worker process."""


# Messages from a worker to the session.


@dataclass(frozen=True)
class Loading:
    """What a load is doing (``reading``, ``converting``, ``compiling`` ...), and how far, 0..1, where known."""

    what: str
    fraction: float | None = None


@dataclass(frozen=True)
class Loaded:
    """The pipeline is ready. ``weights_bytes`` is what the weights take; None where only a run tells, or nothing does."""

    load_seconds: float
    weights_bytes: int | None
    device_name: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Iteration:
    """Denoising iteration ``index`` (from 0) of ``count`` is done. ``spans`` are those that ended since the last message."""

    index: int
    count: int
    preview: Picture | None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Generated:
    """One finished request: every span of it, the warm-up's apart, and the peak of the intermediate tensors.

    ``picture`` is None for a UNet-only run. ``tensors_bytes`` is None where the backend cannot tell.
    ``weights_bytes`` is what the device holds of the weights now, where loading could not tell.
    """

    picture: Picture | None
    latents: bytes
    spans: tuple[Span, ...]
    warmup: tuple[Span, ...]
    start_ns: int
    end_ns: int
    tensors_bytes: int | None
    notices: tuple[str, ...] = ()
    weights_bytes: int | None = None
    arenas: tuple[Arena, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The load or the request failed: one line for a person, and the traceback for a developer.

    ``invalid_field`` is the field of the request that is at fault, or ``model``.
    """

    message: str
    detail: str = ""
    invalid_field: str | None = None


@dataclass(frozen=True)
class Cancelled:
    """The request was cancelled; nothing was produced."""


ToWorker = Load | Generate | Cancel | Shutdown
FromWorker = Loading | Loaded | Iteration | Generated | Failed | Cancelled
