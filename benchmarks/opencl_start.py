"""How long a variant takes to start, with a cold and with a warm cache, against one picture of the built-in model.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_start.py [--variant opencl] [--repeat 3]

Every start is a process of its own, ``main.py generate``, all with one home that is empty before the first. The start is
what goes before the picture's first step: imports, reading the model, capturing or reading graphs, compiling or reading
kernels, packing weights and the warm-up iteration. Of that the load is what a variant costs in a session that runs already,
whose processes are forked from one that has imported PyTorch and diffusers. Behind the picture come its judge, its files and
the end of all processes; "all but the picture" is the start and those. In seconds of the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMPT = "a happy blue robot in a top hat, night sky"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variant", default="opencl")
    parser.add_argument("--repeat", type=int, default=3, help="warm starts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        cold, *warm = [_timed(options.variant, Path(home)) for _ in range(1 + options.repeat)]
    picture = statistics.median(run["picture"] for run in warm)
    for name, found in (("cold", [cold]), ("warm", warm)):
        for part in ("start", "load", "all but the picture"):
            seconds = [run[part] for run in found]
            median = statistics.median(seconds)
            print(
                f"{options.variant}, {name} cache: {part} {median:.2f} s ({min(seconds):.2f} .. {max(seconds):.2f}), "
                f"{median / picture:.2f} of a picture's {picture:.2f} s"
            )


def _timed(variant: str, home: Path) -> dict[str, float]:
    """Seconds of the start, of the load in it, of the picture, and of all but the picture."""
    result = home / "result.json"
    command = [sys.executable, str(ROOT / "main.py"), "generate", "--prompt", PROMPT, "--variant", variant]
    # a person's Python keeps the bytecode of our modules
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter_ns()
    subprocess.run(
        [*command, "--out", str(home / "picture.png"), "--json", str(result), "--brief"],
        check=True,
        env=kept | {"WORKBENCH_HOME": str(home)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    whole = (time.perf_counter_ns() - began) / 1e9
    measured = json.loads(result.read_text())["results"][0]
    picture = measured["total_ms"] / 1e3
    return {
        # the worker's clock is this process's: both are the system's
        "start": (measured["runs"][0]["start_ns"] - began) / 1e9,
        "load": measured["load_seconds"],
        "picture": picture,
        "all but the picture": whole - picture,
    }


if __name__ == "__main__":
    main()
