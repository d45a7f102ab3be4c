"""Which backends there are, what each can be asked for, and where its factory is.

Everything here is data: nothing is imported until :func:`factory` is called in a worker process. A new backend is a
new package and one entry of ``BACKENDS``; a new optimization is a new file and one entry of its backend.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Optimization:
    """One switch or ratio. ``module`` has the code that applies it; ``gain`` and ``cost`` are a sentence each."""

    name: str
    module: str
    title: str
    gain: str
    cost: str
    source: str
    default: bool = False
    ratio: tuple[float, float, float] | None = None
    """For a ratio: lowest, highest, and the value of a bare ``+name``. None for a switch."""
    precisions: tuple[str, ...] | None = None
    """The precisions at which it exists; None means all."""

    @property
    def off(self) -> bool | float:
        return 0.0 if self.ratio else False

    @property
    def default_value(self) -> bool | float:
        return self.off if self.ratio else self.default

    def exists_at(self, precision: str) -> bool:
        return self.precisions is None or precision in self.precisions


@dataclass(frozen=True)
class Backend:
    """A backend's name, its factory as ``module:function``, its precisions (the first is the default), its options."""

    name: str
    title: str
    factory: str
    devices: str
    """``module:function`` that lists its devices as :class:`backends.devices.Device`."""
    precisions: tuple[str, ...]
    optimizations: tuple[Optimization, ...]
    tuner: str | None = None
    """``module:function`` that measures which tile sizes are fastest; None where a backend leaves none to choose."""

    def optimization(self, name: str) -> Optimization:
        return next(item for item in self.optimizations if item.name == name)


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(
            name="pytorch",
            title="PyTorch",
            factory="backends.pytorch.backend:load",
            devices="backends.pytorch.devices:devices",
            precisions=("fp32", "bf16", "fp16"),
            optimizations=(
                Optimization(
                    name="sdpa",
                    module="backends.pytorch.sdpa",
                    title="Fused attention",
                    gain="Computes attention in one fused kernel that never writes the softmax matrix.",
                    cost="None known; off materialises the softmax as PyTorch ran it in 2023.",
                    source="https://arxiv.org/abs/2205.14135",
                    default=True,
                ),
                Optimization(
                    name="channels_last",
                    module="backends.pytorch.channels_last",
                    title="Channels last",
                    gain="Stores feature maps with their channels innermost, the layout fast convolutions read.",
                    cost="Layers without such a kernel copy their input into the other layout and back.",
                    source="https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html",
                ),
                Optimization(
                    name="compile",
                    module="backends.pytorch.compile",
                    title="torch.compile",
                    gain="Compiles the UNet and fuses its elementwise operations.",
                    cost="The first run of every new size compiles, which takes a minute or more and a C++ compiler.",
                    source="https://docs.pytorch.org/docs/stable/generated/torch.compile.html",
                ),
                Optimization(
                    name="tome",
                    module="backends.pytorch.tome",
                    title="Token merging",
                    gain="Merges tokens that look alike before self-attention, which then computes fewer.",
                    cost="Changes the picture: fine detail goes first, and more of it the higher the ratio.",
                    source="https://arxiv.org/abs/2303.17604",
                    ratio=(0.0, 0.75, 0.4),
                ),
            ),
        ),
        Backend(
            name="openvino",
            title="OpenVINO",
            factory="backends.openvino.backend:load",
            devices="backends.openvino.devices:devices",
            precisions=("fp32", "bf16", "int8"),
            optimizations=(
                Optimization(
                    name="tome",
                    module="backends.openvino.conversion",
                    title="Token merging",
                    gain="Merges tokens that look alike before self-attention, which then computes fewer of them.",
                    cost="Fine detail is lost as the ratio grows; every picture size is converted on its own.",
                    source="https://arxiv.org/abs/2303.17604",
                    ratio=(0.0, 0.75, 0.4),
                ),
                Optimization(
                    name="winograd",
                    module="backends.openvino.winograd",
                    title="Winograd convolutions",
                    gain="Computes four results of a 3×3 convolution with 18 products instead of 36, where channels are many.",
                    cost="These convolutions' weights take twice their memory, and that much more of the disk.",
                    source="https://arxiv.org/abs/1509.09308",
                    default=True,
                    precisions=("fp32",),
                ),
                Optimization(
                    name="polyphase",
                    module="backends.openvino.polyphase",
                    title="Polyphase upsampling",
                    gain="Convolves before it upsamples: four 2×2 kernels have 16 products where one of 3×3 has 36.",
                    cost="These kernels take 16/9 of their memory, and that much more of the disk.",
                    source="https://arxiv.org/abs/1609.07009",
                    default=True,
                    precisions=("fp32", "bf16"),
                ),
                Optimization(
                    name="qat",
                    module="backends.openvino.trained",
                    title="Trained quantization",
                    gain="Takes the 8 bits that the model was trained to keep, where it ships them.",
                    cost="Nothing at run time; a model that ships none is quantized after training, as when it is off.",
                    source="https://arxiv.org/abs/1902.08153",
                    default=True,
                    precisions=("int8",),
                ),
            ),
        ),
        Backend(
            name="opencl",
            title="OpenCL",
            factory="backends.opencl.backend:load",
            devices="backends.opencl.devices:devices",
            precisions=("fp32", "fp16"),
            tuner="backends.opencl.tuner:tune",
            optimizations=(
                Optimization(
                    name="group_norm",
                    module="backends.opencl.passes.group_norm",
                    title="Fused group norm",
                    gain="Computes mean, variance, normalization and the SiLU behind it in one kernel.",
                    cost="None known; off runs every step as a kernel with its own tensor.",
                    source="https://arxiv.org/abs/2304.11267",
                    default=True,
                ),
                Optimization(
                    name="gelu",
                    module="backends.opencl.passes.gelu",
                    title="Fused GELU",
                    gain="Computes the GELU and the product of GEGLU in one kernel.",
                    cost="None known; off runs every step as a kernel with its own tensor.",
                    source="https://arxiv.org/abs/2304.11267",
                    default=True,
                ),
                Optimization(
                    name="softmax",
                    module="backends.opencl.passes.softmax",
                    title="Partially fused softmax",
                    gain="Reduces maxima and sums first and applies them while the next product reads.",
                    cost="Computes exponentials again for every tile of that product's columns.",
                    source="https://arxiv.org/abs/2304.11267",
                    default=True,
                ),
                Optimization(
                    name="flash_attention",
                    module="backends.opencl.passes.flash_attention",
                    title="FlashAttention",
                    gain="Computes attention in tiles and never writes its scores; chosen for small heads and long rows.",
                    cost="Needs many registers, so that large heads are left to the partially fused softmax.",
                    source="https://arxiv.org/abs/2205.14135",
                    default=True,
                ),
                Optimization(
                    name="winograd",
                    module="backends.opencl.passes.winograd",
                    title="Winograd convolution",
                    gain="Computes 3×3 convolutions with a quarter of the multiplications.",
                    cost="Takes more memory for transformed inputs and weights, and rounds a little more.",
                    source="https://arxiv.org/abs/1509.09308",
                    default=True,
                ),
                Optimization(
                    name="buffer_reuse",
                    module="backends.opencl.plan",
                    title="Buffer reuse",
                    gain="Lays tensors that do not live together into the same memory.",
                    cost="None known; off gives every tensor memory of its own.",
                    source="https://arxiv.org/abs/2001.03288",
                    default=True,
                ),
                Optimization(
                    name="tome",
                    module="backends.opencl.tome",
                    title="Token merging",
                    gain="Merges tokens that look alike before self-attention, which then computes fewer of them.",
                    cost="Changes the picture: fine detail goes first, and more of it the higher the ratio.",
                    source="https://arxiv.org/abs/2303.17604",
                    ratio=(0.0, 0.75, 0.4),
                ),
            ),
        ),
    )
}


def factory(name: str) -> Callable[..., Any]:
    """Import and return the factory of a backend; see :mod:`backends.staged` for its signature."""
    return imported(BACKENDS[name].factory)


def imported(path: str) -> Any:
    """Import ``module:attribute`` when it is needed, so that a process holds only what it runs."""
    module, attribute = path.split(":")
    return getattr(importlib.import_module(module), attribute)
