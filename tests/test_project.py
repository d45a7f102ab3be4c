"""What the repository promises a newcomer: what is shipped, what is documented, and that ``run`` cannot be broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ui import system

ROOT = Path(__file__).parents[1]
MEBIBYTE = 2**20


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_assets_stay_small_enough_to_ship():
    quantization = (ROOT / "assets" / "critters" / "unet" / "quantization.npz").stat().st_size
    whole = sum(file.stat().st_size for file in (ROOT / "assets").rglob("*") if file.is_file())
    assert quantization <= 14 * MEBIBYTE and whole - quantization <= 44 * MEBIBYTE


def test_the_licence_is_apache_and_the_project_says_so():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (
        "Apache License" in text
        and "Version 2.0, January 2004" in text
        and "END OF TERMS AND CONDITIONS" in text
    )
    assert settings()["project"]["license"] == "Apache-2.0"


def test_what_breaks_when_it_moves_is_pinned():
    required = [
        *settings()["project"]["dependencies"],
        *settings()["project"]["optional-dependencies"]["test"],
    ]
    pinned = {re.split(r"[=\[]", line)[0] for line in required if "==" in line.split(";")[0]}
    fragile = "torch diffusers transformers tokenizers optimum optimum-intel openvino nncf numpy pyopencl PySide6-Essentials"
    assert set(fragile.split()) <= pinned


def test_the_ci_installs_every_library_that_qt_may_need():
    installed = (ROOT / ".ci/run").read_text(encoding="utf-8").split()
    assert {debian for debian, _ in system.PACKAGES.values()} <= set(installed)


@pytest.mark.parametrize(
    "document", ["README.md", *sorted(path.name for path in (ROOT / "docs").glob("*.md"))]
)
def test_links_of_a_document_lead_somewhere(document: str):
    path = ROOT / document if document == "README.md" else ROOT / "docs" / document
    shown = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", shown)
    broken = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert broken == []


# The launcher, in a small project of its own

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="run is for POSIX shells; Windows has run.cmd"
)

# A project whose build needs no network: its backend writes the wheel of an editable install, and counts its builds.
PYPROJECT = """
[build-system]
requires = []
build-backend = "builder"
backend-path = ["."]

[project]
name = "small"
version = "1"
dependencies = []

[project.optional-dependencies]
test = []
"""
BUILDER = """
import time, zipfile
from pathlib import Path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open("builds", "a") as builds:
        builds.write("built\\n")
    while Path("slow").exists():
        time.sleep(0.05)
    name = "small-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("small.pth", str(Path.cwd()))
        wheel.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\nProvides-Extra: test\\n")
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return name
"""
MAIN = """
import importlib.metadata, json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "cwd": os.getcwd(), "version": importlib.metadata.version("small")}))
"""


class SmallProject:
    def __init__(self, root: Path):
        self.root = root
        root.mkdir()
        for name in ("run", "launcher.py"):
            shutil.copy2(ROOT / name, root / name)
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "builder.py").write_text(BUILDER)
        (root / "main.py").write_text(MAIN)

    @property
    def builds(self) -> int:
        file = self.root / "builds"
        return len(file.read_text().splitlines()) if file.exists() else 0

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "installed.json"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        bare = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return subprocess.Popen(
            [self.root / "run", *arguments],
            cwd=self.root.parent,
            env={**bare, "PYTHON": sys.executable, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """Installed once; the tests that take it leave it installed."""
    project = SmallProject(tmp_path_factory.mktemp("launcher") / "a project")
    status, _, err = project.run()
    assert status == 0, err
    return project


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


@posix_only
def test_run_is_an_executable_posix_script():
    for script in (ROOT / "run", ROOT / ".ci/run"):
        assert os.access(script, os.X_OK)
    subprocess.run([shutil.which("dash") or "sh", "-n", ROOT / "run"], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", ROOT / "run", ROOT / ".ci/run"], check=True)


@posix_only
def test_run_hands_arguments_and_folder_on_and_keeps_stdout_clean(installed: SmallProject):
    status, out, err = installed.run("generate", "--prompt", "two  words", "")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "arguments": ["generate", "--prompt", "two  words", ""],
        "cwd": str(installed.root.parent),
        "version": "1",
    }


@posix_only
def test_run_installs_again_only_when_what_is_installed_changes(installed: SmallProject):
    before = installed.builds
    pyproject = installed.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "\n[tool.ruff]\nline-length = 100\n")
    assert installed.run()[0] == 0
    assert installed.builds == before
    pyproject.write_text(
        pyproject.read_text().replace("dependencies = []", 'dependencies = []\nkeywords = ["changed"]', 1)
    )
    assert installed.run()[0] == 0
    assert installed.builds == before + 1


@posix_only
def test_run_makes_a_broken_environment_anew(installed: SmallProject):
    shutil.rmtree(installed.root / ".venv" / "bin")
    status, out, err = installed.run("again")
    assert status == 0, err
    assert json.loads(out)["arguments"] == ["again"]


@posix_only
def test_run_makes_a_moved_environment_anew(installed: SmallProject):
    moved = installed.root.with_name("moved")
    shutil.copytree(installed.root, moved, symlinks=True)
    run = subprocess.run(
        [moved / "run"], capture_output=True, text=True, env={**os.environ, "PYTHON": sys.executable}
    )
    assert run.returncode == 0, run.stderr
    assert "making .venv" in run.stderr


@posix_only
def test_a_run_killed_while_it_installs_is_repaired_by_the_next(installed: SmallProject):
    installed.stamp.unlink()
    (installed.root / "slow").touch()
    before = installed.builds
    process = installed.start()
    wait_for(lambda: installed.builds > before)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (installed.root / "slow").unlink()
    assert not installed.stamp.exists()
    assert installed.run()[0] == 0
    assert installed.stamp.exists()


@posix_only
def test_of_two_runs_at_once_one_installs_and_both_start(installed: SmallProject):
    installed.stamp.unlink()
    (installed.root / "slow").touch()
    before = installed.builds
    first = installed.start("first")
    wait_for(lambda: installed.builds > before)
    second = installed.start("second")
    assert second.stderr is not None and "waiting" in second.stderr.readline()
    (installed.root / "slow").unlink()
    for process, name in ((first, "first"), (second, "second")):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["arguments"] == [name]
    assert installed.builds == before + 1


@posix_only
def test_when_pip_fails_its_last_lines_are_shown_and_nothing_counts_as_installed(tmp_path: Path):
    project = SmallProject(tmp_path / "failing")
    builder = project.root / "builder.py"
    builder.write_text("def build_editable(*arguments):\n    raise SystemExit('no such luck')\n")
    status, out, err = project.run()
    assert (status, out) == (1, "")
    assert "no such luck" in err and "install.log" in err.splitlines()[-1]
    assert not project.stamp.exists()


def tools(folder: Path, *names: str) -> Path:
    """A folder for PATH that holds these programs of the system and nothing else."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def bare_run(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path / "bare")


@posix_only
def test_without_a_python_one_line_says_what_to_install(tmp_path: Path, bare_run: SmallProject):
    path = tools(tmp_path / "bin", "sh", "dirname", "readlink")
    old = path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (path / "apt-get").symlink_to("/bin/true")
    status, out, err = bare_run.run(PATH=str(path), PYTHON="")
    assert (status, out) == (1, "")
    assert err == (
        "run: needs Python 3.11 or newer, and found none; to install it: apt-get install python3 python3-venv\n"
    )


@posix_only
def test_a_python_named_by_hand_that_does_not_suit_is_refused(tmp_path: Path, bare_run: SmallProject):
    status, _, err = bare_run.run(PYTHON=str(tmp_path / "nowhere"))
    assert status == 1
    assert err == f"run: PYTHON names {tmp_path / 'nowhere'}, which does not run as Python 3.11 or newer\n"
