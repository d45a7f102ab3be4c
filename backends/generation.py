"""From a request to a picture on a hosted pipeline: warm-up, noise, iterations with previews, cancellation, spans."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch

from backends.contract import Arena, BackendError, Generate, Generated, Iteration, Picture, Request, Span
from backends.latents import (
    SD1_LATENT_RGB,
    from_bytes,
    initial_latents,
    predicted_original,
    preview,
    to_bytes,
)
from backends.schedulers import make_scheduler
from backends.staged import Cancellation, Hosted, Recorder, Timed, bare, staged

TEXT_TOKENS = 77
UNET_ONLY_BATCH = 2

Send = Callable[[Any], None]
Cancelled = Callable[[], bool]


class Generation:
    """Runs requests on one hosted pipeline, one after the other."""

    def __init__(self, hosted: Hosted):
        self.hosted = hosted
        self.recorder = Recorder(hosted.synchronize)
        self.scheduler_config = hosted.pipeline.scheduler.config
        self.pipeline = staged(hosted.pipeline, self.recorder)
        self.pipeline.set_progress_bar_config(disable=True)
        self.channels = int(self.pipeline.unet.config.in_channels)
        self._tensors_bytes: dict[tuple[bool, int, int, int], int | None] = {}
        """The peak of the tensors, for every kind of request that is warm."""

    def run(self, message: Generate, send: Send, cancelled: Cancelled) -> Generated:
        """Run one request; ``send`` takes an Iteration after every denoising iteration.

        Raises InvalidRequest, BackendError, or Cancellation when ``cancelled()`` turns true between iterations.
        """
        request = message.request.check()
        noise, generator = initial_latents(request.seed, self.channels, request.height, request.width)
        if message.latents is not None:
            noise = from_bytes(message.latents, self.channels, request)
        notices = () if message.unet_only else self._notices(request)
        warmup = self._warm_up(message, noise, cancelled)
        run = self._iterate_unet if message.unet_only else self._make_picture
        kernels = self.hosted.kernels if message.kernels else None
        if message.kernels and kernels is None:
            notices += ("per-operation times are not available on this backend",)
        self.recorder.reset()
        with kernels(self.recorder) if kernels else nullcontext():
            start = time.perf_counter_ns()
            picture = run(message, noise, generator, send, cancelled)
            end = time.perf_counter_ns()
        spans = tuple(sorted(self.recorder.spans, key=lambda span: (span.start_ns, -span.end_ns)))
        tensors_bytes = self._tensors_bytes[self._shape(message)]
        held = self.hosted.weights_held()
        arenas = self._arenas(spans) if message.arenas else ()
        return Generated(
            picture, to_bytes(noise), spans, warmup, start, end, tensors_bytes, notices, held, arenas
        )

    def is_cold(self, message: Generate) -> bool:
        """Whether this request will be preceded by a warm-up."""
        shape, shapes = self._shape(message), self.hosted.shapes
        return shape not in self._tensors_bytes or (shapes is not None and not shapes.is_ready(*shape[1:]))

    def _arenas(self, spans: tuple[Span, ...]) -> tuple[Arena, ...]:
        """Those of the stages that ran: a worker may have run other networks in earlier requests."""
        stages = {span.stage for span in spans}
        known = self.hosted.arenas() if self.hosted.arenas else ()
        return tuple(arena for arena in known if arena.stage in stages)

    def _warm_up(self, message: Generate, noise: torch.Tensor, cancelled: Cancelled) -> tuple[Span, ...]:
        """Before the first request of its kind: every stage once, with a single UNet iteration, and the tensors' peak."""
        if not self.is_cold(message):
            return ()
        once = replace(message, request=replace(message.request, steps=1, scheduler="ddim"), previews=False)
        run = self._iterate_unet if message.unet_only else self._make_picture
        if self.hosted.shapes:
            self.hosted.shapes.prepare(*self._shape(message)[1:])
        self.recorder.reset()

        def first() -> None:
            run(once, noise, torch.Generator("cpu").manual_seed(0), _discard, cancelled)

        measure = self.hosted.tensors_peak
        peak = measure(first) if measure else first()
        self._tensors_bytes[self._shape(message)] = peak
        return tuple(self.recorder.spans)

    @staticmethod
    def _shape(message: Generate) -> tuple[bool, int, int, int]:
        request = message.request
        batch = UNET_ONLY_BATCH if message.unet_only or request.guidance_scale > 1 else 1
        return message.unet_only, batch, request.height, request.width

    @torch.no_grad()
    def _make_picture(
        self,
        message: Generate,
        noise: torch.Tensor,
        generator: torch.Generator,
        send: Send,
        cancelled: Cancelled,
    ) -> Picture:
        request, pipeline = message.request, self.pipeline
        scheduler = make_scheduler(request.scheduler, self.scheduler_config, request.steps)
        pipeline.scheduler = Timed(scheduler, self.recorder, "scheduler", "step")

        def on_step_end(_: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if cancelled():
                raise Cancellation
            last = index == len(scheduler.timesteps) - 1
            if last and not tensors["latents"].isfinite().all():
                raise BackendError(
                    "the latents overflowed: this precision cannot hold this model; try bf16 or fp32"
                )
            picture = (
                self._preview(tensors["latents"] if last else None, timestep, scheduler)
                if message.previews
                else None
            )
            send(Iteration(index, len(scheduler.timesteps), picture, self.recorder.fresh()))
            return tensors

        images = pipeline(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt or None,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=generator,
            latents=noise,
            output_type="pt",
            callback_on_step_end=on_step_end,
        ).images
        return _picture(images)

    @torch.no_grad()
    def _iterate_unet(
        self,
        message: Generate,
        noise: torch.Tensor,
        generator: torch.Generator,
        send: Send,
        cancelled: Cancelled,
    ) -> None:
        """``request.steps`` UNet iterations on both halves of the guidance batch, the text's embeddings being noise."""
        request, unet = message.request, self.pipeline.unet
        scheduler = make_scheduler("ddim", self.scheduler_config, request.steps)
        scheduler.set_timesteps(request.steps)
        shape = (UNET_ONLY_BATCH, TEXT_TOKENS, int(unet.config.cross_attention_dim))
        embeddings = torch.randn(shape, generator=generator).to(self.hosted.latents_device)
        latents = torch.cat([noise] * UNET_ONLY_BATCH).to(self.hosted.latents_device)
        for index, timestep in enumerate(scheduler.timesteps):
            if cancelled():
                raise Cancellation
            unet(
                latents,
                timestep.to(self.hosted.latents_device),
                encoder_hidden_states=embeddings,
                timestep_cond=None,
                cross_attention_kwargs=None,
                added_cond_kwargs=None,
                return_dict=False,
            )
            send(Iteration(index, request.steps, None, self.recorder.fresh()))

    def _preview(self, latents: torch.Tensor | None, timestep: Any, scheduler: Any) -> Picture | None:
        latent_rgb = self.hosted.latent_rgb or SD1_LATENT_RGB
        if self.channels != len(latent_rgb.matrix):
            return None
        if latents is None:
            noisy, prediction = self.recorder.seen["unet"][:1], self.recorder.seen["scheduler"]
            latents = predicted_original(noisy, prediction, timestep, scheduler)
        return preview(latents, latent_rgb)

    def _notices(self, request: Request) -> tuple[str, ...]:
        notices = [
            f"the {what} has {count} tokens; CLIP reads the first {limit - 2}, the last {count + 2 - limit} were dropped"
            for what, text in (("prompt", request.prompt), ("negative prompt", request.negative_prompt))
            for count, limit in [self._count_tokens(text)]
            if count + 2 > limit
        ]
        if request.negative_prompt and request.guidance_scale <= 1:
            notices.append(
                f"a guidance scale of {request.guidance_scale:g} is none: the negative prompt has no effect"
            )
        return tuple(notices)

    def _count_tokens(self, text: str) -> tuple[int, int]:
        """Tokens of the text, and how many CLIP reads, its two marks of begin and end included in the latter only."""
        tokenizer = bare(self.pipeline.tokenizer)
        return len(tokenizer(text, add_special_tokens=False).input_ids), int(tokenizer.model_max_length)


def _picture(images: torch.Tensor) -> Picture:
    """(1, 3, H, W) in 0..1 to 8-bit RGB, rounded as diffusers rounds. Raises BackendError where a value is no number."""
    pixels = images[0].detach().to("cpu", torch.float32).permute(1, 2, 0)
    if not pixels.isfinite().all():
        raise BackendError(
            "the VAE decoder overflowed: this precision cannot hold this model; try bf16 or fp32"
        )
    values = (pixels * 255).round().to(torch.uint8).contiguous()
    return Picture(values.shape[1], values.shape[0], values.numpy().tobytes())


def _discard(_: Any) -> None:
    pass
