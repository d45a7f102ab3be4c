"""``python -m ui.screenshot OUT.png``: the window after a real run, as a picture for the documentation.

Offscreen unless ``QT_QPA_PLATFORM`` says otherwise; settings of its own, so that the person's are left alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Generate with the chosen prompts, one after the other, and save the window. Returns 1 where a run failed."""
    parser = argparse.ArgumentParser(prog="python -m ui.screenshot", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--prompt", action="append", help="several make a filmstrip; none leaves the window empty"
    )
    parser.add_argument("--model", help="a name, folder, file or hub id (default: the built-in model)")
    parser.add_argument("--theme", choices=("light", "dark"), default="dark")
    parser.add_argument("--size", default="1280x800", help="of the window, WIDTHxHEIGHT")
    parser.add_argument("--at", type=int, help="save at this iteration of the last run instead of its end")
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="workbench-screenshot-") as home:
        os.environ["WORKBENCH_HOME"] = home
        return _shoot(arguments)


def _shoot(arguments: argparse.Namespace) -> int:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from ui.app import open_window

    application = QApplication(sys.argv[:1])
    window = open_window(application)
    generation = window.generation
    window.theme.choose(arguments.theme)
    width, height = (int(number) for number in arguments.size.split("x"))
    window.resize(width, height)
    window.show()

    def settle(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    settle(600)
    window.arrange_panels()
    if arguments.model:
        generation.choose_model(arguments.model)
    prompts = arguments.prompt or []
    for index, prompt in enumerate(prompts):
        generation.edit(prompt=prompt)
        window.generate()
        stop_at = arguments.at if index == len(prompts) - 1 else None
        while generation.progress.active and (stop_at is None or generation.progress.index < stop_at):
            settle(10)
    settle(500)
    window.grab().save(str(arguments.out))
    problem = generation.problems or generation.failure
    window.close()
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
