"""The door: without arguments the window opens; a command runs without one."""

from __future__ import annotations

import sys

WORKING = ("generate", "compare", "ladder")
"""Commands that start workers."""


def main() -> int:
    """Returns the exit status. Nothing is imported before it is known what is wanted: workers come through here too."""
    if len(sys.argv) == 1:
        from ui.app import main as window

        return window()
    if sys.argv[1] not in WORKING:
        return _command()
    from workbench.spawning import begin_server, end_idle_server

    begin_server()  # what all workers import takes seconds, and goes on beside our own imports
    try:
        return _command()
    finally:
        end_idle_server()


def _command() -> int:
    from workbench.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
