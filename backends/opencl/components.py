"""Drop-in components of a diffusers pipeline: each runs its network on an OpenCL device, compiled for one shape at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import torch

from backends.opencl.graphs import captured
from backends.opencl.networks import TextEncoding, UNetCalling, VaeDecoding
from backends.opencl.passes import SWITCHES, optimized
from backends.opencl.runtime import Engine, Network


class Compiled:
    """A captured module's networks, one for every shape it was called with."""

    def __init__(
        self,
        engine: Engine,
        module: torch.nn.Module,
        switches: Mapping[str, bool],
        precision: str,
        model: str | None = None,
    ):
        """``model`` names the weights, for the cache of captured graphs; None remembers nothing."""
        self.engine, self.module, self.precision, self.model = engine, module, precision, model
        self.switches = {name: switches[name] for name in SWITCHES}
        self.reuse = switches["buffer_reuse"]
        self.networks: dict[tuple[tuple[int, ...], ...], Network] = {}
        self.latest: Network | None = None
        """The network that was asked for last."""

    def __call__(self, **inputs: torch.Tensor) -> torch.Tensor:
        """The module's output, fp32 on the CPU, for inputs of any shape seen before or not."""
        network = self.network(inputs)
        (array,) = network({name: tensor.detach().numpy() for name, tensor in inputs.items()})
        return torch.from_numpy(array)

    def network(self, inputs: Mapping[str, torch.Tensor]) -> Network:
        """The network for the shapes of these inputs, captured and compiled where it is new."""
        key = tuple(tuple(tensor.shape) for tensor in inputs.values())
        if key not in self.networks:
            core = self.engine.core
            graph = captured(self.module, inputs, self.model)
            graph = optimized(graph, self.switches, self.precision, core.attends, core.winograd_tile)
            self.networks[key] = Network(self.engine, graph, self.reuse)
        self.latest = self.networks[key]
        return self.latest


class Component(torch.nn.Module):
    """What diffusers asks of any component: its configuration, dtype and device. It has no parameters of its own."""

    def __init__(self, compiled: Compiled, config: Any):
        super().__init__()
        self.compiled, self.config = compiled, config
        self.dtype, self.device = torch.float32, torch.device("cpu")


class OpenClUNet(Component):
    """Stands for a ``UNet2DConditionModel``."""

    def forward(
        self,
        sample: torch.Tensor,
        timestep: Any,
        encoder_hidden_states: torch.Tensor,
        return_dict: bool = True,
        **unsupported: Any,
    ) -> Any:
        """sample (N, 4, h, w), timestep a number, encoder_hidden_states (N, T, C) → (N, 4, h, w)."""
        _refuse(unsupported)
        time = torch.as_tensor(timestep, dtype=torch.float32).reshape(1)
        out = self.compiled(
            sample=sample.float(), timestep=time, encoder_hidden_states=encoder_hidden_states.float()
        )
        return SimpleNamespace(sample=out) if return_dict else (out,)


class OpenClTextEncoder(Component):
    """Stands for a ``CLIPTextModel``; gives the last hidden states, which is what the pipeline reads."""

    def forward(self, input_ids: torch.Tensor, attention_mask: Any = None, **unsupported: Any) -> Any:
        """input_ids (N, T) → ((N, T, C),)."""
        _refuse({"attention_mask": attention_mask, **unsupported})
        return (self.compiled(input_ids=input_ids),)


class OpenClVae(Component):
    """Stands for an ``AutoencoderKL``'s decoder; nothing of the pipeline's from text to picture encodes."""

    def decode(self, latents: torch.Tensor, return_dict: bool = True, generator: Any = None) -> Any:
        """latents (N, 4, h, w) → (N, 3, 8h, 8w)."""
        picture = self.compiled(latents=latents.float())
        return SimpleNamespace(sample=picture) if return_dict else (picture,)


def exchange(pipeline: Any, compile_module: Callable[[torch.nn.Module], Compiled]) -> list[Compiled]:
    """Put our components in the place of the pipeline's text encoder, UNet and VAE; in that order they are returned."""
    text_encoder, unet, vae = pipeline.text_encoder, pipeline.unet, pipeline.vae
    compiled = [
        compile_module(module) for module in (TextEncoding(text_encoder), UNetCalling(unet), VaeDecoding(vae))
    ]
    pipeline.text_encoder = OpenClTextEncoder(compiled[0], text_encoder.config)
    pipeline.unet = OpenClUNet(compiled[1], unet.config)
    pipeline.vae = OpenClVae(compiled[2], vae.config)
    return compiled


def _refuse(unsupported: Mapping[str, Any]) -> None:
    """An argument that would change the result and that no network takes is an error, not ignored."""
    for name, value in unsupported.items():
        if value is not None and value is not False:
            raise ValueError(f"the OpenCL networks take no {name}")
