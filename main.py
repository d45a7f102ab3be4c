"""The door: without arguments the window opens; a command runs without one."""

from __future__ import annotations

import sys


def main() -> int:
    """Returns the exit status. Nothing is imported before it is known what is wanted: workers come through here too."""
    if len(sys.argv) == 1:
        from ui.app import main as window

        return window()
    from workbench.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
