"""Each kernel against the reference in float64, on random shapes, odd sizes and remainders included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyopencl as cl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.contract import BackendError
from backends.opencl import devices, runtime
from backends.opencl.aten import channels_last
from backends.opencl.builder import Builder
from backends.opencl.graph import Graph, View
from backends.opencl.passes import precision as precisions
from backends.opencl.passes import winograd

sys.path.insert(0, str(Path(__file__).parent))
import networks
import reference

TOLERANCE = {"fp32": 1e-5, "fp16": 5e-3}
FEW = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
    derandomize=True,
)
PRECISIONS = st.sampled_from(["fp32", "fp16"])
pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")


@pytest.fixture(scope="module")
def engine() -> runtime.Engine:
    return runtime.Engine(devices.find(None)[1])


class Case(Builder):
    """A graph of a few operations with random inputs."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors: dict[str, torch.Tensor] = {}
        self.views: dict[str, View] = {}

    def random(self, *shape: int) -> View:
        name = f"input_{len(self.tensors)}"
        self.tensors[name] = torch.randn(shape, generator=self.generator)
        self.views[name] = self.input(name, shape, "fp32")
        return self.views[name]

    def image(self, n: int, channels: int, height: int, width: int) -> View:
        """Channels last."""
        return self.random(n, height, width, channels).permuted((0, 3, 1, 2))

    def gated(self, m: int, k: int, half: int, biased: bool, scale: float = 0.5) -> View:
        """A GEGLU (1, 1, m, half) of the halves of a weight's product with a matrix (m, k)."""
        shape, extras = (1, 1, m, 2 * half), ()
        left, weight = self.random(1, 1, m, k), self.constant(torch.randn(1, 1, k, 2 * half))
        if biased:
            extras = (self.constant(torch.randn(2 * half)).expanded(shape),)
        attributes: Any = {"scale": scale, "extras": ("bias",) * len(extras)}
        product = self.emit("matmul", (left, weight, *extras), shape, **attributes)
        halves = tuple(product.sliced(3, start, half) for start in (0, half))
        return self.emit("elementwise", halves, (1, 1, m, half), expression="geglu", scalars=())

    def check(
        self, engine: runtime.Engine, output: View, precision: str, tolerance: float | None = None
    ) -> None:
        graph = Graph(self.values, self.views, (output,), tuple(self.operations), self.weights)
        (wanted,) = reference.run(graph, self.tensors)
        network = runtime.Network(engine, precisions.apply(graph, precision))
        (got,) = network({name: tensor.numpy() for name, tensor in self.tensors.items()})
        error = networks.relative_error(torch.from_numpy(got), wanted)
        assert error <= (tolerance or TOLERANCE[precision])


@given(PRECISIONS, *[st.integers(1, 150)] * 3, st.integers(1, 3), st.booleans())
@FEW
def test_matrix_products(engine: Any, precision: str, m: int, n: int, k: int, batch: int, turned: bool):
    case = Case()
    left = case.random(batch, m, 2, k).permuted((0, 2, 1, 3))
    right = case.random(batch, 2, n, k).permuted((0, 1, 3, 2)) if turned else case.random(batch, 2, k, n)
    extras = case.random(1, 1, 1, n).expanded((batch, 2, m, n)), case.random(batch, 2, m, n)
    shape, strides = (batch, 2, m, n), (2 * m * n, n, 2 * n, 1)
    out = case.emit("matmul", (left, right, *extras), shape, strides, scale=0.3, extras=("bias", "residual"))
    case.check(engine, out, precision)


@given(PRECISIONS, st.integers(1, 150), st.integers(1, 150), st.sampled_from([32, 40, 96]), st.booleans())
@FEW
def test_geglu_behind_a_product(engine: Any, precision: str, m: int, k: int, half: int, biased: bool):
    case = Case()
    case.check(engine, case.gated(m, k, half, biased, scale=k**-0.5), precision)


@given(
    PRECISIONS,
    st.tuples(*[st.integers(1, 40)] * 2, *[st.integers(3, 13)] * 2),
    st.sampled_from([(3, 1, 1, 1), (3, 2, 1, 1), (1, 1, 0, 1), (3, 1, 1, 2), (3, 2, 0, 1)]),
)
@FEW
def test_convolutions(engine: Any, precision: str, sizes: Any, form: tuple[int, int, int, int]):
    case, (channels, features, height, width) = Case(), sizes
    kernel, stride, padding, upsample = form
    x, weight = case.image(2, channels, height, width), case.random(kernel, kernel, channels, features)
    out_size = [(length * upsample + 2 * padding - kernel) // stride + 1 for length in (height, width)]
    shape = (2, features, *out_size)
    extra = case.random(2, features, 1, 1).expanded(shape)
    attributes: Any = {"kernel": kernel, "stride": stride, "padding": padding, "upsample": upsample}
    out = case.emit(
        "conv2d", (x, weight, extra), shape, channels_last(shape), extras=("residual",), **attributes
    )
    case.check(engine, out, precision)


@given(PRECISIONS, st.integers(1, 4), st.integers(1, 9), st.integers(1, 90), st.booleans(), st.booleans())
@FEW
def test_group_norms(
    engine: Any, precision: str, groups: int, each: int, pixels: int, last: bool, silu: bool
):
    case, channels = Case(), groups * each
    x = case.random(2, pixels, channels).permuted((0, 2, 1)) if last else case.random(2, channels, pixels)
    inputs = (x, case.random(channels), case.random(channels))
    out = case.emit(
        "group_norm",
        inputs,
        x.shape,
        x.strides,
        groups=groups,
        epsilon=1e-5 if each * pixels > 1 else 1.0,
        silu=silu,
    )
    case.check(engine, out, precision)


@given(PRECISIONS, st.integers(1, 9), st.integers(2, 200))
@FEW
def test_layer_norms(engine: Any, precision: str, rows: int, width: int):
    case = Case()
    inputs = (case.random(rows, width), case.random(width), case.random(width))
    case.check(engine, case.emit("layer_norm", inputs, (rows, width), epsilon=1e-5), precision)


@given(st.sampled_from(["mean", "sum", "max", "variance"]), *[st.integers(1, 12)] * 4)
@FEW
def test_reductions(engine: Any, function: str, a: int, b: int, c: int, d: int):
    case = Case()
    x = case.random(a, c, b, d).permuted((0, 2, 1, 3))
    inputs = (x,)
    if function == "variance":
        inputs = (x, case.emit("reduce", (x,), (a, b), function="mean"))
    case.check(engine, case.emit("reduce", inputs, (a, b), function=function), "fp32")


@given(PRECISIONS, *[st.integers(1, 90)] * 3)
@FEW
def test_the_partially_fused_softmax(engine: Any, precision: str, rows: int, keys: int, width: int):
    case = Case()
    scores, values = case.random(1, 2, rows, keys), case.random(1, 2, keys, width)
    statistics = case.emit("softmax_statistics", (scores,), (1, 2, rows, 2))
    inputs = (scores, values, statistics)
    out = case.emit("matmul", inputs, (1, 2, rows, width), scale=1.0, extras=("statistics",))
    case.check(engine, out, precision)


@given(PRECISIONS, st.integers(1, 70), st.integers(1, 70), st.sampled_from([5, 32, 40, 64]), st.booleans())
@FEW
def test_flash_attention(engine: Any, precision: str, tokens: int, keys: int, width: int, masked: bool):
    case = Case()
    inputs = [case.random(2, length, 3, width).permuted((0, 2, 1, 3)) for length in (tokens, keys, keys)]
    if masked:
        inputs.append(case.random(1, 1, tokens, keys).expanded((2, 3, tokens, keys)))
    out = case.emit("flash_attention", tuple(inputs), (2, 3, tokens, width), scale=width**-0.5)
    case.check(engine, out, precision)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("levels", [(0.0, 400.0, -400.0), (-400.0, 0.0, 400.0), (400.0, -400.0, 0.0)])
def test_flash_attention_of_keys_whose_scores_lie_far_apart(
    engine: Any, levels: tuple[float, ...], masked: bool
):
    """The first channel lifts the scores of every third of the keys by a level, or the mask does."""
    case, keys = Case(), 333
    query, key, value = (case.random(1, 2, length, 8) for length in (70, keys, keys))
    lifts = torch.tensor(levels).repeat_interleave(keys // 3)
    inputs = [query, key, value]
    if masked:
        inputs.append(case.random(1, 1, 70, keys).expanded((1, 2, 70, keys)))
        case.tensors["input_3"] += lifts
    else:
        case.tensors["input_0"][..., 0] = 1.0
        case.tensors["input_1"][..., 0] = lifts
    case.check(engine, case.emit("flash_attention", tuple(inputs), (1, 2, 70, 8), scale=1.0), "fp32", 1e-4)


@pytest.mark.parametrize("expression", sorted(reference.ELEMENTWISE))
def test_elementwise_expressions(engine: Any, expression: str):
    case = Case()
    count = reference.ELEMENTWISE[expression].__code__.co_argcount - 1
    inputs = [case.random(3, 5, 7).permuted((2, 0, 1)), case.random(7, 1, 5).expanded((7, 3, 5))]
    inputs.append(case.random(1, 1, 5).expanded((7, 3, 5)))
    positive = ("input_0", "input_1", "input_2") if expression == "sqrt" else ("input_1", "input_2")
    for name in positive:  # denominators and variances
        case.tensors[name] = case.tensors[name].abs() + 0.5
    out = case.emit(
        "elementwise", tuple(inputs[:count]), (7, 3, 5), (1, 35, 7), expression=expression, scalars=(1.7,)
    )
    case.check(engine, out, "fp32")


@pytest.mark.parametrize(
    ("precision", "tile", "upsample"), [("fp32", 2, 1), ("fp32", 4, 1), ("fp32", 4, 2), ("fp16", 2, 1)]
)
def test_winograd(engine: Any, precision: str, tile: int, upsample: int):
    case = Case()
    x, weight = case.image(2, 33, 9, 14), case.constant(torch.randn(3, 3, 33, 35))
    shape = (2, 35, 9 * upsample, 14 * upsample)
    extra = case.image(*shape)
    attributes = {"kernel": 3, "stride": 1, "padding": 1, "upsample": upsample, "extras": ("residual",)}
    out = case.emit("conv2d", (x, weight, extra), shape, channels_last(shape), **attributes)
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    changed = winograd.apply(graph, True, tile)
    case.values, case.weights = dict(changed.values), dict(changed.weights)
    case.operations = list(changed.operations)
    case.check(engine, out, precision)


def test_a_build_failure_shows_the_log_and_the_module(engine: Any, monkeypatch: pytest.MonkeyPatch):
    from backends.opencl import launches

    monkeypatch.setitem(launches.EXPRESSIONS, "neg", "-undeclared_name")
    case = Case()
    case.module = "block.act"
    out = case.emit("elementwise", (case.random(4),), (4,), expression="neg", scalars=())
    with pytest.raises(BackendError, match=r"block\.act.*undeclared_name"):
        case.check(engine, out, "fp32")


def test_a_tensor_larger_than_the_device_is_an_error_that_says_so(engine: Any):
    case = Case()
    x = case.random(1).expanded((2**42,))
    out = case.emit("elementwise", (x,), (2**42,), expression="copy", scalars=())
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    with pytest.raises(BackendError, match="ran out of memory"):
        runtime.Network(engine, graph)


@pytest.mark.parametrize(
    ("status", "says"),
    [("DEVICE_NOT_AVAILABLE", "the device is lost"), ("MEM_OBJECT_ALLOCATION_FAILURE", "ran out of memory")],
)
def test_what_fails_while_a_network_runs_is_an_error_that_says_why(
    engine: Any, monkeypatch: pytest.MonkeyPatch, status: str, says: str
):
    case = Case()
    out = case.emit("elementwise", (case.random(4),), (4,), expression="neg", scalars=())
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    network = runtime.Network(engine, graph)
    inputs = {name: tensor.numpy() for name, tensor in case.tensors.items()}

    def fails(*_: Any) -> None:
        raise cl.RuntimeError(f"clEnqueueNDRangeKernel failed: {status}")

    with monkeypatch.context() as patched:
        patched.setattr(cl, "enqueue_nd_range_kernel", fails)
        with pytest.raises(BackendError, match=f"while running the network: .*{says}"):
            network(inputs)
    assert networks.relative_error(torch.from_numpy(network(inputs)[0]), -case.tensors["input_0"]) == 0


def test_attention_over_many_keys_that_lie_among_other_heads(engine: Any):
    case = Case()
    inputs = [case.random(1, length, 2, 24).permuted((0, 2, 1, 3)) for length in (50, 300, 300)]
    out = case.emit("flash_attention", tuple(inputs), (1, 2, 50, 24), scale=0.2)
    case.check(engine, out, "fp32")
    case.check(engine, out, "fp16")
