"""``python -m ui.screenshot OUT.png``: the window after a real run, as a picture for the documentation.

One command a picture. ``--only VIEW`` makes OUT.png of that view, ``--show VIEW`` (several times) OUT-VIEW.png beside it::

    python -m ui.screenshot start.png                                  # the first start, with its sample prompts
    python -m ui.screenshot window.png --prompt "a blue robot"         # after a run
    python -m ui.screenshot ab.png --prompt "a blue robot" --only ab:wipe --pair 1,4
    python -m ui.screenshot live.png --prompt "a blue robot" --rounds 8 --only Rounds
    python -m ui.screenshot export.png --prompt "a blue robot" --only export

Offscreen unless ``QT_QPA_PLATFORM`` says otherwise; settings of its own, so that the person's are left alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

VIEWS = (
    "grid, ab:wipe, ab:side, ab:blink, ab:difference, a chart's title (Timeline, Stages, Memory, Trade-off, Table, Rounds, "
    "Queue, Sessions), arena, details, open (the last card), more (settings), sheet, and the menus export, ideas, presets"
)


def main() -> int:
    """Run the variants on a prompt and save the window, once per view asked for. Returns 1 where a run failed."""
    parser = argparse.ArgumentParser(
        prog="python -m ui.screenshot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompt", help="none leaves the window empty")
    parser.add_argument("--model", help="a name, folder, file or hub id (default: the built-in model)")
    parser.add_argument("--variant", action="append", help="in its one-line form, several times")
    parser.add_argument("--seed", default="42", help="one, or a list such as 1,2,10-14")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--size-of-picture", help="WIDTHxHEIGHT")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=0, help="go on live for so many rounds")
    parser.add_argument("--kernels", action="store_true", help="record every operation")
    parser.add_argument("--theme", choices=("light", "dark"), default="dark")
    parser.add_argument("--size", default="1280x800", help="of the window, WIDTHxHEIGHT")
    parser.add_argument("--pair", help="the columns that are A and B, from 1, such as 1,4")
    parser.add_argument(
        "--at", type=int, help="save after this many runs, in the middle of the next, instead of at the end"
    )
    parser.add_argument("--loading", action="store_true", help="save while the first variant is loaded")
    parser.add_argument("--show", action="append", default=[], metavar="VIEW", help=VIEWS)
    parser.add_argument("--only", metavar="VIEW", help="OUT.png is of this view")
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="workbench-screenshot-") as home:
        os.environ["WORKBENCH_HOME"] = home
        return _shoot(arguments)


def _shoot(arguments: argparse.Namespace) -> int:
    from PySide6.QtWidgets import QApplication

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
    _ask(desk, arguments)
    if arguments.prompt:
        window.run()
        _wait(desk, arguments)
        _live(desk, arguments.rounds)
    if arguments.pair:
        a, b = (int(number) - 1 for number in arguments.pair.split(","))
        desk.selection.set_a((0, a))
        desk.selection.set_b((0, b))
    settle(900)
    if arguments.only:
        _show(window, arguments.only)
        settle(500)
    _save(window, arguments.out)
    for name in arguments.show:
        _show(window, name)
        settle(500)
        _save(window, arguments.out.with_name(f"{arguments.out.stem}-{name.replace(':', '-').lower()}.png"))
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


def _ask(desk, arguments: argparse.Namespace) -> None:
    from backends.variants import parse_variant

    if arguments.model:
        desk.form.choose_model(arguments.model)
    if arguments.variant:
        desk.board.take([parse_variant(line) for line in arguments.variant])
    changes = {"steps": arguments.steps, "size": arguments.size_of_picture, "prompt": arguments.prompt}
    desk.form.edit(
        seed=arguments.seed,
        repeats=arguments.repeats,
        kernels=arguments.kernels,
        prompt_per_line="\n" in (arguments.prompt or ""),
        **{name: value for name, value in changes.items() if value is not None},
    )


def _wait(desk, arguments: argparse.Namespace) -> None:
    """Until the run is over, or has come to the moment asked for."""
    while desk.execution.state.active:
        settle(10)
        state = desk.execution.state
        if arguments.loading and state.what and state.what != "starting":
            settle(400)
            return
        if arguments.at is not None and state.done >= arguments.at and state.index > state.count // 2 > 0:
            return


def _live(desk, rounds: int) -> None:
    if rounds:
        desk.execution.set_live(True)
        while desk.execution.state.round < rounds or desk.execution.state.index < 2:
            settle(10)


def _save(window, file: Path) -> None:
    """The window with the menu or the sheet that is open over it."""
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QDialog, QMenu

    picture = window.grab()
    painter = QPainter(picture)
    for over in (*window.findChildren(QMenu), *window.findChildren(QDialog)):
        if over.isVisible():
            dialog = isinstance(over, QDialog)
            middle = window.rect().center() - over.rect().center()
            painter.drawPixmap(middle if dialog else over.property("wanted"), over.grab())
            over.close()
    painter.end()
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(str(file))


def _show(window, name: str) -> None:
    menus = {
        "export": window.header.export,
        "ideas": window.prompt_panel.ideas,
        "presets": window.board_panel.presets,
    }
    if name.startswith("ab:"):
        window.show_ab()
        window.work.ab.set_mode(name.removeprefix("ab:"))
    elif name in menus:
        button = menus[name]
        menu = button.menu()
        menu.adjustSize()
        at = button.mapTo(window, button.rect().bottomLeft())
        at.setX(min(at.x(), window.width() - menu.sizeHint().width() - 8))
        menu.setProperty("wanted", at)  # a screen of Qt's own is smaller than the window and moves the menu
        menu.popup(window.mapToGlobal(at))
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
