"""Components to a diffusers ``StableDiffusionPipeline``, wherever they were read from."""

from __future__ import annotations

from typing import Any

from diffusers import StableDiffusionPipeline

from backends.contract import BackendError


def assemble(
    tokenizer: Any, text_encoder: Any, unet: Any, vae: Any, scheduler: Any
) -> StableDiffusionPipeline:
    """The pipeline of these components; the tokenizer is told how many tokens the text encoder takes."""
    limit = int(text_encoder.config.max_position_embeddings)
    tokenizer.model_max_length = min(int(tokenizer.model_max_length), limit)
    for module in (text_encoder, unet, vae):
        module.eval().requires_grad_(False)
        if absent := [name for name, parameter in module.named_parameters() if parameter.is_meta]:
            raise BackendError(
                f"the weights of the {type(module).__name__} lack {len(absent)} tensors, {absent[0]} the first"
            )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )
