"""A diffusers pipeline whose stages report spans; the loop, the guidance and the schedulers stay diffusers' own.

A backend's factory, named in :mod:`backends.registry`, has this signature::

    def load(card: ModelCard, variant: Variant, progress: Progress) -> Hosted

It builds a ``StableDiffusionPipeline`` (or optimum-intel's), exchanges what it does better, and says in :class:`Hosted`
how to wait for its device, what its weights take, and how to measure its tensors and kernels. This module needs no torch.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from backends.contract import Arena, Span
from backends.models import LatentRgb


class Cancellation(Exception):
    """Raised inside a load or a request that was cancelled."""


class KernelProfiler(Protocol):
    """Per-operation times of one request, asked for with ``Generate.kernels``."""

    def __call__(self, recorder: Recorder) -> AbstractContextManager[None]:
        """While entered, watch; on leaving, ``recorder.add`` kernel spans, each inside its stage's span."""
        ...


class Shapes(Protocol):
    """A pipeline that is compiled for one size at a time: batch of the UNet, height and width of the picture in pixels."""

    def is_ready(self, batch: int, height: int, width: int) -> bool:
        """Whether a request of this size runs without compiling first."""
        ...

    def prepare(self, batch: int, height: int, width: int) -> None:
        """Compile for this size."""
        ...


def _nothing() -> None:
    pass


def _unknown() -> None:
    return None


@dataclass
class Hosted:
    """One loaded pipeline as a backend hands it to the worker.

    ``synchronize`` returns when the device has finished. ``tensors_peak`` runs a warm-up and returns the peak of its
    intermediate buffers in bytes, weights apart; None where that can't be measured. ``latents_device`` is where the
    pipeline's loop runs, as torch names it. ``warmup`` says what a first run of a new size does. ``weights_held``
    says after a run what the device holds of the weights, where they are laid out only then and ``weights_bytes`` is None.
    ``arenas`` tells where the tensors of the networks lie, as they ran last; None where the backend does not place them.
    """

    pipeline: Any
    device_name: str
    weights_bytes: int | None
    synchronize: Callable[[], None] = _nothing
    tensors_peak: Callable[[Callable[[], object]], int | None] | None = None
    kernels: KernelProfiler | None = None
    arenas: Callable[[], tuple[Arena, ...]] | None = None
    latents_device: str = "cpu"
    latent_rgb: LatentRgb | None = None
    warmup: str = "warming up"
    shapes: Shapes | None = None
    notices: tuple[str, ...] = ()
    close: Callable[[], None] = _nothing
    weights_held: Callable[[], int | None] = _unknown


@dataclass
class Recorder:
    """Collects spans on ``time.perf_counter_ns``, each taken after ``synchronize`` at both its ends.

    ``iteration`` is the number of the running or last denoising iteration, -1 before the first.
    """

    synchronize: Callable[[], None] = _nothing
    spans: list[Span] = field(default_factory=list)
    iteration: int = -1
    seen: dict[str, Any] = field(default_factory=dict)
    """What the last call of each stage was given first: the UNet's input latents, the scheduler's noise."""
    _sent: int = 0

    def reset(self) -> None:
        """Forget all: a new request begins."""
        self.spans, self.iteration, self._sent = [], -1, 0
        self.seen.clear()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record what runs inside as one span; one that raises is not recorded."""
        if name == "unet":
            self.iteration += 1
        iteration = self.iteration if name in ("unet", "scheduler") else None
        self.synchronize()
        start = time.perf_counter_ns()
        yield
        self.synchronize()
        self.spans.append(Span(name, name, start, time.perf_counter_ns(), iteration))

    def add(self, span: Span) -> None:
        """Add a span that was measured elsewhere: a kernel's."""
        self.spans.append(span)

    def fresh(self) -> tuple[Span, ...]:
        """The spans recorded since the last call."""
        spans = tuple(self.spans[self._sent :])
        self._sent = len(self.spans)
        return spans


class Timed:
    """Stands for a component and records one of its methods; everything else is the component's own.

    ``isinstance`` sees the component's class, so that diffusers finds its device, configuration and type.
    """

    def __init__(self, component: Any, recorder: Recorder, stage: str, method: str = "__call__"):
        self.__dict__.update(_component=component, _recorder=recorder, _stage=stage)
        if method != "__call__":
            self.__dict__[method] = functools.wraps(getattr(component, method))(
                functools.partial(self._timed, method)
            )

    def _timed(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self._recorder.seen[self._stage] = args[0] if args else None
        with self._recorder.stage(self._stage):
            return getattr(self._component, method)(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._timed("__call__", *args, **kwargs)

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        return type(self._component)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_component"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._component, name, value)

    def __len__(self) -> int:
        return len(self._component)


def staged(pipeline: Any, recorder: Recorder) -> Any:
    """Make the pipeline's components report to ``recorder``, in place, and return it.

    Timed are the tokenizer, the text encoder, the UNet (once per denoising iteration), the scheduler's ``step`` and the
    VAE's ``decode``. Their times leave gaps, in which the loop's own arithmetic (guidance) runs, and never overlap.
    """
    pipeline.tokenizer = Timed(pipeline.tokenizer, recorder, "tokenizer")
    pipeline.text_encoder = Timed(pipeline.text_encoder, recorder, "text_encoder")
    pipeline.unet = Timed(pipeline.unet, recorder, "unet")
    pipeline.vae = Timed(pipeline.vae, recorder, "vae_decoder", "decode")
    pipeline.scheduler = Timed(pipeline.scheduler, recorder, "scheduler", "step")
    return pipeline


def bare(component: Any) -> Any:
    """The component behind a :class:`Timed`, or the thing itself."""
    return component.__dict__["_component"] if type(component) is Timed else component
