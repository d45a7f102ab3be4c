"""A graph on a device: weights uploaded, tensors in one arena, arguments set once, then only enqueued."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pyopencl as cl

from backends.contract import BackendError
from backends.opencl.choices import Choices
from backends.opencl.cores import core_of, is_nvidia
from backends.opencl.graph import DTYPES, Beside, Graph, View, Weight
from backends.opencl.launch import Launch
from backends.opencl.launches import launches
from backends.opencl.packing import packed
from backends.opencl.plan import ALIGNMENT, Plan, Sharing, lifetimes, planned
from backends.opencl.programs import Programs

_MEMORY_ERRORS = (
    "MEM_OBJECT_ALLOCATION_FAILURE",
    "OUT_OF_RESOURCES",
    "OUT_OF_HOST_MEMORY",
    "INVALID_BUFFER_SIZE",
)


@dataclass(frozen=True)
class KernelTime:
    """One kernel of one run, in nanoseconds of the device's own clock."""

    launch: Launch
    start_ns: int
    end_ns: int


class Engine:
    """One device with its context, queue and compiled kernels; the networks of a pipeline share it."""

    def __init__(self, device: Any):
        with reported(f"opening {device.name.strip()}"):
            self.device, self.core = device, core_of(device)
            self.context = cl.Context([device])
            self.queue = cl.CommandQueue(self.context, device)
        self.shares_memory = bool(device.type & cl.device_type.CPU)
        """Whether the device reads the host's arrays where they are."""
        self.sharing: Sharing = "objects" if is_nvidia(device) else "offsets"
        """How tensors share memory here. NVIDIA's driver takes four times as long to enqueue a kernel on parts of one
        buffer as on whole ones, and crashes when overlapping parts are released (seen on driver 580.159)."""
        self.programs = Programs(self.context, device)
        self.choices = Choices(device, self.core.name, self.core.settings)
        self.times: list[tuple[Any, Launch]] | None = None
        self._weights: dict[tuple[Any, ...], tuple[Weight | Beside, Any]] = {}

    def weight(self, weight: Weight | Beside, dtype: str) -> Any:
        """The buffer of a weight, packed and uploaded once for all networks that read it alike."""
        key = weight.identity, dtype
        if key not in self._weights:
            flags = cl.mem_flags
            place = flags.USE_HOST_PTR if self.shares_memory else flags.COPY_HOST_PTR
            buffer = cl.Buffer(self.context, flags.READ_ONLY | place, hostbuf=packed(weight, dtype))
            self._weights[key] = weight, buffer
        return self._weights[key][1]

    @property
    def weights_bytes(self) -> int:
        """What the weights of all networks take on the device, as their kernels read them: Winograd's filters transformed."""
        return sum(buffer.size for _, buffer in self._weights.values())

    @functools.cached_property
    def timed_queue(self) -> Any:
        """A queue that keeps every command's times, which on a GPU makes the gaps between kernels longer."""
        return cl.CommandQueue(
            self.context, self.device, properties=cl.command_queue_properties.PROFILING_ENABLE
        )

    def synchronize(self) -> None:
        """Return when the device has finished."""
        with reported("waiting for the device"):
            self.queue.finish()

    @contextmanager
    def profiled(self) -> Iterator[list[KernelTime]]:
        """While entered, every kernel's time is kept; the list is filled on leaving."""
        found: list[KernelTime] = []
        self.synchronize()
        quick, self.times = self.queue, []
        self.queue = self.timed_queue
        try:
            yield found
            self.synchronize()
            found += [
                KernelTime(launch, event.profile.start, event.profile.end) for event, launch in self.times
            ]
        finally:
            self.queue, self.times = quick, None


class Network:
    """A graph ready to run on an engine. ``reuse`` shares memory between tensors that do not live together."""

    def __init__(self, engine: Engine, graph: Graph, reuse: bool = True):
        self.engine, self.graph = engine, engine.choices.applied(engine.core.lay_out(graph))
        self.launches = launches(self.graph, engine.core.makers)
        self.plan: Plan = planned(lifetimes(self.graph), engine.sharing if reuse else "none")
        self._check_memory()
        with reported("allocating the network"):
            self._buffers = self._uploaded()
            self._place_tensors(reuse)
            self._kernels = [self._prepared(launch) for launch in self.launches]

    @property
    def weights_bytes(self) -> int:
        """What its weights take on the device, some of which other networks may read too."""
        return sum(self.graph.values[name].nbytes for name in self.graph.weights)

    @property
    def tensors_bytes(self) -> int:
        """What the intermediate tensors take on the device."""
        return self.plan.size

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run once. ``inputs`` by name, of the graph's shapes; the outputs are fp32, of the graph's shapes."""
        with reported("running the network"):
            for name, view in self.graph.inputs.items():
                value = self.graph.values[view.value]
                array = np.ascontiguousarray(inputs[name], DTYPES[value.dtype])
                if array.shape != view.shape:
                    raise ValueError(f"{name} has the shape {array.shape}; {view.shape} was expected")
                cl.enqueue_copy(self.engine.queue, self._buffers[name], array, is_blocking=False)
            self.enqueue()
            return [self._downloaded(view) for view in self.graph.outputs]

    def enqueue(self) -> None:
        """Every kernel once more, on the inputs of the last run; returns before they have run."""
        queue, times = self.engine.queue, self.engine.times
        for kernel, launch in zip(self._kernels, self.launches, strict=True):
            event = cl.enqueue_nd_range_kernel(queue, kernel, launch.global_size, launch.local_size)
            if times is not None:
                times.append((event, launch))

    def _uploaded(self) -> dict[str, Any]:
        values, flags = self.graph.values, cl.mem_flags
        buffers = {
            name: self.engine.weight(weight, values[name].dtype)
            for name, weight in self.graph.weights.items()
        }
        for view in self.graph.inputs.values():
            buffers[view.value] = cl.Buffer(self.engine.context, flags.READ_ONLY, values[view.value].nbytes)
        return buffers

    def _check_memory(self) -> None:
        """A processor's runtime promises any memory, and the system ends the process that uses it."""
        free = psutil.virtual_memory().available
        if self.engine.shares_memory and self.plan.size > free:
            raise BackendError(
                f"the device ran out of memory: the tensors of this network take {self.plan.size // 10**6:,} MB, and "
                f"{free // 10**6:,} MB are free; try a smaller size, fp16, or buffer_reuse"
            )

    def _place_tensors(self, reuse: bool) -> None:
        if reuse and self.engine.sharing == "offsets":
            return self._place_in_arena()
        # whole buffers: together they may be larger than any that a device gives
        context, flags = self.engine.context, cl.mem_flags.READ_WRITE
        sizes: dict[int, int] = {}
        for place in self.plan.places:
            sizes[place.offset] = max(place.tensor.size, sizes.get(place.offset, 0))
        objects = {offset: cl.Buffer(context, flags, size) for offset, size in sizes.items()}
        self._buffers |= {place.tensor.name: objects[place.offset] for place in self.plan.places}

    def _place_in_arena(self) -> None:
        alignment = self.engine.device.mem_base_addr_align // 8
        if ALIGNMENT % alignment:
            raise BackendError(
                f"{self.engine.device.name.strip()} aligns buffers to {alignment} bytes; {ALIGNMENT} are planned for"
            )
        arena = cl.Buffer(self.engine.context, cl.mem_flags.READ_WRITE, max(self.plan.size, ALIGNMENT))
        for place in self.plan.places:
            self._buffers[place.tensor.name] = arena.get_sub_region(place.offset, place.tensor.size)

    def _prepared(self, launch: Launch) -> Any:
        kernel = self.engine.programs.kernel(launch)
        numbers = (
            np.float32(number) if isinstance(number, float) else np.int32(number)
            for number in launch.numbers.values()
        )
        kernel.set_args(*(self._buffers[name] for name in launch.arguments), *numbers)
        return kernel

    def _downloaded(self, view: View) -> np.ndarray:
        value = self.graph.values[view.value]
        flat = np.empty(value.size, DTYPES[value.dtype])
        cl.enqueue_copy(self.engine.queue, flat, self._buffers[view.value], is_blocking=True)
        steps = tuple(step * flat.itemsize for step in view.strides)
        strided = np.lib.stride_tricks.as_strided(flat[view.offset :], view.shape, steps)
        return np.ascontiguousarray(strided, np.float32)


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """OpenCL's errors as BackendError: out of memory, a lost device, and the rest by their names."""
    try:
        yield
    except cl.Error as error:
        text = " ".join(str(error).split())[:300]
        if isinstance(error, cl.MemoryError) or any(name in text for name in _MEMORY_ERRORS):
            reason = f"the device ran out of memory ({text}); try a smaller size, fp16, or buffer_reuse"
        elif "DEVICE_NOT_AVAILABLE" in text:
            reason = f"the device is lost or cannot be used ({text})"
        else:
            reason = text
        raise BackendError(f"OpenCL failed while {doing}: {reason}") from error
