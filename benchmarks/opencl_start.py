"""How long a variant takes to start, with a cold and with a warm cache, against one picture of the built-in model.

Usage, from the repository's root::

    PYTHONPATH=. python benchmarks/opencl_start.py [--variant opencl] [--repeat 3]

Every start is a process of its own, ``main.py generate``, all with one home that is empty before the first. What is not the
picture's own time is the start: imports, reading the model, capturing or reading graphs, compiling or reading kernels,
packing weights and the warm-up iteration. In seconds of the wall clock.
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
    picture = statistics.median(seconds for _, seconds in warm)
    for name, found in (("cold", [cold]), ("warm", warm)):
        starts = [start for start, _ in found]
        start = statistics.median(starts)
        print(
            f"{options.variant}, {name} cache: start {start:.1f} s ({min(starts):.1f} .. {max(starts):.1f}), "
            f"{start / picture:.2f} of a picture's {picture:.1f} s"
        )


def _timed(variant: str, home: Path) -> tuple[float, float]:
    """Seconds of the start, and of the picture."""
    result = home / "result.json"
    command = [sys.executable, str(ROOT / "main.py"), "generate", "--prompt", PROMPT, "--variant", variant]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--out", str(home / "picture.png"), "--json", str(result), "--brief"],
        check=True,
        env={**os.environ, "WORKBENCH_HOME": str(home)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    whole = time.perf_counter() - began
    picture = json.loads(result.read_text())["results"][0]["total_ms"] / 1e3
    return whole - picture, picture


if __name__ == "__main__":
    main()
