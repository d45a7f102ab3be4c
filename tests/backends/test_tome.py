"""Token merging: the same as tomesd's, in every form, exportable, and gone when taken off."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openvino
import pytest
import tomesd
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from hypothesis import given, settings
from hypothesis import strategies as st
from tomesd.merge import bipartite_soft_matching_random2d

from backends import sd14
from backends.contract import BackendError, Generate, Generated, Request
from backends.generation import Generation
from backends.models import resolve
from backends.pytorch import tome as pytorch_tome
from backends.pytorch.backend import load
from backends.tome import DEFAULT_FORM, FORMS, Form, match, partition, token_merging
from backends.tome_attention import apply_tome, remove_tome, transformers
from backends.variants import parse_variant

WIDTH = 32
EVERY_FORM = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(scope="module")
def small_unet() -> Any:
    torch.manual_seed(0)
    small = {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8, "sample_size": 16}
    config = sd14.UNET | small | {"cross_attention_dim": WIDTH, "attention_head_dim": 2}
    return UNet2DConditionModel.from_config(config).eval().requires_grad_(False)


@pytest.fixture
def unet(small_unet: Any) -> Iterator[Any]:
    yield small_unet
    remove_tome(small_unet)
    small_unet.float().set_attn_processor(AttnProcessor2_0())


@pytest.fixture
def shallow_unet() -> Any:
    """Three blocks that merge and little else: a capture takes seconds for every block."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        block_out_channels=(16, 16),
        norm_num_groups=8,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
    ).eval().requires_grad_(False)  # fmt: skip


def _inputs(height: int, width: int, batch: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    random = torch.Generator().manual_seed(height * 100 + width)
    latents = torch.randn(batch, 4, height, width, generator=random, dtype=dtype)
    prompt = torch.randn(batch, 7, WIDTH, generator=random, dtype=dtype)
    return latents, torch.tensor(500), prompt


def _noise(unet: Any, inputs: tuple[Any, ...]) -> torch.Tensor:
    return unet(*inputs, return_dict=False)[0]


def _tomesd_noise(
    unet: Any, inputs: tuple[Any, ...], ratio: float, max_downsample: int = 1, **window: Any
) -> torch.Tensor:
    tomesd.apply_patch(unet, ratio=ratio, max_downsample=max_downsample, use_rand=False, **window)
    try:
        return _noise(unet, inputs)
    finally:
        tomesd.remove_patch(unet)


class TestMathematics:
    @EVERY_FORM
    @given(data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_is_tomesds_and_leaves_unmerged_tokens_alone(self, form: Form, data: st.DataObject):
        width, height = (
            data.draw(st.sampled_from([1, 2, 7, 8, 9]), "width"),
            data.draw(st.sampled_from([1, 3, 6, 9]), "height"),
        )
        sx, sy = data.draw(st.sampled_from([2, 3]), "sx"), data.draw(st.integers(1, 3), "sy")
        ratio = data.draw(st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.75, 1.0]), "ratio")
        random = torch.Generator().manual_seed(data.draw(st.integers(0, 9), "seed"))
        metric, tokens = (
            torch.randn(2, width * height, 5, generator=random, dtype=torch.float64) for _ in range(2)
        )
        merge, unmerge = token_merging(metric, width, height, ratio, sx=sx, sy=sy, form=form)
        back = unmerge(merge(tokens))
        matching = match(metric, width, height, ratio, sx, sy)
        if matching is None:
            assert merge(tokens) is tokens and back is tokens
            return
        assert merge(tokens).shape == (2, matching.kept, 5) and back.shape == tokens.shape
        assert matching.kept == width * height - min(
            int(ratio * width * height), len(partition(width, height, sx, sy)[0])
        )
        for picture in range(2):
            alone = matching.unmerged[picture]
            assert torch.equal(back[picture, alone], tokens[picture, alone])
            targets = matching.destinations[matching.target[picture]]
            assert torch.equal(back[picture, matching.merged[picture]], back[picture, targets])
        reduced = min(int(ratio * width * height), width * height)
        their_merge, their_unmerge = bipartite_soft_matching_random2d(
            metric, width, height, sx, sy, reduced, no_rand=True
        )
        assert torch.allclose(back, their_unmerge(their_merge(tokens)), rtol=0, atol=1e-12)

    @EVERY_FORM
    def test_alike_tokens_come_back_as_they_were(self, form: Form):
        tokens = torch.randn(3, 1, 8).expand(3, 48, 8)
        merge, unmerge = token_merging(tokens, 8, 6, 0.6, form=form)
        assert torch.allclose(unmerge(merge(tokens)), tokens, atol=1e-6)

    def test_the_merge_matrix_takes_means(self):
        metric = torch.randn(1, 24, 6)
        merge, _ = token_merging(metric, 6, 4, 0.5, form="matrix")
        weights = merge(torch.eye(24)[None])
        assert torch.allclose(weights.sum(-1), torch.ones(1, 12))
        assert torch.equal((weights > 0).sum(1), torch.ones(1, 24, dtype=torch.int64))

    @EVERY_FORM
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_matched_in_fp32_and_stays_half(self, form: Form, dtype: torch.dtype):
        metric = 1 + torch.randn(2, 64, 16).to(dtype) / 16
        merge, unmerge = token_merging(metric, 8, 8, 0.4, form=form)
        exact_merge, exact_unmerge = token_merging(metric.float(), 8, 8, 0.4, form="scatter")
        back = unmerge(merge(metric))
        assert back.dtype == dtype
        assert torch.allclose(back.float(), exact_unmerge(exact_merge(metric.float())), atol=2e-2)

    def test_tokens_without_direction_are_merged_too(self):
        merge, unmerge = token_merging(torch.zeros(1, 16, 4), 4, 4, 0.5)
        assert torch.equal(unmerge(merge(torch.ones(1, 16, 4))), torch.ones(1, 16, 4))

    def test_what_no_whole_window_covers_is_a_source(self):
        sources, destinations = partition(5, 3, 2, 2)
        assert sorted(sources.tolist()) == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
        assert destinations.tolist() == [0, 2]

    def test_wrong_input_says_so(self):
        tokens = torch.randn(1, 12, 4)
        with pytest.raises(ValueError, match="12 tokens are not 4 x 4"):
            token_merging(tokens, 4, 4, 0.4)
        with pytest.raises(ValueError, match="known: scatter, product"):
            token_merging(tokens, 4, 3, 0.4, form="sort")  # pyright: ignore[reportArgumentType]


class TestUNet:
    @pytest.mark.parametrize("size", [(8, 8), (12, 20), (16, 8), (9, 14)])
    @pytest.mark.parametrize(("ratio", "max_downsample"), [(0.1, 1), (0.4, 1), (0.5, 2), (0.75, 4)])
    def test_equals_tomesd(self, unet: Any, size: tuple[int, int], ratio: float, max_downsample: int):
        inputs = _inputs(*size, dtype=torch.float64)
        unet.double()
        expected = _tomesd_noise(unet, inputs, ratio, max_downsample)
        for form in FORMS:
            assert apply_tome(unet, ratio, max_downsample, form=form) == {1: 5, 2: 10, 4: 15}[max_downsample]
            assert torch.allclose(_noise(unet, inputs), expected, atol=1e-5)

    @EVERY_FORM
    def test_equals_tomesd_in_fp32(self, unet: Any, form: Form):
        inputs = _inputs(12, 16)
        plain, expected = _noise(unet, inputs), _tomesd_noise(unet, inputs, 0.4)
        apply_tome(unet, 0.4, form=form)
        assert torch.allclose(_noise(unet, inputs), expected, atol=1e-5)
        assert (plain - expected).abs().max() > 1e-2

    def test_equals_tomesd_with_another_window_and_batch(self, unet: Any):
        inputs = _inputs(12, 12, batch=3, dtype=torch.float64)
        unet.double()
        expected = _tomesd_noise(unet, inputs, 0.85, sx=3, sy=4)
        apply_tome(unet, 0.85, sx=3, sy=4)
        assert torch.allclose(_noise(unet, inputs), expected, atol=1e-5)

    def test_ratio_zero_and_removal_leave_nothing(self, unet: Any):
        inputs = _inputs(8, 12)
        plain = _noise(unet, inputs)
        modules = {name: dict(module.__dict__) for name, module in unet.named_modules()}
        hooks = [len(module._forward_pre_hooks) + len(module._forward_hooks) for module in unet.modules()]
        for take_off in (lambda: apply_tome(unet, 0), lambda: remove_tome(unet)):
            apply_tome(unet, 0.5)
            apply_tome(unet, 0.4)
            assert not torch.equal(_noise(unet, inputs), plain)
            take_off()
            assert torch.equal(_noise(unet, inputs), plain)
        assert {name: set(module.__dict__) for name, module in unet.named_modules()} == {
            name: set(values) for name, values in modules.items()
        }
        assert hooks == [
            len(module._forward_pre_hooks) + len(module._forward_hooks) for module in unet.modules()
        ]

    def test_no_randomness_and_nothing_kept(self, unet: Any):
        apply_tome(unet, 0.4)
        inputs = _inputs(10, 14)
        before = torch.get_rng_state()
        assert torch.equal(_noise(unet, inputs), _noise(unet, inputs))
        assert torch.equal(torch.get_rng_state(), before)
        merging = [block for _, module in transformers(unet) for block in module.transformer_blocks]
        assert all(
            block.token_merging.closures is None for block in merging if hasattr(block, "token_merging")
        )

    def test_every_attention_processor_works_set_before_or_after(self, unet: Any):
        inputs = _inputs(8, 8)
        apply_tome(unet, 0.5)
        fused = _noise(unet, inputs)
        unet.set_attn_processor(AttnProcessor())
        assert torch.allclose(_noise(unet, inputs), fused, atol=1e-5)
        apply_tome(unet, 0.5)
        assert torch.allclose(_noise(unet, inputs), fused, atol=1e-5)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_stays_near(self, unet: Any, dtype: torch.dtype):
        apply_tome(unet, 0.4)
        inputs = _inputs(8, 8)
        expected = _noise(unet, inputs)
        unet.to(dtype)
        half = _noise(unet, tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs))
        assert half.dtype == dtype and (half.float() - expected).abs().mean() < 0.05

    def test_a_copy_merges_on_its_own(self, unet: Any):
        inputs = _inputs(8, 8)
        apply_tome(unet, 0.5)
        merged, twin = _noise(unet, inputs), copy.deepcopy(unet)
        remove_tome(unet)
        assert torch.equal(_noise(twin, inputs), merged)
        remove_tome(twin)
        assert torch.equal(_noise(twin, inputs), _noise(unet, inputs))

    def test_pictures_too_narrow_for_a_window_are_left_alone(self, unet: Any):
        inputs = _inputs(1, 16)
        plain = _noise(unet, inputs)
        apply_tome(unet, 0.5)
        assert torch.equal(_noise(unet, inputs), plain)

    @pytest.mark.parametrize("ratio", [-0.1, 0.76, float("nan")])
    def test_a_ratio_out_of_range_is_refused(self, unet: Any, ratio: float):
        with pytest.raises(ValueError, match=r"allowed are 0 to 0\.75"):
            apply_tome(unet, ratio)

    def test_a_unet_without_attention_that_high_is_refused(self, unet: Any):
        with pytest.raises(ValueError, match="no self-attention"):
            apply_tome(unet, 0.4, max_downsample=0)


class TestCapture:
    """What captures a network takes the merging UNet, non-square, and computes the same."""

    def _merging(self, shallow_unet: Any, form: Form) -> tuple[Any, tuple[Any, ...], torch.Tensor]:
        assert apply_tome(shallow_unet, 0.4, form=form) == 3
        inputs = _inputs(8, 12)
        return shallow_unet, inputs, _noise(shallow_unet, inputs)

    @EVERY_FORM
    def test_jit_trace(self, shallow_unet: Any, form: Form):
        unet, inputs, expected = self._merging(shallow_unet, form)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            traced: Any = torch.jit.trace(unet, inputs, strict=False, check_trace=False)
        assert torch.allclose(traced(*inputs)["sample"], expected, atol=1e-6)
        assert not [str(item.message) for item in caught if "/backends/tome" in item.filename]

    @EVERY_FORM
    def test_export(self, shallow_unet: Any, form: Form):
        unet, inputs, expected = self._merging(shallow_unet, form)
        exported = torch.export.export(unet, inputs).module()
        assert torch.allclose(exported(*inputs).sample, expected, atol=1e-6)

    def test_compile_without_a_break(self, shallow_unet: Any):
        unet, inputs, expected = self._merging(shallow_unet, DEFAULT_FORM)
        torch._dynamo.reset()
        compiled = torch.compile(unet, backend="aot_eager", fullgraph=True, dynamic=False)
        assert torch.allclose(_noise(compiled, inputs), expected, atol=1e-6)

    def test_openvino(self, shallow_unet: Any):
        unet, inputs, expected = self._merging(shallow_unet, DEFAULT_FORM)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = openvino.convert_model(unet, example_input=inputs)
        for batch in (2, 1):
            given_arrays = [tensor[:batch].numpy() if tensor.ndim else tensor.numpy() for tensor in inputs]
            model.reshape(dict(zip(model.inputs, (list(array.shape) for array in given_arrays), strict=True)))
            compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            result = torch.from_numpy(compiled(given_arrays)[0])
            assert torch.allclose(result, expected[:batch], atol=1e-4)


class TestPyTorchVariant:
    def _generated(self, model: Path, variant: str) -> Generated:
        hosted = load(resolve(str(model)), parse_variant(variant), lambda what, fraction: None)
        request = Request("a green cat", seed=7, steps=2, width=64, height=128)
        return Generation(hosted).run(Generate(request), lambda message: None, lambda: False)

    def test_it_changes_the_picture_and_is_the_same_twice(self, tiny_model: Path):
        plain, first, second, none = (
            self._generated(tiny_model, variant).picture
            for variant in ("pytorch", "pytorch+tome=0.5", "pytorch+tome=0.5", "pytorch+tome=0")
        )
        assert first == second != plain
        assert none == plain

    @pytest.mark.parametrize("variant", ["pytorch:bf16+tome", "pytorch-sdpa+channels_last+tome=0.75"])
    def test_it_goes_with_the_other_options(self, tiny_model: Path, variant: str):
        assert self._generated(tiny_model, variant).picture

    def test_a_model_it_does_not_fit_is_a_backend_error(self, unet: Any):
        class Pipeline:
            def __init__(self, unet: Any):
                self.unet = unet

        with pytest.raises(BackendError, match="allowed are 0 to"):
            pytorch_tome.apply(Pipeline(unet), 0.9)
