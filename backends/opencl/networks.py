"""The three networks as modules that can be captured: plain tensors in, the one tensor that the pipeline uses out."""

from __future__ import annotations

from typing import Any

import torch


class UNetCalling(torch.nn.Module):
    """sample (N, 4, h, w), timestep (1), encoder_hidden_states (N, T, C), all fp32 → (N, 4, h, w)."""

    def __init__(self, unet: Any):
        super().__init__()
        self.unet = unet

    def forward(
        self, sample: torch.Tensor, timestep: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> torch.Tensor:
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class VaeDecoding(torch.nn.Module):
    """latents (N, 4, h, w) → pictures (N, 3, 8h, 8w)."""

    def __init__(self, vae: Any):
        super().__init__()
        self.vae = vae

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.vae.decode(latents, return_dict=False)[0]


class TextEncoding(torch.nn.Module):
    """input_ids (N, T), int64 → the last hidden states (N, T, C)."""

    def __init__(self, text_encoder: Any):
        super().__init__()
        self.text_encoder = text_encoder

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.text_encoder(input_ids, return_dict=False)[0]
