"""What the documents promise is so: their commands run, their figures are those of the files, their examples work."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backends import registry
from backends.contract import Generate, Generated, Picture, Request
from backends.registry import Backend, Optimization
from backends.variants import format_variant, parse_variant
from tests.workbench import samples
from workbench import cli, measurements
from workbench.cli.running import Outcome
from workbench.comparison import Comparison
from workbench.document import brief, write_document
from workbench.events import Finished
from workbench.history import History
from workbench.rounds import plan

ROOT = Path(__file__).parents[1]
CARD = ROOT / "assets" / "critters" / "README.md"
DOCUMENTS = [ROOT / "README.md", CARD, *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = re.compile(r"<!-- (measured|figure) .*?<!-- end \1 -->", re.DOTALL)
MEASURED = re.compile(r"[\d.,]+ ?(?:ms|dB|[kMG]i?B|GFLOP|%)(?!\w)|\b[01]\.\d{3}\b")
THE_LAUNCHERS = ("test",)
pytestmark = pytest.mark.usefixtures("one_thread")


def documented_commands() -> list[list[str]]:
    """The words of every ``./run`` line of the documents' shell blocks, those of the launcher left out, each once."""
    found: dict[tuple[str, ...], None] = {}
    for document in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["./run"] and words[1:] and words[1] not in THE_LAUNCHERS:
                    found[tuple(words[1:])] = None
    return [list(words) for words in found]


def made_up(comparison: Comparison, memory_budget_bytes: int | None) -> Outcome:
    """What a session would have said, without one: the commands' own part is what is tried here."""
    outcome = Outcome()
    for run in plan(comparison):
        result = samples.result(run.variant, 10.0, request=run.request, unet_only=comparison.unet_only)
        width, height = run.request.width, run.request.height
        picture = None if comparison.unet_only else Picture(width, height, bytes(3 * width * height))
        outcome.finished.append(Finished(*run.place, result, picture))
    return outcome


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run a command in, with a history of two records."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    document = samples.document()
    for _ in range(2):
        History().add(document, samples.pictures(document))
    for command in (cli.generate, cli.compare, cli.ladder):
        monkeypatch.setattr(command, "perform", made_up)
    return tmp_path


@pytest.mark.parametrize("command", documented_commands(), ids=" ".join)
def test_a_command_of_the_documents_runs_and_writes_what_it_names(
    command: list[str],
    place: Path,
    tiny_model: Path,
) -> None:
    making = command[0] in ("generate", "compare", "ladder")
    files = [Path(word) for word in command if Path(word).suffix in (".json", ".html", ".png")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    status = cli.run([*command, "--model", str(tiny_model)] if making else command)
    assert status in ((0, 1) if command[0] in ("doctor", "devices") else (0,))
    for file in files:
        several = command[:2] == ["ladder", "all"]
        assert list(place.glob(f"{file.parent}/{file.stem}{'-*' if several else ''}{file.suffix}")), file


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_figures_of_a_document_are_those_of_the_measurements(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert measurements.filled(text) == text, (
        f"run: python -m workbench.measurements {document.relative_to(ROOT)}"
    )


def test_no_figure_of_the_readme_comes_from_anywhere_else() -> None:
    text = MARKED.sub("", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert MEASURED.findall(text) == []
    assert MEASURED.findall("0.948 of it, 23 GB and 7.6 GFLOP, −43 %; not Python 3.11 at 512×512") == [
        "0.948",
        "23 GB",
        "7.6 GFLOP",
        "43 %",
    ]


# The mechanism of the figures


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    write_document(tmp_path / "nncf.json", brief(samples.ladder("nncf", (12000, 6650, 6300, 1990, 1700))))
    write_document(tmp_path / "compare.json", brief(samples.document()))
    plain = {"guidance 4": {"fidelity": 0.94812}, "rows": [{"variant": "openvino:int8", "psnr_db": 25.1185}]}
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    return tmp_path


TEXT = """
<!-- measured nncf.json -->
<!-- end measured -->
Of all <!-- figure plain.json "guidance 4" fidelity .3f -->0<!-- end figure -->, at
<!-- figure plain.json rows openvino:int8 psnr_db .1f --><!-- end figure --> dB.
It is <!-- figure nncf.json "OpenVINO INT8" relative -->9×<!-- end figure --> as fast, and
<!-- figure compare.json pytorch:bf16 weights_mb --><!-- end figure --> large.
"""


def test_a_document_is_filled_from_its_files_and_then_agrees(measured: Path) -> None:
    text = measurements.filled(TEXT, measured)
    assert "relative -->6.03×<!--" in text and "weights_mb -->50.0 MiB<!--" in text
    assert "fidelity .3f -->0.948<!--" in text and "psnr_db .1f -->25.1<!--" in text
    assert "| OpenVINO INT8 + ToMe 0.4 |" in text and "5.1×" in text and "Synthetic weights" in text
    assert "./run ladder nncf --repeat 3 --unet-only --model sd14-synthetic" in text
    assert "--brief --json docs/measurements/nncf.json" in text
    assert measurements.filled(text, measured) == text
    assert measurements.filled(text.replace("6.03×<!--", "7×<!--"), measured) == text


def test_a_figure_that_is_not_the_files_is_found(
    measured: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measurements.filled, "__defaults__", (measured,))
    document = measured / "README.md"
    document.write_text(TEXT)
    assert measurements.main([str(document), "--check"]) == 1
    assert "does not agree" in capsys.readouterr().err
    assert measurements.main([str(document)]) == 0
    assert measurements.main([str(document), "--check"]) == 0


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('<!-- figure nncf.json "OpenVINO INT4" speedup -->', "no row 'OpenVINO INT4'"),
        ("<!-- figure compare.json pytorch:bf16 beauty -->", "no figure 'beauty'"),
        ("<!-- figure compare.json pytorch:bf16 -->", "expected a row's name"),
        ("<!-- figure ../nncf.json pytorch speedup -->", "a file of docs/measurements"),
        ('<!-- figure plain.json "guidance 5" fidelity .3f -->', "no number at 'guidance 5 fidelity'"),
        ("<!-- figure plain.json rows openvino:int4 psnr_db .1f -->", "no number at"),
        ('<!-- figure plain.json "guidance 4" fidelity d -->', "formats by 'd'"),
    ],
)
def test_a_mark_that_names_nothing_is_one_line(mark: str, said: str, measured: Path) -> None:
    with pytest.raises(measurements.WrongMark, match=re.escape(said)):
        measurements.filled(f"{mark}1<!-- end figure -->", measured)


# The examples of the two guides, as they stand there


def blocks(document: str, key: str) -> dict[str, str]:
    """The Python blocks of a guide that carry ``key=NAME``, by that name."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return dict(re.findall(rf"```python {key}=(\S+)\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Put the files of both guides where they say, for imports only."""
    for document in ("adding-an-optimization.md", "adding-a-backend.md"):
        for name, code in blocks(document, "file").items():
            module = name.removesuffix(".py").replace("/", ".")
            package = module.rpartition(".")[0]
            for missing in (package,) if package not in sys.modules else ():
                if importlib.util.find_spec(missing) is None:
                    spec = importlib.util.spec_from_loader(missing, None, is_package=True)
                    assert spec
                    monkeypatch.setitem(sys.modules, missing, importlib.util.module_from_spec(spec))
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
            spec = importlib.util.spec_from_file_location(module, file)
            assert spec and spec.loader
            loaded = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, module, loaded)
            spec.loader.exec_module(loaded)
    yield


def picture_of(model: Path, line: str) -> tuple[Generated, int | None]:
    from backends.generation import Generation
    from backends.models import resolve

    variant = parse_variant(line)
    hosted = registry.factory(variant.backend)(resolve(str(model)), variant, lambda what, fraction: None)
    request = Request("a green cat", seed=7, steps=2, width=64, height=64)
    made = Generation(hosted).run(Generate(request), lambda message: None, lambda: False)
    return made, hosted.weights_bytes


def furthest(one: Generated, other: Generated) -> int:
    assert one.picture and other.picture
    return max(abs(a - b) for a, b in zip(one.picture.pixels, other.picture.pixels, strict=True))


def test_the_optimization_of_the_guide_works_as_it_stands_there(
    install: None,
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Path,
) -> None:
    entry = blocks("adding-an-optimization.md", "entry")["pytorch"]
    optimization = eval(entry, {"Optimization": Optimization})
    backend = registry.BACKENDS["pytorch"]
    monkeypatch.setitem(
        registry.BACKENDS,
        "pytorch",
        replace(backend, optimizations=(*backend.optimizations, optimization)),
    )
    assert format_variant(parse_variant("pytorch+attention_slicing")) == "pytorch:fp32+attention_slicing"
    sliced, _ = picture_of(tiny_model, "pytorch+attention_slicing")
    whole, _ = picture_of(tiny_model, "pytorch")
    assert sliced.latents == whole.latents and furthest(sliced, whole) <= 1


def test_the_backend_of_the_guide_works_as_it_stands_there(
    install: None,
    monkeypatch: pytest.MonkeyPatch,
    tiny_model: Path,
) -> None:
    code = blocks("adding-a-backend.md", "backend")["plain"]
    plain = eval(code, {"Backend": Backend, "Optimization": Optimization})
    monkeypatch.setitem(registry.BACKENDS, "plain", plain)
    assert [device.id for device in registry.imported(plain.devices)()] == ["cpu"]
    made, weights = picture_of(tiny_model, "plain")
    reference, _ = picture_of(tiny_model, "pytorch")
    assert made.latents == reference.latents and furthest(made, reference) <= 1
    stages = [span.stage for span in made.spans if span.kind == "stage"]
    assert stages.count("unet") == 2 and {"text_encoder", "vae_decoder"} <= set(stages) and weights
