"""Makes the environment in ``.venv`` and starts the program or its tests in it. Called by ``run`` and ``run.cmd``.

Standard library only. The environment is right when its stamp says so, and the stamp is written last: an installation
that was killed half way has none and is made anew. Two runs at once wait for each other at a lock that the system frees
when its holders, this process and the ones that install for it, have ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = BIN / ("python.exe" if sys.platform == "win32" else "python")
STAMP = VENV / "installed.json"
LOG = VENV / "install.log"
LOCK = ROOT / ".venv.lock"
LOG_LINES_SHOWN = 15


def main(arguments: list[str]) -> int:
    os.environ.pop("PYTHONHOME", None)
    os.environ.pop("PYTHONPATH", None)
    testing = arguments[:1] == ["test"]
    install("test" if testing else None)
    if testing:
        return test(arguments[1:])
    start([str(PYTHON), str(ROOT / "main.py"), *arguments])


def start(command: list[str]) -> NoReturn:
    if sys.platform == "win32":  # where exec returns to the shell while the program still runs
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def say(message: str) -> None:
    print(f"run: {message}", file=sys.stderr, flush=True)


# The environment


def install(extra: str | None) -> None:
    """Make ``.venv`` hold the project with its pins, and with ``extra``; nothing to do when its stamp says so."""
    wanted = {"place": place(), "project": project_digest(), "extras": [extra] if extra else []}
    if holds(read_stamp(), wanted):
        return
    with lock():
        stamp = read_stamp()
        if holds(stamp, wanted):
            return
        wanted["extras"] = sorted({*wanted["extras"], *stamp.get("extras", [])})
        if stamp.get("place") != wanted["place"] or not PYTHON.exists():
            make_venv()
        STAMP.unlink(missing_ok=True)
        say("installing what pyproject.toml names; the first time this takes some minutes and gigabytes")
        pip_install(f".[{','.join(wanted['extras'])}]" if wanted["extras"] else ".")
        unfinished = STAMP.with_suffix(".new")
        unfinished.write_text(json.dumps(wanted))
        unfinished.replace(STAMP)


def place() -> str:
    """What an environment cannot survive a change of: the folder it is in, and the Python that made it."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {VENV}"


def project_digest() -> str:
    """The part of pyproject.toml that decides what is installed; the settings of the linters do not."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = {name: settings.get(name) for name in ("build-system", "project")}
    return hashlib.sha256(json.dumps(installed, sort_keys=True).encode()).hexdigest()


def read_stamp() -> dict:
    try:
        return json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}


def holds(stamp: dict, wanted: dict) -> bool:
    return (
        PYTHON.exists()
        and all(stamp.get(name) == wanted[name] for name in ("place", "project"))
        and set(wanted["extras"]) <= set(stamp["extras"])
    )


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Held by one run at a time, and by the children it starts with ``close_fds=False``, which may outlive it."""
    with LOCK.open("a+b") as file:
        os.set_inheritable(file.fileno(), True)
        if not try_lock(file.fileno()):
            say("another run is installing; waiting for it")
            while not try_lock(file.fileno()):
                time.sleep(0.2)
        yield


def try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def make_venv() -> None:
    base = base_python()
    if subprocess.run([base, "-I", "-c", "import ensurepip, venv"], capture_output=True).returncode:
        sys.exit(f"run: {base} makes no environments; what it lacks comes with: apt-get install python3-venv")
    say(f"making .venv with Python {sys.version.split()[0]} ({base})")
    STAMP.unlink(missing_ok=True)
    running_inside = Path(sys.executable).is_relative_to(VENV)
    if sys.platform == "win32" and running_inside:  # where the files of a running program cannot be removed
        start([base, "-I", __file__, *sys.argv[1:]])
    if VENV.exists():
        shutil.rmtree(VENV)
    command = [base, "-I", "-m", "venv", str(VENV)]
    made = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, close_fds=False
    )
    if made.returncode:
        sys.exit(f"{made.stdout}run: no environment could be made in {VENV}")


def base_python() -> str:
    """The Python outside any environment; ``.venv``, about to be removed, may be running this."""
    base = Path(getattr(sys, "_base_executable", None) or sys.executable)
    return str(base.resolve() if base.is_relative_to(VENV) else base)


def pip_install(requirement: str) -> None:
    """Install the project editable; pip's words go to the log, on a terminal the newest of them to one line."""
    command = [str(PYTHON), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--editable", requirement]
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
            close_fds=False,
        ) as pip,
    ):
        for line in pip.stdout or ():
            log.write(line)
            log.flush()
            show_passing(line.strip())
    show_passing("")
    if pip.returncode:
        last = LOG.read_text(encoding="utf-8").splitlines()[-LOG_LINES_SHOWN:]
        sys.exit("\n".join([*last, f"run: pip failed; the whole of what it said is in {LOG}"]))


def show_passing(line: str) -> None:
    """On a terminal, show a line that the next one overwrites."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{line[:width]}", end="", file=sys.stderr, flush=True)


# The tests


ALONE = "tests/ui/alone"
PASSES = (
    (["-n", "2", "--dist", "loadfile", f"--ignore={ALONE}"], {"OMP_NUM_THREADS": "1"}),
    ([ALONE], {}),
)
"""What pytest is given, and its environment: two files at a time, a thread each, for half of a test's time is one process that
starts or compiles; then the tests that need the machine for themselves."""


def test(pytest_arguments: list[str]) -> int:
    """Run every check and then pytest, and fail when one of them failed. Each check is one line while it passes."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"  # or pyright asks a registry for a newer version
    python = str(PYTHON)
    if subprocess.call([python, "-m", "ui.system"], cwd=ROOT):
        return 1
    failed = [
        name
        for name, command in {
            "ruff check": [python, "-m", "ruff", "check"],
            "ruff format": [python, "-m", "ruff", "format", "--check"],
            "pyright": [python, "-m", "pyright", "--pythonpath", python],
            "import-linter": [str(BIN / "lint-imports")],
        }.items()
        if not check(name, command)
    ]
    statuses = [
        subprocess.call([python, "-m", "pytest", *arguments], cwd=ROOT, env=os.environ | environment)
        for arguments, environment in ([(pytest_arguments, {})] if pytest_arguments else PASSES)
    ]
    if failed:
        say(f"failed before pytest: {', '.join(failed)}")
    return next((status for status in statuses if status), bool(failed))


def check(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stdout.write(done.stdout.decode(errors="replace"))
    outcome = "failed" if done.returncode else "passed"
    print(f"{name}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("run: stopped; the next run goes on")
    except OSError as error:
        sys.exit(f"run: {error}")
