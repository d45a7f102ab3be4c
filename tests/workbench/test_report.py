"""The report: one valid page that needs nothing else, says what it must, and whose charts draw in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import plotly.graph_objects
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import MemorySample
from tests.workbench import samples
from workbench.document import Document
from workbench.report.charts import pareto, thinned
from workbench.report.page import render, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; .ci/run installs it")

DOCUMENTS: dict[str, Callable[[], Document]] = {
    "compare": samples.document,
    "one variant": lambda: samples.document(("pytorch",), (100.0,), repeats=1),
    "synthetic": lambda: samples.document(synthetic=True),
    "nncf": lambda: samples.ladder("nncf", (12000, 6650, 6300, 1990, 1700)),
    "gpu-aware": lambda: samples.ladder("gpu-aware", (12000, 10000, 9000, 8000, 5700)),
    "failed": lambda: samples.failed(samples.document(), 1, "it <broke> & died", "its last words"),
    "all failed": lambda: samples.failed(samples.document(("pytorch",), (1.0,)), 0, "it broke"),
    "two requests": lambda: two_requests(),
}


def two_requests() -> Document:
    one = samples.document(repeats=1)
    second = replace(samples.REQUEST, seed=7)
    more = tuple(
        replace(run, request=1, result=replace(run.result, request=second))
        for run in samples.document(repeats=1, request=second).runs
    )
    return replace(one, requests=(samples.REQUEST, second), runs=(*one.runs, *more))


def page_of(document: Document) -> str:
    return render(document, samples.pictures(document) if not document.unet_only else {})


def without_plotly(page: str) -> str:
    """The page less the library in it, which html5lib would read for seconds."""
    start = page.index("<script>", page.index('id="charts"')) + len("<script>")
    return page[:start] + page[page.index("</script>", start) :]


def charts_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1], parse_constant=pytest.fail)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_is_valid_html_and_its_charts_are_valid_for_plotly(name: str) -> None:
    page = page_of(DOCUMENTS[name]())
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(without_plotly(page))
    ids = [element.get("id") for element in tree.iter() if isinstance(element.tag, str) and element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(image.get("alt") and image.get("src", "").startswith("data:") for image in tree.iter("img"))
    charts = charts_of(page)
    placed = {plot.get("data-chart") for plot in tree.iter("div") if plot.get("data-chart")}
    assert placed == set(charts)
    for chart in charts.values():
        plotly.graph_objects.Figure(chart)


def test_the_page_asks_for_nothing_outside_itself() -> None:
    page = without_plotly(page_of(samples.ladder("nncf", (5, 4, 3, 2, 1))))
    assert not re.search(r"""(?:src|srcset|action|poster)=["']?(?!data:)""", page)
    assert not re.search(r"@import|url\(", page)
    assert set(re.findall(r"<link [^>]*href=\"([^\"]*)\"", page)) == {"data:,"}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy and "default-src 'none'" in policy[1] and "http" not in policy[1]


def test_a_prompt_is_text_and_never_markup() -> None:
    page = page_of(DOCUMENTS["compare"]())
    assert "a green creature &lt;b&gt;with&lt;/b&gt;" in page and "<b>with</b>" not in page
    assert "it &lt;broke&gt; &amp; died" in page_of(DOCUMENTS["failed"]())


@given(st.text(max_size=60))
@settings(max_examples=25, deadline=None)
def test_no_prompt_makes_the_page_invalid(prompt: str) -> None:
    request = replace(samples.REQUEST, prompt=f"x{prompt}")
    page = without_plotly(page_of(samples.document(("pytorch",), (10.0,), repeats=1, request=request)))
    html5lib.HTMLParser(strict=True).parse(page)


def test_the_page_shows_environment_medians_with_spread_quality_and_the_command() -> None:
    document = samples.document()
    page = page_of(document)
    for said in (
        document.environment["cpu"],
        document.environment["packages"]["torch"],
        "100.00 ± ",
        "PSNR 35.0 dB, SSIM 0.940",
        "./run compare --variant pytorch:fp32 --variant pytorch:bf16",
        "--repeat 3",
        "--seed 42",
    ):
        assert str(said) in page, said
    assert page.count("data-wipe") == 1 + page.count('querySelectorAll("[data-wipe]")')


def test_a_ladder_shows_what_was_published_beside_what_was_measured() -> None:
    page = page_of(DOCUMENTS["nncf"]())
    for said in ("7.06×", "1.9×", "3.9×", "5.1×", "0.25×", "train-optimize-sd-intel", "./run ladder nncf"):
        assert said in page, said
    page = page_of(DOCUMENTS["gpu-aware"]())
    for said in (
        "−52.5 %",
        "−52.2 % (Adreno 740)",
        "−32.9 % (A16)",
        "+Opt. Softmax",
        "arxiv.org/abs/2304.11267",
    ):
        assert said in page, said
    assert "+Winograd  <b>−52.5 %</b>" in charts_of(page)["ladder"]["layout"]["yaxis"]["ticktext"][-1]
    marks = [trace for trace in charts_of(page)["ladder"]["data"] if trace["type"] == "scatter"]
    assert [trace["x"] for trace in marks] == [[pytest.approx(47.8)], [pytest.approx(67.1)]]


def test_synthetic_weights_are_marked_on_every_picture_and_chart_and_have_no_quality() -> None:
    page = page_of(DOCUMENTS["synthetic"]())
    charts = charts_of(page)
    assert charts and all(
        any("synthetic" in note["text"] for note in chart["layout"]["annotations"])
        for chart in charts.values()
    )
    assert page.count('<span class="stamp">synthetic weights</span>') == len(samples.VARIANTS) + 1
    assert (
        "Its weights are random" in page
        and "PSNR, dB" not in page
        and not any("trade_off" in c for c in charts)
    )
    assert "synthetic weights" not in page_of(DOCUMENTS["compare"]())


def test_a_machine_too_noisy_to_tell_two_variants_apart_is_a_warning() -> None:
    assert "cannot be told apart" in page_of(samples.document(unet_ms=(100.0, 100.5, 25.0)))
    assert "Noisy figures" not in page_of(samples.document())


def test_a_long_line_of_samples_keeps_its_peak() -> None:
    line = [MemorySample(index, 1000 + index % 7) for index in range(20_000)]
    line[12_345] = MemorySample(12_345, 99_999)
    few = thinned(line)
    assert len(few) <= 600 and max(sample.rss_bytes for sample in few) == 99_999
    assert [sample.time_ns for sample in few] == sorted(sample.time_ns for sample in few)


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    assert pareto([(1, 1.0), (2, 0.9), (1.5, 0.8), (3, 0.7), (3, 0.6)]) == [(1, 1.0), (2, 0.9), (3, 0.7)]


def browse(page: Path, folder: Path, *options: str) -> str:
    assert CHROMIUM
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=10000",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


A_PERSON = """<script>
const range = document.querySelector(".wipe input"), right = document.querySelector("[data-side=right]");
range.value = 20;
range.dispatchEvent(new Event("input"));
right.value = 1;
right.dispatchEvent(new Event("change"));
</script></body>"""


@in_chromium
def test_charts_draw_and_the_wipe_moves_in_a_browser_without_network(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    document = samples.document()
    write_report(path, document, samples.pictures(document))
    path.write_text(path.read_text().replace("</body>", A_PERSON))
    shown = browse(path, tmp_path, "--dump-dom")
    assert "--at: 20%" in shown
    under = re.search(r'<img class="under"[^>]* alt="([^"]*)"', shown)
    assert under and under[1].endswith("made by pytorch:bf16")
    assert 'data-charts="drawn"' in shown
    charts = charts_of(path.read_text())
    for name in charts:
        drawn = shown[shown.index(f'id="chart-{name}"') :]
        assert "main-svg" in drawn[: drawn.find("</figure>")], name
    assert shown.count('class="point"') > len(document.runs)
    assert 'data-title="Zoom in"' in shown and "Share" not in "".join(
        re.findall(r'data-title="([^"]*)"', shown)
    )


@in_chromium
def test_the_page_prints(tmp_path: Path) -> None:
    path, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    write_report(path, samples.ladder("nncf", (12000, 6650, 6300, 1990, 1700)), {})
    browse(path, tmp_path, f"--print-to-pdf={printed}")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
    assert 2 <= pages <= 6
