"""What Qt needs of the system and no Python package brings: the libraries of X and Wayland, OpenGL and fonts.

Standard library only. It is asked before PySide6 is imported: a missing library ends that import, or later the whole
process, with a message that names neither the package nor the command that installs it.
``python -m ui.system`` prints :func:`complaint` and fails when there is one.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterable, Mapping

# Library → its package in Debian's family and in Arch's. Systems of rpm find a package by the library itself.
COMMON = {
    "libEGL.so.1": ("libegl1", "libglvnd"),
    "libGL.so.1": ("libgl1", "libglvnd"),
    "libX11.so.6": ("libx11-6", "libx11"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype2"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libz.so.1": ("zlib1g", "zlib"),
    "libzstd.so.1": ("libzstd1", "zstd"),
}
X = {
    "libX11-xcb.so.1": ("libx11-xcb1", "libx11"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
}
WAYLAND = {
    "libwayland-client.so.0": ("libwayland-client0", "wayland"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "wayland"),
}
PACKAGES = COMMON | X | WAYLAND


def complaint(environment: Mapping[str, str] = os.environ) -> str | None:
    """One line that says why no window can open here and what to do; None when nothing is in the way."""
    missing = missing_libraries(environment)
    if missing:
        return f"Qt needs system libraries that are missing ({', '.join(missing)}); install them: {install_command(missing)}"
    if sys.platform == "linux" and not platforms(environment):
        return "there is no screen to open a window on: neither WAYLAND_DISPLAY nor DISPLAY is set"
    return None


def missing_libraries(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The libraries that must be installed for Qt to start here, the shortest list that will do; empty when all is well."""
    if sys.platform != "linux":
        return []
    choices = [libraries_of(platform) for platform in platforms(environment)] or [[*COMMON]]
    return min(([name for name in libraries if not loads(name)] for libraries in choices), key=len)


def platforms(environment: Mapping[str, str]) -> list[str]:
    """The platform plugins that Qt may take here: the chosen ones, or those of the screens there are."""
    chosen = environment.get("QT_QPA_PLATFORM")
    if chosen:
        return [plugin.split(":")[0] for plugin in chosen.split(";")]
    screens = {"wayland": "WAYLAND_DISPLAY", "xcb": "DISPLAY"}
    return [platform for platform, variable in screens.items() if environment.get(variable)]


def libraries_of(platform: str) -> list[str]:
    """The libraries that one of Qt's platform plugins links, with those that every Qt program does."""
    return [*COMMON, *{"xcb": X, "wayland": WAYLAND}.get(platform, {})]


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_command(missing: Iterable[str]) -> str:
    """The one command that installs ``missing`` on this system."""
    missing = list(missing)
    debian, arch = (" ".join(dict.fromkeys(PACKAGES[name][column] for name in missing)) for column in (0, 1))
    provided = " ".join(f"'{name}()(64bit)'" for name in missing)
    sudo = "sudo " if shutil.which("sudo") else ""
    commands = {
        "apt-get": f"install {debian}",
        "dnf": f"install {provided}",
        "zypper": f"install {provided}",
        "pacman": f"-S {arch}",
    }
    for manager, command in commands.items():
        if shutil.which(manager):
            return f"{sudo}{manager} {command}"
    return f"with your system's package manager (Debian names them {debian})"


if __name__ == "__main__":
    sys.exit(complaint())
