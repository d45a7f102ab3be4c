"""The one-line form of a variant: printing and reading are inverse, and nonsense is refused in the module's own words."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.contract import Variant
from backends.registry import BACKENDS, Backend, Optimization
from backends.variants import InvalidVariant, format_variant, make_variant, parse_variant


def _option(name: str, **more) -> Optimization:
    return Optimization(name=name, module="", title="", gain="", cost="", source="", **more)


SAMPLE = Backend(
    name="sample",
    title="Sample",
    factory="",
    devices="",
    precisions=("fp32", "int8"),
    optimizations=(
        _option("usual", default=True),
        _option("rare"),
        _option("tome", ratio=(0.0, 0.75, 0.4)),
        _option("qat", default=True, precisions=("int8",)),
    ),
)
with_sample = mock.patch.dict(BACKENDS, {"sample": SAMPLE})


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    backend = draw(st.sampled_from([SAMPLE, *BACKENDS.values()]))
    precision = draw(st.sampled_from(backend.precisions))
    device = draw(st.none() | st.from_regex(r"[A-Za-z0-9_.]+", fullmatch=True))
    values = {}
    for item in backend.optimizations:
        if item.precisions and precision not in item.precisions:
            continue
        values[item.name] = draw(st.floats(*item.ratio[:2]) if item.ratio else st.booleans())
    with with_sample:
        return make_variant(backend.name, device, precision, values)


@given(variants())
def test_a_printed_variant_reads_back_the_same(variant: Variant):
    with with_sample:
        assert parse_variant(format_variant(variant)) == variant


nonsense = st.text() | st.text("pytorchsample@:+-=_.0123456789 alnfe") | st.from_regex(r"sample[@:+=-].*")


@given(nonsense)
def test_no_string_raises_anything_but_invalid_variant(text: str):
    with with_sample:
        try:
            variant = parse_variant(text)
        except InvalidVariant as error:
            assert "\n" not in str(error)
        else:
            assert parse_variant(format_variant(variant)) == variant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pytorhc", "pytorch"),
        ("pytorch:fp23", "Did you mean fp32?"),
        ("pytorch+spda", "Did you mean sdpa?"),
        ("pytorch+sdpa=0.4", "takes no value"),
        ("pytorch-all=1", "takes no value"),
        ("sample+tome=0.9", "from 0 to 0.75"),
        ("sample:fp32+qat", "int8 only"),
        ("", "write BACKEND"),
    ],
)
def test_an_unknown_name_is_answered_with_what_is_known(text: str, says: str):
    with with_sample, pytest.raises(InvalidVariant) as caught:
        parse_variant(text)
    assert says in str(caught.value)


def test_defaults_are_left_out_and_all_is_the_short_way():
    assert format_variant(parse_variant("pytorch")) == "pytorch:fp32"
    assert (
        format_variant(parse_variant("pytorch@cuda:bf16+channels_last-sdpa"))
        == "pytorch@cuda:bf16-sdpa+channels_last"
    )
    with with_sample:
        assert format_variant(parse_variant("sample+tome")) == "sample:fp32+tome=0.4"
        assert parse_variant("sample-all") == parse_variant("sample-usual")


def test_a_switch_that_one_precision_has_is_on_there_and_off_elsewhere():
    assert parse_variant("openvino:int8").option("qat") is True
    assert parse_variant("openvino:fp32").option("qat") is False
    assert format_variant(parse_variant("openvino:int8+tome=0.4-qat")) == "openvino:int8+tome=0.4-qat"
    everything = parse_variant("openvino:fp32+all")
    switches = [everything.option(name) for name in ("winograd", "polyphase", "qat", "tome")]
    assert switches == [True, True, False, 0.0]
    assert everything == parse_variant("openvino") != parse_variant("openvino-all")
    assert format_variant(parse_variant("openvino-winograd-polyphase")) == "openvino:fp32-all"
    with pytest.raises(InvalidVariant, match="winograd exists at fp32 only, not at bf16"):
        parse_variant("openvino:bf16+winograd")
