"""What a pipeline's weights take, and the peak of the tensors that a run makes besides them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def weights_bytes(pipeline: Any) -> int:
    """Parameters and buffers of all models, tensors that share their memory counted once."""
    models = (pipeline.text_encoder, pipeline.unet, pipeline.vae)
    tensors = [tensor for model in models for tensor in (*model.parameters(), *model.buffers())]
    return sum(
        {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors
        }.values()
    )


def cuda_peak(run: Callable[[], object], device: torch.device) -> int:
    """Run, and return how far the CUDA allocator's peak rose above what was allocated before, in bytes."""
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    run()
    return torch.cuda.max_memory_allocated(device) - before


def cpu_peak(run: Callable[[], object]) -> int:
    """Run, and return the peak of the tensors allocated meanwhile, in bytes: every allocation and release of PyTorch's
    CPU allocator, as the profiler's memory events record them. oneDNN's own scratchpads are not among them."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        run()
    results: Any = profiler.profiler.kineto_results  # pyright: ignore[reportOptionalMemberAccess]
    events = [event for event in results.events() if event.name() == "[memory]" and event.nbytes()]
    level = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        peak = max(peak, level)
    return peak
