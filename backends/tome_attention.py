"""Token merging around the self-attention of a diffusers UNet: the plumbing of :mod:`backends.tome`.

It is hooks only, PyTorch's own way to see what enters and leaves a module: no code of diffusers is replaced, whatever
attention processor is set computes the attention, and the hooks come off again. As tomesd does by default, similarity
is that of the tokens that enter a transformer block, and only self-attention sees fewer tokens.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from backends.tome import DEFAULT_FORM, Form, Tokens, token_merging

_NAME = "token_merging"


def apply_tome(
    unet: Any,
    ratio: float,
    max_downsample: int = 1,
    sx: int = 2,
    sy: int = 2,
    *,
    form: Form = DEFAULT_FORM,
) -> int:
    """Merge the share ``ratio`` of the tokens before self-attention, and unmerge after it; 0 takes all merging off.

    ``max_downsample`` is the depth: 1 merges at the resolution of the latents only, 2 also at the half, and so on.
    ``sx`` and ``sy`` are the window of which one token is never merged away. Replaces what an earlier call applied, and
    returns the number of transformer blocks that merge. A trace or an export of the UNet holds for one height and width.
    Raises ValueError for a ratio outside 0..1 - 1 / (sx * sy), and where no transformer block is shallow enough.
    """
    remove_tome(unet)
    highest = 1 - 1 / (sx * sy)
    if not 0 <= ratio <= highest:
        raise ValueError(f"the ratio of token merging is {ratio}; allowed are 0 to {highest:g}")
    if ratio == 0:
        return 0
    shallow = [module for downsample, module in transformers(unet) if downsample <= max_downsample]
    if not shallow:
        raise ValueError(
            f"this UNet has no self-attention at a {max_downsample}th of its resolution or above to merge tokens for"
        )
    return sum(merge_inside(module, ratio, sx, sy, form=form) for module in shallow)


def merge_inside(
    transformer: Any, ratio: float, sx: int = 2, sy: int = 2, *, form: Form = DEFAULT_FORM
) -> int:
    """Merge in every block of one spatial transformer, diffusers' ``Transformer2DModel``; returns how many they are."""
    for block in transformer.transformer_blocks:
        _BlockMerging(transformer, block, ratio, sx, sy, form)
    return len(transformer.transformer_blocks)


def remove_tome(unet: Any) -> None:
    """Take every hook of :func:`apply_tome` off."""
    for module in unet.modules():
        merging = module.__dict__.pop(_NAME, None)
        for handle in merging.handles if merging else ():
            handle.remove()


def transformers(unet: Any) -> Iterator[tuple[int, Any]]:
    """Every spatial transformer of a UNet, with how often its resolution goes into that of the latents."""
    downsample = 1
    for block in unet.down_blocks:
        yield from ((downsample, module) for module in _attentions(block))
        downsample *= 2 if getattr(block, "downsamplers", None) else 1
    yield from ((downsample, module) for module in _attentions(unet.mid_block))
    for block in unet.up_blocks:
        yield from ((downsample, module) for module in _attentions(block))
        downsample //= 2 if getattr(block, "upsamplers", None) else 1


class _BlockMerging:
    """The hooks of one transformer block, and what they hand each other while it runs."""

    def __init__(self, transformer: Any, block: Any, ratio: float, sx: int, sy: int, form: Form):
        self.ratio, self.sx, self.sy = ratio, sx, sy
        self.form: Form = form
        self.width = self.height = 0
        self.closures: tuple[Tokens, Tokens] | None = None
        self.handles: list[RemovableHandle] = [
            transformer.register_forward_pre_hook(self._see_size, with_kwargs=True),
            block.register_forward_pre_hook(self._match, with_kwargs=True),
            block.attn1.register_forward_pre_hook(self._merge, with_kwargs=True),
            block.attn1.register_forward_hook(self._unmerge),
        ]
        block.__dict__[_NAME] = self

    def _see_size(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.height, self.width = _static_shape(_first(args, kwargs))[2:]

    def _match(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.closures = token_merging(
            _first(args, kwargs),
            self.width,
            self.height,
            self.ratio,
            sx=self.sx,
            sy=self.sy,
            form=self.form,
        )

    def _merge(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        assert self.closures is not None
        merge = self.closures[0]
        if args:
            return (merge(args[0]), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": merge(kwargs["hidden_states"])}

    def _unmerge(self, _: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        assert self.closures is not None
        unmerge, self.closures = self.closures[1], None
        return unmerge(output)


def _attentions(block: Any) -> list[Any]:
    return [
        module for module in getattr(block, "attentions", None) or () if hasattr(module, "transformer_blocks")
    ]


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    return args[0] if args else kwargs["hidden_states"]


def _static_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """The shape as numbers, which torch.jit.trace would otherwise record as a computation, with a warning."""
    if not torch.jit.is_tracing():
        return tuple(tensor.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        return tuple(int(size) for size in tensor.shape)
