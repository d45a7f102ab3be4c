"""Whoever uses the window, by whatever: keys, a screen reader, colours that tell apart, names that a script finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QDialog, QLabel, QWidget

from backends.registry import BACKENDS
from backends.variants import parse_variant
from tests.ui.doing import find
from ui.inspector import ROWS
from ui.window import SMALLEST
from workbench.comparison import Comparison
from workbench.desk.experiment import Column
from workbench.exports.kinds import EXPORTS


def test_the_sheet_lists_every_shortcut(qtbot, window):
    qtbot.keyClick(window.run_bar.run, "?")
    sheet = find(window, QDialog, "shortcutSheet")
    words = {label.text() for label in sheet.findChildren(QLabel)}
    for action in window.actions_.menu():
        if action is not None and not action.text().startswith("Chart: "):
            assert action.text().rstrip("…") in words
    assert sheet.height() <= SMALLEST.height() and sheet.width() <= SMALLEST.width()
    sheet.accept()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_both_themes_keep_their_contrast(window, mode):
    window.theme.choose(mode)
    colours = window.theme.colours
    for text, ground in (
        ("text", "surface"),
        ("muted", "surface"),
        ("faint", "surface"),
        ("on_accent", "accent"),
    ):
        assert contrast(getattr(colours, text), getattr(colours, ground)) >= 4.5, (text, ground)
    for text in ("good", "warning", "error"):
        assert contrast(getattr(colours, text), getattr(colours, f"{text}_soft")) >= 4.5, text


def test_everything_has_a_name_for_a_screen_reader_and_tab_reaches_it(window):
    window.prompt_panel.more.expand(animate=False)
    window.desk.board.open_card(window.desk.board.cards[0].number)
    fields = (
        "promptEdit",
        "negativePromptEdit",
        "seedEdit",
        "stepsSpin",
        "guidanceSpin",
        "sizeCombo",
        "schedulerCombo",
    )
    choices = (
        "modelCombo",
        "repeatsSpin",
        "kernelsSwitch",
        "promptPerLineSwitch",
        "backendCombo",
        "deviceCombo",
    )
    buttons = (
        "diceButton",
        "keepSeedButton",
        "browseModelButton",
        "runButton",
        "liveSwitch",
        "liveSeedSwitch",
    )
    others = (
        "precisionCombo",
        "sdpaSwitch",
        "variantCard",
        "moreSettingsButton",
        "addVariantButton",
        "timelinePlot",
    )
    for name in (*fields, *choices, *buttons, *others):
        widget = find(window, QWidget, name)
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, name
        assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), name


def test_the_documentation_lists_every_name_and_no_other(qtbot, window):
    """With all that the window can hold: every backend's card, cells, A/B, the sheet, the question at closing."""
    text = (Path(__file__).parents[2] / "docs" / "window.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert len(listed) == len(set(listed)) > 100
    placeholders = {
        "{optimization}": [item.name for backend in BACKENDS.values() for item in backend.optimizations],
        "{field}": [*window.prompt_panel._controls, "backend", "device", "precision"],
        "{figure}": list(ROWS),
        "{kind}": [kind.name for kind in EXPORTS],
        "{number}": [str(number) for number in range(len(window.desk.samples.shown))],
    }
    expected = set()
    for name in listed:
        place = next((place for place in placeholders if place in name), "")
        expected |= {name.replace(place, value) for value in placeholders[place]} if place else {name}
    expected -= {f"{name}Slider" for name in placeholders["{optimization}"] if name != "tome"}
    window.desk.board.take([parse_variant(name) for name in BACKENDS])
    for card in window.desk.board.cards:
        window.desk.board.open_card(card.number)
    variants = window.desk.board.variants
    window.desk.experiment.begin(
        Comparison("critters", window.desk.form.draft.requests(), variants, variants[0]),
        [Column(variant, place, place + 1) for place, variant in enumerate(variants)],
        window.desk.form.models[0],
    )
    window.show_shortcuts()
    window._ask_to_close()
    there = {widget.objectName() for widget in [window, *window.findChildren(QWidget)]}
    there |= {action.objectName() for action in window.header.export.menu().actions()}
    of_qt = {name for name in there if not name or name.startswith(("qt_", "Scroll"))}
    assert there - of_qt == expected


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
