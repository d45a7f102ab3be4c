"""Missing system libraries are found before Qt is, and named with the command that installs them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ui import system

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems bring what Qt needs")

# What every Linux has, and what the Qt packages bring themselves.
ALWAYS_THERE = re.compile(
    r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|resolv)\.so|libQt6|libicu|libpyside6|libshiboken6"
)


def libraries_linked_by(binary: Path) -> set[str]:
    """The names of shared libraries in the dynamic string table; the binary's own name may be among them."""
    return {name.decode() for name in re.findall(rb"\0(lib[\w.+-]+\.so\.\d+)(?=\0)", binary.read_bytes())}


def qt_folder() -> Path:
    spec = importlib.util.find_spec("PySide6")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "Qt"


@linux_only
@pytest.mark.parametrize(
    ("binary", "platform"),
    [
        ("lib/libQt6Core.so.6", "offscreen"),
        ("lib/libQt6DBus.so.6", "offscreen"),
        ("lib/libQt6Gui.so.6", "offscreen"),
        ("lib/libQt6Widgets.so.6", "offscreen"),
        ("plugins/platforms/libqoffscreen.so", "offscreen"),
        ("lib/libQt6XcbQpa.so.6", "xcb"),
        ("plugins/platforms/libqxcb.so", "xcb"),
        ("lib/libQt6WaylandClient.so.6", "wayland"),
        ("plugins/platforms/libqwayland.so", "wayland"),
    ],
)
def test_the_list_covers_what_the_installed_qt_links(binary: str, platform: str):
    linked = {name for name in libraries_linked_by(qt_folder() / binary) if not ALWAYS_THERE.match(name)}
    assert linked <= set(system.libraries_of(platform))


def without(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    monkeypatch.setattr(system, "loads", lambda name: name not in libraries)


@linux_only
def test_a_library_that_is_not_there_does_not_load():
    assert system.loads("libc.so.6")
    assert not system.loads("libnobody-has-this.so.1")


@linux_only
def test_a_missing_library_of_x_is_missing_under_x_only(monkeypatch: pytest.MonkeyPatch):
    without(monkeypatch, "libxcb-cursor.so.0")
    assert system.missing_libraries({"DISPLAY": ":0"}) == ["libxcb-cursor.so.0"]
    assert system.missing_libraries({"QT_QPA_PLATFORM": "xcb"}) == ["libxcb-cursor.so.0"]
    assert system.missing_libraries({"QT_QPA_PLATFORM": "offscreen"}) == []
    assert system.missing_libraries({"WAYLAND_DISPLAY": "wayland-0"}) == []


@linux_only
def test_where_both_screens_are_there_one_complete_set_is_enough(monkeypatch: pytest.MonkeyPatch):
    both = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}
    without(monkeypatch, "libwayland-cursor.so.0")
    assert system.missing_libraries(both) == []
    without(monkeypatch, "libwayland-cursor.so.0", "libxcb-icccm.so.4", "libxcb-cursor.so.0")
    assert system.missing_libraries(both) == ["libwayland-cursor.so.0"]


@linux_only
def test_a_library_of_every_qt_program_is_missing_without_a_screen_too(monkeypatch: pytest.MonkeyPatch):
    without(monkeypatch, "libEGL.so.1")
    assert system.missing_libraries({}) == ["libEGL.so.1"]
    assert system.missing_libraries({"QT_QPA_PLATFORM": "offscreen"}) == ["libEGL.so.1"]


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("apt-get", "sudo apt-get install libegl1 libglib2.0-0"),
        (
            "dnf",
            "sudo dnf install 'libEGL.so.1()(64bit)' 'libglib-2.0.so.0()(64bit)' 'libgthread-2.0.so.0()(64bit)'",
        ),
        ("pacman", "sudo pacman -S libglvnd glib2"),
        (
            "zypper",
            "sudo zypper install 'libEGL.so.1()(64bit)' 'libglib-2.0.so.0()(64bit)' 'libgthread-2.0.so.0()(64bit)'",
        ),
    ],
)
def test_the_command_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch, manager: str, expected: str):
    monkeypatch.setattr(system.shutil, "which", lambda name: name if name in {manager, "sudo"} else None)
    assert system.install_command(["libEGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"]) == expected


@linux_only
def test_the_complaint_is_one_line_with_the_library_and_the_command(monkeypatch: pytest.MonkeyPatch):
    without(monkeypatch, "libxcb-cursor.so.0")
    monkeypatch.setattr(system.shutil, "which", lambda name: name if name == "apt-get" else None)
    line = system.complaint({"DISPLAY": ":0"})
    assert line is not None and "\n" not in line
    assert "libxcb-cursor.so.0" in line
    assert line.endswith("apt-get install libxcb-cursor0")


@linux_only
def test_no_screen_is_said_and_offscreen_needs_none():
    assert "no screen" in (system.complaint({}) or "")
    assert system.complaint({"QT_QPA_PLATFORM": "offscreen"}) is None


def test_asking_imports_nothing_outside_the_standard_library():
    code = "import sys, ui.system; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    command = [sys.executable, "-S", "-c", code]
    root = Path(__file__).parents[2]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.split()
    assert set(loaded) - set(sys.stdlib_module_names) <= {"ui", "__main__"}
