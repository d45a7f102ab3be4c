"""The bar on top: what this is, the menu, and light or dark."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QMenu, QToolButton

from ui.fields import text_label
from ui.theme import ASSETS, Mode, Theme

MODES: tuple[tuple[Mode, str, str], ...] = (
    ("system", "monitor", "Follow the system"),
    ("light", "sun", "Light"),
    ("dark", "moon", "Dark"),
)


class Header(QFrame):
    """Title, actions as a menu with their shortcuts, and the theme's switch."""

    def __init__(self, theme: Theme, actions: list[QAction | None], fill_export: Callable[[QMenu], None]):
        super().__init__()
        self.setObjectName("header")
        self.setFixedHeight(48)
        icon = QLabel()
        icon.setPixmap(QIcon(str(ASSETS / "icons" / "workbench.svg")).pixmap(24, 24))
        title = text_label("Diffusion Workbench", "section")
        title.setObjectName("appTitle")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 12, 0)
        layout.setSpacing(10)
        layout.addWidget(icon)
        layout.addWidget(title)
        layout.addStretch(1)
        self.export = QToolButton()
        self.export.setObjectName("exportButton")
        self.export.setText("Export")
        self.export.setToolTip("Pictures, figures and results as files  (Ctrl+E)")
        self.export.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        theme.icon_on(self.export, "export")
        menu = QMenu(self.export)
        fill_export(menu)
        self.export.setMenu(menu)
        self.help = QToolButton()
        self.help.setObjectName("shortcutsButton")
        self.help.setAccessibleName("Shortcuts")
        self.help.setToolTip("Every shortcut  (?)")
        theme.icon_on(self.help, "question")
        layout.addWidget(self.export)
        layout.addWidget(self.help)
        layout.addWidget(_theme_switch(theme), 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._menu_button(theme, actions))

    def _menu_button(self, theme: Theme, actions: list[QAction | None]) -> QToolButton:
        menu = QMenu(self)
        for action in actions:
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action)
        button = QToolButton()
        button.setObjectName("menuButton")
        button.setAccessibleName("Menu")
        button.setToolTip("Everything one can do here, with its shortcut  (F10)")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setIconSize(QSize(20, 20))
        button.setMenu(menu)
        button.setShortcut("F10")
        theme.icon_on(button, "list")
        return button


def _choose(theme: Theme, mode: Mode, _: bool = False) -> None:
    theme.choose(mode)


def _show_mode(button: QToolButton, theme: Theme, mode: Mode, _: object = None) -> None:
    button.setChecked(theme.mode == mode)


def _theme_switch(theme: Theme) -> QFrame:
    frame = QFrame()
    frame.setObjectName("themeSwitch")
    line = QHBoxLayout(frame)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(0)
    group = QButtonGroup(frame)
    group.setExclusive(True)
    for mode, icon, words in MODES:
        button = QToolButton()
        button.setObjectName(f"{mode}ThemeButton")
        button.setCheckable(True)
        button.setChecked(theme.mode == mode)
        button.setToolTip(words)
        button.setAccessibleName(f"Theme: {words}")
        button.clicked.connect(partial(_choose, theme, mode))
        theme.icon_on(button, icon)
        group.addButton(button)
        theme.changed.connect(partial(_show_mode, button, theme, mode))
        line.addWidget(button)
    return frame
