"""The core for NVIDIA's tensor cores against the reference in float64, its instructions played where there is no such GPU.

What is played keeps the layouts of the real instructions, and copies that nobody waited for have not happened: so the
indices of every kernel are checked here, and the order of its copies.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.opencl import devices, runtime
from backends.opencl.aten import channels_last
from backends.opencl.cores import tensor, tensor_tiles
from backends.opencl.cores.tensor_chip import Chip
from backends.opencl.graph import Graph, Operation, View
from backends.opencl.passes import SWITCHES, optimized, winograd

sys.path.insert(0, str(Path(__file__).parent))
import networks
from test_kernels import FEW, PRECISIONS, Case

pytestmark = pytest.mark.skipif(not devices.devices(), reason="there is no OpenCL device at all here")
MORE = settings(FEW, max_examples=12)
SMALL = 2
"""The tile of ``tensor_tiles.TILES`` that most tests take: the smallest, as playing a warp is slow."""


@pytest.fixture(scope="module")
def engine() -> runtime.Engine:
    return runtime.Engine(devices.find(None)[1])


def check(engine: Any, case: Case, out: Any, precision: str, tile: int = SMALL, **options: Any) -> None:
    tiles = {name: (several[tile],) for name, several in tensor_tiles.TILES.items()}
    engine.core = tensor.tensor_core(tensor.chip_of(engine.device), tiles)
    case.check(engine, out, precision, **options)


@pytest.mark.parametrize("tile", range(3))
@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_every_tile_multiplies_by_a_weight(engine: Any, precision: str, tile: int):
    case = Case(tile)
    left, right = case.random(1, 2, 137, 104), case.constant(torch.randn(1, 2, 104, 136))
    out = case.emit("matmul", (left, right), (1, 2, 137, 136), scale=0.5, extras=())
    check(engine, case, out, precision, tile)


@given(PRECISIONS, st.integers(1, 150), st.integers(1, 18), st.integers(1, 18), st.booleans(), st.booleans())
@MORE
def test_products_of_whole_chunks(
    engine: Any, precision: str, m: int, n: int, k: int, turned: bool, flat: bool
):
    case, n, k = Case(), n * 8, k * 8
    left = case.random(2, m, 2, k).permuted((0, 2, 1, 3))
    right = case.random(2, 2, n, k).permuted((0, 1, 3, 2)) if turned else case.random(2, 2, k, n)
    shape, strides = (2, 2, m, n), (2 * m * n, n, 2 * n, 1)
    bias = case.random(1, 1, m, 1) if flat else case.random(1, 1, 1, n)
    extras = bias.expanded(shape), case.random(*shape)
    out = case.emit("matmul", (left, right, *extras), shape, strides, scale=0.3, extras=("bias", "residual"))
    check(engine, case, out, precision)


@given(PRECISIONS, *[st.integers(1, 70)] * 3)
@MORE
def test_products_of_any_width_and_depth(engine: Any, precision: str, m: int, n: int, k: int):
    case = Case()
    left, right = case.random(1, 1, k, m).permuted((0, 1, 3, 2)), case.random(1, 1, k, n)
    out = case.emit("matmul", (left, right), (1, 1, m, n), scale=1.0, extras=())
    check(engine, case, out, precision)


@given(PRECISIONS, st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
@MORE
def test_the_partially_fused_softmax(engine: Any, precision: str, rows: int, keys: int, width: int):
    case = Case()
    keys, width = keys // 8 * 8 + 8, width // 8 * 8 + 8
    scores, values = case.random(1, 2, rows, keys), case.random(1, 2, keys, width)
    statistics = case.emit("softmax_statistics", (scores,), (1, 2, rows, 2))
    inputs = (scores, values, statistics)
    out = case.emit("matmul", inputs, (1, 2, rows, width), scale=1.0, extras=("statistics",))
    check(engine, case, out, precision)


@pytest.mark.parametrize("depth", [8192, 8216])
def test_deep_sums_of_floats_do_not_shrink(engine: Any, depth: int):
    """Tensor cores cut off what a sum cannot hold: in one sum these would lose 6e-5 of themselves."""
    case = Case()
    left, right = case.random(1, 1, 20, depth), case.constant(torch.randn(1, 1, depth, 24))
    out = case.emit("matmul", (left, right), (1, 1, 20, 24), scale=1.0, extras=())
    engine.core = tensor.tensor_core(tensor.chip_of(engine.device), splits=(1,))
    case.check(engine, out, "fp32", 3e-6)


@given(
    PRECISIONS,
    st.tuples(st.sampled_from([4, 8, 24, 40]), st.sampled_from([3, 8, 72]), *[st.integers(3, 11)] * 2),
    st.sampled_from([(3, 1, 1, 1), (3, 2, 1, 1), (1, 2, 0, 1), (3, 1, 1, 2), (3, 2, 0, 1)]),
)
@MORE
def test_convolutions(engine: Any, precision: str, sizes: Any, form: tuple[int, int, int, int]):
    case, (channels, features, height, width) = Case(), sizes
    kernel, stride, padding, upsample = form
    x, weight = (
        case.image(2, channels, height, width),
        case.constant(torch.randn(kernel, kernel, channels, features)),
    )
    out_size = [(length * upsample + 2 * padding - kernel) // stride + 1 for length in (height, width)]
    shape = (2, features, *out_size)
    extra = case.random(2, features, 1, 1).expanded(shape)
    attributes: Any = {"kernel": kernel, "stride": stride, "padding": padding, "upsample": upsample}
    out = case.emit(
        "conv2d", (x, weight, extra), shape, channels_last(shape), extras=("residual",), **attributes
    )
    check(engine, case, out, precision)


@pytest.mark.parametrize(
    ("precision", "width", "units"),
    [("fp16", 40, 1), ("fp16", 40, 99), ("fp16", 80, 1), ("fp16", 160, 1), ("fp32", 40, 1), ("fp32", 160, 1)],
)
def test_flash_attention(engine: Any, precision: str, width: int, units: int):
    case, tokens, keys = Case(), 137, 77 if units == 1 else 128
    inputs = [case.random(2, length, 3, width).permuted((0, 2, 1, 3)) for length in (tokens, keys, keys)]
    strides = (tokens * 3 * width, width, 3 * width, 1)
    out = case.emit("flash_attention", tuple(inputs), (2, 3, tokens, width), strides, scale=width**-0.5)
    engine.core = tensor.tensor_core(replace(tensor.chip_of(engine.device), units=units))
    case.check(engine, out, precision)


@pytest.mark.parametrize(
    ("width", "tokens", "units", "size"),
    [(40, 256, 1, 1.0), (40, 300, 99, 1.0), (80, 260, 1, 3e-9), (160, 257, 1, 2e6), (8, 270, 1, 0.0)],
)
def test_attention_of_floats_in_halves(engine: Any, width: int, tokens: int, units: int, size: float):
    case = Case()
    # queries and keys of one result, as a product for all three leaves them; the values' size is nothing that halves can say
    both = case.random(2, tokens, 2, 2, width)
    held = case.random(2, tokens, 2, width).permuted((0, 2, 1, 3))
    case.tensors["input_1"] *= size
    each = [both.sliced(2, which, 1) for which in (0, 1)]
    inputs = [
        View(
            view.value, (2, 2, tokens, width), tuple(view.strides[axis] for axis in (0, 3, 1, 4)), view.offset
        )
        for view in each
    ]
    strides = (tokens * 2 * width, width, 2 * width, 1)
    shape = (2, 2, tokens, width)
    out = case.emit("flash_attention", (*inputs, held), shape, strides, scale=width**-0.5)
    engine.core = tensor.tensor_core(replace(tensor.chip_of(engine.device), units=units))
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    kinds = [operation.kind for operation in engine.core.lay_out(graph).operations]
    assert kinds == ["magnitudes", "halves", "halves_attention"]
    if size:
        return case.check(engine, out, "fp32")
    (got,) = runtime.Network(engine, graph)({name: x.numpy() for name, x in case.tensors.items()})
    assert not got.any()


@given(PRECISIONS, st.integers(1, 150), st.integers(1, 150), st.sampled_from([5, 32]), st.booleans())
@MORE
def test_flash_attention_of_any_length(
    engine: Any, precision: str, tokens: int, keys: int, width: int, masked: bool
):
    case = Case()
    inputs = [case.random(2, 1, length, width) for length in (tokens, keys, keys)]
    if masked:
        inputs.append(case.random(1, 1, tokens, keys).expanded((2, 1, tokens, keys)))
    out = case.emit("flash_attention", tuple(inputs), (2, 1, tokens, width), scale=width**-0.5)
    check(engine, case, out, precision)


@given(PRECISIONS, st.integers(1, 4), st.integers(1, 9), st.integers(1, 90), st.booleans(), st.booleans())
@MORE
def test_group_norms(
    engine: Any, precision: str, groups: int, each: int, pixels: int, last: bool, silu: bool
):
    case, channels = Case(), groups * each
    x = case.random(2, pixels, channels).permuted((0, 2, 1)) if last else case.random(2, channels, pixels)
    inputs = (x, case.random(channels), case.random(channels))
    epsilon = 1e-5 if each * pixels > 1 else 1.0
    attributes: Any = {"groups": groups, "epsilon": epsilon, "silu": silu}
    check(engine, case, case.emit("group_norm", inputs, x.shape, x.strides, **attributes), precision)


@given(
    PRECISIONS,
    st.sampled_from([(2, 16), (16, 2), (32, 40), (1, 96)]),
    st.integers(1, 90),
    st.integers(1, 9),
    st.booleans(),
)
@MORE
def test_group_norms_in_slices(
    engine: Any, precision: str, form: tuple[int, int], pixels: int, wanted: int, silu: bool
):
    case, (groups, each) = Case(), form
    channels = groups * each
    x = case.random(2, pixels, channels).permuted((0, 2, 1))
    case.tensors["input_0"] += 5.0
    slices = -(-pixels // -(-pixels // min(wanted, pixels)))
    shape = (2, slices, groups, 2)
    statistics = case.emit("group_statistics", (x,), shape, groups=groups, slices=slices)
    inputs = (x, statistics, case.random(channels), case.random(channels))
    attributes: Any = {"groups": groups, "epsilon": 1e-5 if each * pixels > 2 else 1.0, "silu": silu}
    check(engine, case, case.emit("group_apply", inputs, x.shape, x.strides, **attributes), precision)


@pytest.mark.parametrize("pixels", [500, 521])
def test_a_group_norm_of_many_pixels_is_sliced(engine: Any, pixels: int):
    case, channels = Case(), 64
    x = case.random(2, pixels, channels).permuted((0, 2, 1))
    inputs = (x, case.random(channels), case.random(channels))
    attributes: Any = {"groups": 2, "epsilon": 1e-5, "silu": True}
    out = case.emit("group_norm", inputs, x.shape, x.strides, **attributes)
    engine.core = tensor.tensor_core(replace(tensor.chip_of(engine.device), units=99))
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    kinds = [operation.kind for operation in engine.core.lay_out(graph).operations]
    assert kinds == (["group_norm"] if pixels == 500 else ["group_statistics", "group_apply"])
    case.check(engine, out, "fp32")


@given(PRECISIONS, st.integers(1, 9), st.integers(2, 300))
@MORE
def test_layer_norms(engine: Any, precision: str, rows: int, width: int):
    case = Case()
    inputs = (case.random(rows, width), case.random(width), case.random(width))
    check(engine, case, case.emit("layer_norm", inputs, (rows, width), epsilon=1e-5), precision)


@given(PRECISIONS, st.integers(1, 6), st.integers(1, 6), st.sampled_from([3, 8, 20]), st.integers(1, 3))
@MORE
def test_elementwise_steps(engine: Any, precision: str, a: int, b: int, c: int, axis: int):
    case = Case()
    first = case.random(b, a, c).permuted((1, 0, 2))
    second = case.random(a, b, 2 * c).sliced(2, c, c)
    shape = [a, b, c]
    shape[axis - 1] = 1
    third = case.random(*shape).expanded((a, b, c))
    attributes: Any = {"expression": "affine", "scalars": ()}
    check(engine, case, case.emit("elementwise", (first, second, third), (a, b, c), **attributes), precision)


@given(PRECISIONS, st.integers(1, 90), st.integers(1, 10), st.integers(1, 12), st.booleans(), st.booleans())
@MORE
def test_products_and_the_geglu_behind_them(
    engine: Any, precision: str, m: int, eighths: int, k: int, biased: bool, scattered: bool
):
    case = Case()
    out = case.gated(m, 8 * k + scattered, 8 * eighths, biased)
    engine.core = tensor.core(engine.device)
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    assert [item.kind for item in engine.core.lay_out(graph).operations] == ["gated_matmul"]
    check(engine, case, out, precision)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_products_of_the_same_rows_are_one(engine: Any, precision: str):
    case, m = Case(), 70
    left, columns = case.random(1, 1, m, 40), (24, 8, 40)
    outs = []
    for n in columns:
        bias = case.constant(torch.randn(n)).reshaped((1, 1, 1, n))
        assert bias is not None
        inputs = (left, case.constant(torch.randn(1, 1, 40, n)), bias.expanded((1, 1, m, n)))
        outs.append(case.emit("matmul", inputs, (1, 1, m, n), scale=1.0, extras=("bias",)))
    heads = outs[2].reshaped((2, 35, 5, 8))
    assert heads is not None
    views = (heads.permuted((0, 2, 1, 3)), outs[0].sliced(3, 16, 8).expanded((2, 5, 70, 8)).sliced(2, 0, 35))
    out = case.emit("elementwise", views, (2, 5, 35, 8), expression="mul", scalars=())
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    engine.core = tensor.core(engine.device)
    assert [item.kind for item in engine.core.lay_out(graph).operations] == ["matmul", "elementwise"]
    case.check(engine, out, precision)


@pytest.mark.parametrize(("precision", "kind"), [("fp16", "matmul"), ("fp32", "conv2d")])
def test_deep_and_small_products_are_split(engine: Any, precision: str, kind: str):
    case = Case()
    if kind == "matmul":
        left, right = case.random(1, 1, 20, 1032), case.constant(torch.randn(1, 1, 1032, 10))
        extras = (case.random(1, 1, 20, 10),)
        out = case.emit("matmul", (left, right, *extras), (1, 1, 20, 10), scale=0.5, extras=("residual",))
    else:
        shape = (2, 9, 4, 3)
        left, right = case.image(2, 136, 4, 3), case.constant(torch.randn(3, 3, 136, 9))
        extras = (case.random(9).reshaped((1, 9, 1, 1)), case.image(*shape))
        inputs = (left, right, *(extra.expanded(shape) for extra in extras if extra))
        attributes: Any = {
            "kernel": 3,
            "stride": 1,
            "padding": 1,
            "upsample": 1,
            "extras": ("bias", "residual"),
        }
        out = case.emit("conv2d", inputs, shape, channels_last(shape), **attributes)
    chip = replace(tensor.chip_of(engine.device), units=99)
    engine.core = tensor.tensor_core(chip)
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    kinds = [operation.kind for operation in engine.core.lay_out(graph).operations]
    assert kinds == [f"split_{kind}", "join_slices"]
    case.check(engine, out, precision)


@pytest.mark.parametrize(
    ("precision", "tile", "upsample", "channels", "features"),
    [("fp32", 4, 1, 40, 48), ("fp16", 2, 2, 40, 48), ("fp16", 2, 1, 40, 33), ("fp32", 4, 1, 35, 48)],
)
def test_winograd(engine: Any, precision: str, tile: int, upsample: int, channels: int, features: int):
    case = Case()
    x, weight = case.image(2, channels, 9, 14), case.constant(torch.randn(3, 3, channels, features))
    shape = (2, features, 9 * upsample, 14 * upsample)
    attributes: Any = {"kernel": 3, "stride": 1, "padding": 1, "upsample": upsample, "extras": ("residual",)}
    inputs = (x, weight, case.image(*shape))
    out = case.emit("conv2d", inputs, shape, channels_last(shape), **attributes)
    graph = Graph(case.values, case.views, (out,), tuple(case.operations), case.weights)
    changed = winograd.apply(graph, True, tile, lambda operation, largest: largest)
    case.values, case.weights = dict(changed.values), dict(changed.weights)
    case.operations = list(changed.operations)
    check(engine, case, out, precision)


def test_winograd_is_taken_where_the_estimate_says_it_gains():
    """Many channels and pixels gain in fp32; an image of few tiles, and a stride of 2, do not."""
    chip = Chip(True, 132)

    def chosen(channels: int, pixels: int, stride: int = 1) -> int | None:
        shape = (2, channels, pixels // stride, pixels // stride)
        views = [
            View("x", (2, channels, pixels, pixels), (0,) * 4),
            View("w", (3, 3, channels, channels), (0,) * 4),
        ]
        attributes = {"kernel": 3, "stride": stride, "padding": 1, "upsample": 1, "extras": ()}
        operation = Operation("conv2d", tuple(views), View("out", shape, (0,) * 4), attributes)
        return tensor_tiles.winograd_tile(operation, 4, "fp32", chip)

    assert chosen(640, 64) == 4
    assert chosen(1280, 8) is None
    assert chosen(640, 64, stride=2) is None


def test_a_deep_product_of_few_tiles_is_split_and_a_wide_one_is_not():
    chip = Chip(True, 132)

    def slices(m: int, n: int, k: int) -> int:
        sizes = tensor_tiles.Sizes(m, n, k, 1, "fp16")
        return tensor_tiles.chosen(sizes, tensor_tiles.TILES, chip, tensor_tiles.SPLITS)[1]

    assert slices(128, 1280, 11520) > 1
    assert slices(8192, 2560, 320) == 1


@pytest.mark.parametrize(("precision", "on"), [("fp32", True), ("fp16", True), ("fp32", False)])
def test_a_whole_unet(engine: Any, precision: str, on: bool):
    graph, inputs, wanted = networks.captured("small", 8)
    engine.core = tensor.core(engine.device)
    switches: dict[str, bool] = dict.fromkeys(SWITCHES, on)
    core = engine.core
    graph = optimized(graph, switches, precision, core.attends, core.winograd_tile)
    (got,) = runtime.Network(engine, graph)({name: tensor.numpy() for name, tensor in inputs.items()})
    assert networks.relative_error(torch.from_numpy(got), wanted) <= {"fp32": 1e-4, "fp16": 2e-2}[precision]
