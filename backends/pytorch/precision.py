"""A pipeline's models at a lower precision, with the loop and the scheduler around them in fp32."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_map

from backends.contract import BackendError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def keep_loop_in_fp32(pipeline: Any, dtype: torch.dtype) -> None:
    """Cast what enters the UNet and the VAE's decoder to ``dtype``, and what leaves them to fp32.

    So latents, noise and guidance are fp32 at every precision, and only the models' own arithmetic differs.
    """
    if dtype == torch.float32:
        return
    vae = pipeline.vae
    for module in (pipeline.unet, vae.post_quant_conv, vae.decoder):
        if module is not None:
            module.register_forward_pre_hook(
                lambda _, args, kwargs: _cast((args, kwargs), dtype), with_kwargs=True
            )
    for module in (pipeline.unet, vae.decoder):
        module.register_forward_hook(lambda _, args, output: _cast(output, torch.float32))


def check_precision(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of a precision. Raises BackendError where this PyTorch has no such arithmetic on the device."""
    dtype = DTYPES[precision]
    try:
        image = torch.ones(1, 4, 8, 8, dtype=dtype, device=device)
        image = torch.nn.functional.conv2d(
            image, torch.ones(4, 4, 3, 3, dtype=dtype, device=device), padding=1
        )
        tokens = torch.nn.functional.group_norm(image, 2).flatten(2)
        torch.nn.functional.scaled_dot_product_attention(tokens, tokens, tokens).softmax(-1)
    except (RuntimeError, NotImplementedError) as error:
        raise BackendError(
            f"PyTorch has no {precision} on {device} here: {' '.join(str(error).split())[:200]}"
        ) from error
    return dtype


def _cast(values: Any, dtype: torch.dtype) -> Any:
    def cast(value: Any) -> Any:
        return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    return tree_map(cast, values)
