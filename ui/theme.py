"""Colours, font and style of the window: two palettes, one style sheet, following the system unless told otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication
from qtawesome.iconic_font import IconicFont
from shiboken6 import isValid

Mode = Literal["system", "light", "dark"]
ASSETS = Path(__file__).parents[1] / "assets"
PHOSPHOR = ("ph", "phosphor-1.3.0.ttf", "phosphor-charmap-1.3.0.json")
"""The one set of qtawesome's that is used. ``qtawesome.icon`` reads all twelve, a twentieth of the time to the first paint."""
_TOKEN = re.compile(r"@([a-z_]+)")


@dataclass(frozen=True)
class Colours:
    """The tokens of ``assets/theme/workbench.qss``. Text on its ground keeps a contrast of at least 4.5 to 1."""

    scheme: str
    window: str
    surface: str
    raised: str
    card: str
    input: str
    hover: str
    pressed: str
    border: str
    border_strong: str
    track: str
    scroll: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_pressed: str
    accent_soft: str
    on_accent: str
    focus_on_accent: str
    link: str
    good: str
    good_soft: str
    warning: str
    warning_soft: str
    warning_line: str
    error: str
    error_soft: str


DARK = Colours(
    scheme="dark",
    window="#0F1115",
    surface="#161920",
    raised="#20242D",
    card="#1A1E26",
    input="#11141A",
    hover="#272C37",
    pressed="#1B1F27",
    border="#2A2F3A",
    border_strong="#414858",
    track="#262B35",
    scroll="#39404E",
    text="#E8EAF0",
    muted="#A3ABBA",
    faint="#858D9D",
    accent="#8F80FF",
    accent_hover="#A195FF",
    accent_pressed="#7B6BF0",
    accent_soft="#2A2747",
    on_accent="#0E0B24",
    focus_on_accent="#FFFFFF",
    link="#AFA4FF",
    good="#5BD39B",
    good_soft="#16332A",
    warning="#EDBE62",
    warning_soft="#2E2818",
    warning_line="#5A4B23",
    error="#FF8480",
    error_soft="#341C20",
)

LIGHT = Colours(
    scheme="light",
    window="#EFF0F4",
    surface="#FFFFFF",
    raised="#FFFFFF",
    card="#F8F8FB",
    input="#FFFFFF",
    hover="#F0F0F5",
    pressed="#E4E5EC",
    border="#DBDDE5",
    border_strong="#B4B8C5",
    track="#E2E4EB",
    scroll="#C6CAD5",
    text="#1A1C23",
    muted="#555C6B",
    faint="#6A7180",
    accent="#5A49E0",
    accent_hover="#6B5BEA",
    accent_pressed="#4838C4",
    accent_soft="#ECEAFD",
    on_accent="#FFFFFF",
    focus_on_accent="#17123F",
    link="#4E3ED0",
    good="#116B43",
    good_soft="#DDF3E7",
    warning="#7A5200",
    warning_soft="#FFF5DD",
    warning_line="#E8CE93",
    error="#BC2734",
    error_soft="#FDECEC",
)

# Okabe and Ito's colours, told apart by people with any kind of colour blindness, dark enough for one text colour.
STAGE_COLOURS: dict[str, str] = {
    "tokenizer": "#F0E442",
    "text_encoder": "#E69F00",
    "unet": "#56B4E9",
    "scheduler": "#D55E00",
    "vae_decoder": "#1FA87F",
    "other": "#8A909C",
}
STAGE_TEXT = "#0E1116"

# Paul Tol's bright scheme and five more in between, for twelve variants; a number always stands on the colour.
VARIANT_COLOURS = (
    "#4C8FD6",
    "#EE6677",
    "#2FA65A",
    "#D9BE3C",
    "#66CCEE",
    "#B5499A",
    "#AEB4BF",
    "#EE8A3A",
    "#12A594",
    "#8C7AE6",
    "#A9744A",
    "#9DB53A",
)


def ink_on(ground: str) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = (int(ground[index : index + 2], 16) for index in (1, 3, 5))
    return STAGE_TEXT if 0.299 * red + 0.587 * green + 0.114 * blue > 118 else "#FFFFFF"


class Theme(QObject):
    """The look now. ``changed`` carries the new :class:`Colours`; ``mode`` is what the person chose."""

    changed = Signal(object)

    def __init__(self, application: QApplication, mode: Mode = "system"):
        super().__init__(application)
        self._application = application
        self.mode: Mode = mode
        self.colours = DARK
        self._icons = IconicFont(PHOSPHOR)
        application.setStyle("Fusion")
        application.setFont(_font())
        application.styleHints().colorSchemeChanged.connect(lambda _: self._apply())
        self._apply(force=True)

    def choose(self, mode: Mode) -> None:
        """Follow the system, or stay light or dark."""
        if mode != self.mode:
            self.mode = mode
            self._apply(force=True)  # the switch follows the mode, also where the colours stay

    def icon(self, name: str, role: str = "muted") -> QIcon:
        """A Phosphor icon in a colour of the theme."""
        return self._icons.icon(
            f"{PHOSPHOR[0]}.{name}",
            color=getattr(self.colours, role),
            color_disabled=self.colours.border_strong,
        )

    def icon_on(self, button: QAbstractButton, name: str | Callable[[], str], role: str = "muted") -> None:
        """Give a button an icon that follows the theme; ``name`` may be a function where the icon has states."""

        def paint(_: object = None) -> None:
            if not isValid(button):  # deleted since; its wrapper is only held here
                self.changed.disconnect(paint)
                return
            button.setIcon(self.icon(name if isinstance(name, str) else name(), role))

        paint()
        self.changed.connect(paint)
        button.toggled.connect(paint)

    def _apply(self, force: bool = False) -> None:
        hints = self._application.styleHints()
        system_dark = hints.colorScheme() == Qt.ColorScheme.Dark
        dark = self.mode == "dark" or (self.mode == "system" and system_dark)
        colours = DARK if dark else LIGHT
        if colours is self.colours and not force:
            return
        self.colours = colours
        self._application.setPalette(_palette(colours))
        self._application.setStyleSheet(style_sheet(colours))
        self.changed.emit(colours)


def style_sheet(colours: Colours) -> str:
    """The style sheet with its tokens filled in. Raises KeyError for a token that no palette has."""
    tokens = asdict(colours) | {"icons": (ASSETS / "icons").as_posix()}
    template = (ASSETS / "theme" / "workbench.qss").read_text(encoding="utf-8").split("*/", 1)[1]
    return _TOKEN.sub(lambda match: tokens[match[1]], template)


def _font() -> QFont:
    """Inter, shipped with its licence, with figures of one width so that numbers don't dance while they change."""
    family = QFontDatabase.addApplicationFont(str(ASSETS / "theme" / "Inter.ttf"))
    names = QFontDatabase.applicationFontFamilies(family) if family >= 0 else []
    font = QFont(names[0]) if names else QApplication.font()
    font.setPixelSize(13)
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.input,
        QPalette.ColorRole.AlternateBase: colours.card,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.PlaceholderText: colours.faint,
        QPalette.ColorRole.Link: colours.link,
        QPalette.ColorRole.Accent: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    disabled = QPalette.ColorGroup.Disabled
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(disabled, role, QColor(colours.faint))
    return palette
