"""Ladders: data that can be run, climbed for real, with the published figures beside the measured ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backends.registry import BACKENDS
from backends.variants import InvalidVariant, format_variant, parse_variant
from tests.workbench import samples
from workbench import ladders
from workbench.cli import run
from workbench.command import commands
from workbench.document import from_json, read_document, to_json
from workbench.history import History
from workbench.ladder_table import climbed
from workbench.ladders import LADDERS, Ladder, Published, Row, row_variants
from workbench.tables import ladder_table, markdown


@pytest.mark.parametrize("name", LADDERS)
def test_every_row_is_a_variant_of_its_own_and_has_its_source(name: str) -> None:
    ladder = LADDERS[name]
    assert len(row_variants(ladder)) == len(ladder.rows) == len({row.name for row in ladder.rows})
    assert ladder.source.startswith("https://") and any(row.published for row in ladder.rows)


def test_the_nncf_ladder_is_the_articles() -> None:
    rows = {format_variant(variant): name for variant, name in row_variants(LADDERS["nncf"]).items()}
    assert list(rows) == [
        "pytorch:fp32-sdpa",
        "pytorch:fp32",
        "openvino:fp32-all",
        "openvino:int8",
        "openvino:int8+tome=0.4",
    ]
    published = [row.published[0].value for row in LADDERS["nncf"].rows if row.published]
    assert published == [1.9, 3.9, 5.1]


def test_the_gpu_aware_rows_add_up_to_the_backends_defaults_and_share_buffers_in_all() -> None:
    variants = list(row_variants(LADDERS["gpu-aware"]))
    assert variants[-1] == parse_variant("opencl")
    assert all(variant.option("buffer_reuse") for variant in variants)
    on = [{name for name, value in variant.optimizations if value} for variant in variants]
    assert all(fewer < more for fewer, more in zip(on, on[1:], strict=False))
    assert [more - fewer for fewer, more in zip(on, on[1:], strict=False)] == [
        {"softmax"},
        {"group_norm", "gelu"},
        {"flash_attention"},
        {"winograd"},
    ]


def test_rows_move_to_another_device_or_precision_where_they_can() -> None:
    moved = row_variants(LADDERS["gpu-aware"], {"opencl": "1"}, "fp16")
    assert {(variant.device, variant.precision) for variant in moved} == {("1", "fp16")}
    mixed = row_variants(LADDERS["nncf"], {"openvino": "GPU"})
    assert {(variant.backend, variant.device) for variant in mixed} == {
        ("pytorch", None),
        ("openvino", "GPU"),
    }
    with pytest.raises(InvalidVariant, match="no row on opencl"):
        row_variants(LADDERS["nncf"], {"opencl": "1"})
    with pytest.raises(InvalidVariant, match="name their own"):
        row_variants(LADDERS["nncf"], precision="bf16")
    with pytest.raises(InvalidVariant, match="allowed are fp32, fp16"):
        row_variants(LADDERS["gpu-aware"], precision="int8")


def test_measures_are_the_sources() -> None:
    found = climbed(samples.ladder("nncf", (12000, 6000, 6000, 3000, 2000)))
    assert found and [rung.relative for rung in found.rungs] == [1, 2, 2, 4, 6]
    assert [rung.weights for rung in found.rungs][:2] == [1, 0.5]
    assert any("PyTorch FP32 today and OpenVINO FP32 cannot be told apart" in text for text in found.warnings)
    found = climbed(samples.ladder("gpu-aware", (1000, 900, 800, 600, 478)))
    assert found and found.rungs[-1].relative == pytest.approx(-52.2)
    assert found.warnings == ()


def test_the_paper_times_the_unet_and_the_article_whole_pictures() -> None:
    for name, heading in (("gpu-aware", "UNet iteration, ms"), ("nncf", "Total, ms")):
        rows = row_variants(LADDERS[name])
        pictured = samples.of_variants(list(rows), (50.0, 40.0, 30.0, 20.0, 10.0))
        document = replace(pictured, ladder=name, rows=rows)
        found = climbed(document)
        assert found and heading in ladder_table(document, found).headings
        pace = found.rungs[0].pace
        assert pace and pace.name == ("unet_ms" if name == "gpu-aware" else "total_ms")


def test_a_row_that_failed_leaves_the_others_their_figures() -> None:
    document = samples.failed(samples.ladder("nncf", (12000, 6000, 6000, 3000, 2000)), 3, "no INT8 here")
    found = climbed(document)
    assert found and found.rungs[3].relative is None and found.rungs[4].relative == 6
    table = ladder_table(document, found)
    assert table.marked == {3} and "–" in table.rows[3]
    assert "| OpenVINO INT8 |" in markdown(table)


def test_a_climbed_ladder_is_read_back_with_its_rows_and_names_the_command() -> None:
    document = samples.ladder("nncf", (5, 4, 3, 2, 1))
    data = to_json(document)
    assert [entry["row"] for entry in data["results"]] == [row.name for row in LADDERS["nncf"].rows]
    assert from_json(json.loads(json.dumps(data))) == document
    (line,) = commands(document)
    assert line.startswith("./run ladder nncf --repeat 3 --unet-only --model sd14-synthetic --seed 42")


@pytest.fixture
def small_ladder(monkeypatch: pytest.MonkeyPatch) -> Ladder:
    """One of our own, of the backend that starts fastest: what is tried is the climbing."""
    ladder = Ladder(
        name="small",
        title="Small",
        source="https://example.org/small",
        source_title="A small source",
        measure="speedup",
        conditions="nothing in particular",
        rows=(
            Row("First", "pytorch-sdpa", "nothing"),
            Row("Second", "pytorch", "fused attention", (Published(1.5, "paper", weights=1),)),
        ),
        precisions=BACKENDS["pytorch"].precisions,
    )
    monkeypatch.setitem(ladders.LADDERS, "small", ladder)
    return ladder


def test_a_ladder_is_climbed_and_every_file_written(
    small_ladder: Ladder, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / f"a.{name}" for name in ("json", "html", "trace")}
    options = ["--model", model, "--unet-only", "--steps", "2", "--repeat", "2", "--precision", "bf16"]
    outputs = ["--json", files["json"], "--report", files["html"], "--trace", files["trace"]]
    assert run(["ladder", "small", *options, *map(str, outputs)]) == 0
    said = capsys.readouterr()
    assert (
        "First" in said.out and "Second" in said.out and "1.5×" in said.out and "A small source" in said.out
    )
    document = read_document(files["json"])
    assert list(document.rows.values()) == ["First", "Second"] and document.ladder == "small"
    assert [len(summary.runs) for summary in document.summaries()] == [2, 2]
    assert all(variant.precision == "bf16" for variant in document.rows)
    assert "published, paper" in files["html"].read_text() and files["trace"].stat().st_size
    assert commands(document)[0].startswith("./run ladder small --precision=bf16 --repeat 2 --unet-only")
    entry = History().entries(limit=1)[0]
    assert (entry.kind, entry.status) == ("ladder", "ok")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ladder"], "nncf|gpu-aware|all"),
        (["ladder", "steep"], "choose from 'nncf', 'gpu-aware', 'all'"),
        (["ladder", "all", "--json", "-"], "give --json the name of a file"),
        (["ladder", "nncf", "--precision", "fp16"], "name their own"),
        (["ladder", "gpu-aware", "--precision", "fp8"], "allowed are fp32, fp16"),
        (["ladder", "nncf", "--device", "opencl@0"], "no row on opencl"),
        (["ladder", "all", "--device", "openlc@0"], "no row on openlc"),
        (["ladder", "gpu-aware", "--device", "opencl"], "BACKEND@DEVICE"),
        (["ladder", "nncf", "--repeat", "0"], "number of repeats is 0"),
        (["ladder", "nncf", "--repeat", "often"], "whole numbers"),
        (["ladder", "nncf", "--report", "a.pdf"], "ends in .html"),
        (["ladder", "nncf", "--steps", "0"], "allowed are 1 to 1000"),
    ],
)
def test_bad_ladders_are_one_line_and_status_2(
    arguments: list[str], said: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--model", model]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert said in printed.err
