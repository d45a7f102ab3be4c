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
    """Run the variants on a prompt and save the window, once per chart asked for. Returns 1 where a run failed."""
    parser = argparse.ArgumentParser(prog="python -m ui.screenshot", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompt", help="none leaves the window empty")
    parser.add_argument("--model", help="a name, folder, file or hub id (default: the built-in model)")
    parser.add_argument("--variant", action="append", help="in its one-line form, several times")
    parser.add_argument("--seed", default="42", help="one, or a list such as 1,2,10-14")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--size-of-picture", help="WIDTHxHEIGHT")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--kernels", action="store_true", help="record every operation")
    parser.add_argument("--theme", choices=("light", "dark"), default="dark")
    parser.add_argument("--size", default="1280x800", help="of the window, WIDTHxHEIGHT")
    parser.add_argument(
        "--at", type=int, help="save after this many runs, in the middle of the next, instead of at the end"
    )
    parser.add_argument(
        "--show",
        action="append",
        default=[],
        help="a chart's title, arena, ab:MODE, details, open (the last card), more, sheet; each makes OUT-NAME.png",
    )
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="workbench-screenshot-") as home:
        os.environ["WORKBENCH_HOME"] = home
        return _shoot(arguments)


def _shoot(arguments: argparse.Namespace) -> int:
    from PySide6.QtWidgets import QApplication, QDialog

    from backends.variants import parse_variant
    from ui.app import open_window

    application = QApplication(sys.argv[:1])
    window = open_window(application)
    desk = window.desk
    window.theme.choose(arguments.theme)
    width, height = (int(number) for number in arguments.size.split("x"))
    window.resize(width, height)
    window.show()
    settle(600)
    window.arrange_panels()
    if arguments.model:
        desk.form.choose_model(arguments.model)
    if arguments.variant:
        desk.board.take([parse_variant(line) for line in arguments.variant])
    changes = {"steps": arguments.steps, "size": arguments.size_of_picture}
    changes = {name: value for name, value in changes.items() if value is not None}
    if arguments.prompt:
        desk.form.edit(
            prompt=arguments.prompt,
            seed=arguments.seed,
            repeats=arguments.repeats,
            kernels=arguments.kernels,
            **changes,
        )
        window.run()
        while desk.execution.state.active:
            settle(10)
            state = desk.execution.state
            if arguments.at is not None and state.done >= arguments.at and state.index > state.count // 2 > 0:
                break
    settle(600)
    window.grab().save(str(arguments.out))
    for name in arguments.show:
        _show(window, name)
        settle(400)
        dialog = window.findChild(QDialog, "shortcutSheet")
        file = arguments.out.with_name(f"{arguments.out.stem}-{name.replace(':', '-').lower()}.png")
        (dialog or window).grab().save(str(file))
        if dialog is not None:
            dialog.close()
    problem = desk.form.problems or [cell.error for cell in desk.experiment.cells.values() if cell.error]
    desk.execution.cancel()
    while desk.execution.state.active:
        settle(10)
    window.close()
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def settle(milliseconds: int) -> None:
    """Let the window work for a while."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _show(window, name: str) -> None:
    if name.startswith("ab:"):
        window.show_ab()
        window.work.ab.set_mode(name.removeprefix("ab:"))
    elif name == "details":
        window.toggle_details()
    elif name == "open":
        window.desk.board.open_card(window.desk.board.cards[-1].number)
    elif name == "sheet":
        window.show_shortcuts()
    elif name == "more":
        window.prompt_panel.more.expand(animate=False)
    elif name == "arena":
        window.open_chart("Memory")
        window.work.charts.memory.show_page("arena")
    elif name == "grid":
        window.show_grid()
    else:
        window.open_chart(name)


if __name__ == "__main__":
    sys.exit(main())
