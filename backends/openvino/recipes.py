"""How each part of a model is quantized after training, as :mod:`backends.openvino.quantization` does it."""

from __future__ import annotations

from typing import Any

HALF_RANGE = {"overflow_fix": "enable"}
"""What a recipe of ``nncf.quantize`` says besides where products of 8 bits are summed in 16: all weights in 7 bits, of which two
products always fit. Without it NNCF does so for the first convolution alone. On a convolution of 64 channels with 8 bits of
weight the sums that were cut off cost 2 % of its output.
"""

RECIPES: dict[str, dict[str, Any]] = {
    "unet": {
        "method": "nncf.quantize",
        "preset": "mixed",
        "model_type": "transformer",
        "smooth_quant": 0.95,
        "unquantized": ["conv_in", "conv_out", "up_blocks\\.{last}\\..*conv_shortcut"],
        "weights_only": ["time_embedding\\.linear_", "time_emb_proj", "attn2\\."],
    },
    "vae_decoder": {"method": "nncf.quantize", "preset": "mixed"},
    "text_encoder": {"method": "nncf.compress_weights", "mode": "int8_asym"},
}
"""The decoder of critters, on 32 drawings against itself at fp32: activations and weights in 8 bits 42.6 dB in 0.35 of the
time, weights alone 53.0 dB in the time of bf16; bf16 around the 8 bits costs nothing against fp32 around them. Leaving
its first or last convolution out gains 0.1 dB.

``unquantized`` are the layers of the UNet that stay as they are, as patterns of their names. What they round reaches the
prediction unsmoothed: the latents themselves, the last features, and the last block's sums past its convolutions. On
critters they made nine tenths of the error of all activations and five sixths of that of all weights (mean squared, over
inputs from trajectories), for 1.8 % of its arithmetic; of Stable Diffusion 1.4 they are 0.8 %.

``weights_only`` are those that are given real numbers and round their weights alone: what knows the timestep and what
reads the prompt. An error there is the same, or nearly so, at every step, and says something else than was asked for. On
critters, 24 held-out prompts: median PSNR 25.8 to 28.7 dB (mean 25.3 to 27.8; the timestep with the prompt's keys and values
alone: 26.5, mean 25.3) for a twentieth of an iteration's time (29.4 to 31.1 ms, VNNI and BF16); 5 % of the arithmetic, 14 % of
the weights.
"""


def unquantized(how: dict[str, Any], up_blocks: int) -> list[str]:
    """Patterns, to match from the start of a node's name, of what a recipe leaves unquantized in a UNet of so many up blocks."""
    return [".*" + pattern.format(last=up_blocks - 1) for pattern in how.get("unquantized", ())]


def weights_only(how: dict[str, Any]) -> list[str]:
    """Patterns, to match from the start of a node's name, of what a recipe gives weights in 8 bits and nothing else."""
    return [".*" + pattern for pattern in how.get("weights_only", ())]
