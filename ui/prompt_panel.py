"""What is asked: prompt, seed, steps and the rest, as a view of the draft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from backends.contract import SCHEDULERS
from ui.fields import Choice, Decimal, Field, FieldRow, Number, PromptEdit, sentence
from ui.switch import Switch
from ui.theme import Colours, Theme
from ui.titles import SCHEDULER_TITLES
from workbench.desk.form import Form
from workbench.desk.samples import Samples
from workbench.draft import Draft, format_size

REFINED = 3
REFINED_NAMES = ("negative_prompt", "guidance_scale", "size", "scheduler", "repeats")


class PromptPanel(QWidget):
    """Mirrors ``form.draft`` and its problems; typing edits the draft."""

    def __init__(self, form: Form, samples: Samples, theme: Theme):
        super().__init__()
        self._form = form
        self._samples = samples
        self._theme = theme
        self._showing = False
        self._sizes_of = ""
        self._build()
        self._rows = self._fields()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for row in self._rows[:-REFINED]:
            layout.addWidget(row)
        layout.addWidget(self._refinements(self._rows[-REFINED:]))
        self._connect()
        self.show_draft(form.draft)

    def show_draft(self, draft: Draft) -> None:
        """Bring every control in line with the draft; what is being typed stays as it is."""
        with self._quietly():
            for edit, text in ((self.prompt, draft.prompt), (self.negative, draft.negative_prompt)):
                if edit.toPlainText() != text:
                    edit.setPlainText(text)
            if self.seed.text() != draft.seed:
                self.seed.setText(draft.seed)
            self.keep.setChecked(draft.keep_seed)
            self.steps.setValue(draft.steps)
            self.guidance.setValue(draft.guidance_scale)
            self._show_model(draft.model)
            if self.size_.currentText() != draft.size:
                self.size_.setEditText(draft.size)
            self.scheduler.setCurrentIndex(self.scheduler.findData(draft.scheduler))
            self.repeats.setValue(draft.repeats)
            self.kernels.setChecked(draft.kernels)
            self.by_line.setChecked(draft.prompt_per_line)

    def show_problems(self, problems: dict[str, str]) -> None:
        """Show each problem at its field."""
        if any(name in problems for name in REFINED_NAMES):
            self.more.expand(animate=False)
        for row in self._rows:
            row.show_problems(problems)

    def focus_problem(self, problems: dict[str, str]) -> None:
        """Put the cursor where the first problem is."""
        for name, control in self._controls.items():
            if name in problems:
                if name in REFINED_NAMES:
                    self.more.expand(animate=False)
                control.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def focus_prompt(self) -> None:
        """Write the next prompt over the last one."""
        self.prompt.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.prompt.selectAll()

    def _build(self) -> None:
        self.prompt = PromptEdit("A drawing of a green creature with red eyes")
        self.prompt.setObjectName("promptEdit")
        self.prompt.setToolTip("Up and down on its first and last line bring back earlier prompts")
        self.prompt.recalled.connect(self._form.recall)
        self.ideas = self._ideas_button()
        self.negative = PromptEdit("What the picture should not show")
        self.negative.setObjectName("negativePromptEdit")
        self._build_seed()
        self._build_model()
        self._build_settings()
        self._build_switches()

    def _build_seed(self) -> None:
        self.seed = QLineEdit()
        self.seed.setObjectName("seedEdit")
        self.seed.setToolTip("One seed, or several: 1,2,10-14. Every seed is a row of pictures")
        self.dice = _field_button("diceButton", "Roll a new seed  (Ctrl+D)", "New seed")
        self._theme.icon_on(self.dice, "dice-five")
        self.keep = _field_button("keepSeedButton", "", "Keep seed")
        self.keep.setCheckable(True)
        self._theme.icon_on(self.keep, lambda: "lock" if self.keep.isChecked() else "lock-open")
        self.keep.toggled.connect(self._tell_keep)
        self._tell_keep(False)

    def _build_model(self) -> None:
        self.model = Choice()
        self.model.setObjectName("modelCombo")
        self.model.setEditable(True)
        self.model.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.model.setToolTip(
            "A built-in model, a diffusers folder, a .safetensors or .ckpt file, or a hub id"
        )
        for choice in self._form.models:
            self.model.addItem(choice.title, choice.name)
        self.browse = _field_button(
            "browseModelButton", "Choose a diffusers folder…", "Choose a model folder"
        )
        self._theme.icon_on(self.browse, "folder-open")

    def _build_settings(self) -> None:
        self.steps = Number()
        self.steps.setObjectName("stepsSpin")
        self.steps.setFixedWidth(76)
        self.guidance = Decimal(0.5)
        self.guidance.setObjectName("guidanceSpin")
        self.size_ = Choice()
        self.size_.setObjectName("sizeCombo")
        self.size_.setEditable(True)
        self.size_.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.size_.setToolTip("Width × height in pixels, multiples of 8; pick one or type your own")
        self.scheduler = Choice()
        self.scheduler.setObjectName("schedulerCombo")
        for name in SCHEDULERS:
            self.scheduler.addItem(SCHEDULER_TITLES.get(name, name), name)
        self.repeats = Number()
        self.repeats.setObjectName("repeatsSpin")
        self.repeats.setToolTip(
            "Every picture this often, interleaved: A B C A B C. More repeats, truer times"
        )

    def _build_switches(self) -> None:
        self.kernels = Switch("Record every operation", self._theme)
        self.kernels.setObjectName("kernelsSwitch")
        self.kernels.setToolTip(
            "Kernels in the timeline, with their rates. Recording them slows the run a little"
        )
        self.by_line = Switch("Every line is a prompt", self._theme)
        self.by_line.setObjectName("promptPerLineSwitch")
        self.by_line.setToolTip("Each line of the prompt makes a row of pictures of its own")

    def _ideas_button(self) -> QToolButton:
        ideas = QToolButton()
        ideas.setObjectName("ideasButton")
        ideas.setText("Ideas")
        ideas.setAccessibleName("Sample prompts")
        ideas.setToolTip("Sample prompts: one takes the place of what is written  (Ctrl+J)")
        ideas.setProperty("role", "quiet")
        ideas.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        ideas.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._theme.icon_on(ideas, "sparkle")
        menu = QMenu(ideas)
        for prompt in self._samples.every:
            menu.addAction(sentence(prompt), partial(self._form.edit, prompt=prompt))
        ideas.setMenu(menu)
        return ideas

    def _fields(self) -> list[FieldRow]:
        fields = [
            [Field("prompt", "&Prompt", self.prompt, over=(self.ideas,))],
            [
                Field("seed", "See&d", self.seed, (self.dice, self.keep), stretch=1),
                Field("steps", "&Steps", self.steps, stretch=0),
            ],
            [Field("model", "&Model", self.model, (self.browse,))],
            [Field("negative_prompt", "&Negative prompt", self.negative)],
            [Field("guidance_scale", "&Guidance", self.guidance), Field("size", "Si&ze", self.size_)],
            [Field("scheduler", "S&cheduler", self.scheduler), Field("repeats", "Repea&ts", self.repeats)],
        ]
        self._controls = {field.name: field.control for row in fields for field in row}
        return [FieldRow(row) for row in fields]

    def _refinements(self, rows: list[FieldRow]) -> QCollapsible:
        """What is seldom changed, folded away."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 6, 0, 4)
        column.setSpacing(10)
        for row in rows:
            column.addWidget(row)
        column.addWidget(self.by_line)
        column.addWidget(self.kernels)
        self.more: Any = QCollapsible(
            "More settings",
            expandedIcon=self._theme.icon("caret-down"),
            collapsedIcon=self._theme.icon("caret-right"),
        )
        self.more.setObjectName("moreSettings")
        self.more.setDuration(120)
        self.more.layout().setContentsMargins(0, 0, 0, 0)
        self.more.toggleButton().setObjectName("moreSettingsButton")
        self.more.addWidget(inside)

        def paint(_: Colours | None = None) -> None:
            self.more.setCollapsedIcon(self._theme.icon("caret-right"))
            self.more.setExpandedIcon(self._theme.icon("caret-down"))

        self._theme.changed.connect(paint)
        return self.more

    def _connect(self) -> None:
        edit = self._edit
        self.prompt.textChanged.connect(lambda: edit(prompt=self.prompt.toPlainText()))
        self.negative.textChanged.connect(lambda: edit(negative_prompt=self.negative.toPlainText()))
        self.seed.textEdited.connect(lambda text: edit(seed=text, keep_seed=True))
        self.dice.clicked.connect(self._form.roll_seed)
        self.keep.toggled.connect(lambda on: edit(keep_seed=on))
        self.steps.valueChanged.connect(lambda value: edit(steps=value))
        self.guidance.valueChanged.connect(lambda value: edit(guidance_scale=value))
        self.size_.editTextChanged.connect(lambda text: edit(size=text))
        self.scheduler.currentIndexChanged.connect(lambda _: edit(scheduler=self.scheduler.currentData()))
        self.repeats.valueChanged.connect(lambda value: edit(repeats=value))
        self.kernels.toggled.connect(lambda on: edit(kernels=on))
        self.by_line.toggled.connect(lambda on: edit(prompt_per_line=on))
        self.model.activated.connect(lambda _: self._choose_model(self.model.currentData()))
        line = self.model.lineEdit()
        if line is not None:
            line.editingFinished.connect(self._model_typed)
        self.browse.clicked.connect(self._browse)
        self._form.draft_changed.connect(self.show_draft)
        self._form.problems_changed.connect(self.show_problems)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._showing = True
        try:
            yield
        finally:
            self._showing = False

    def _edit(self, **changes: object) -> None:
        if not self._showing:
            self._form.edit(**changes)

    def _show_model(self, name: str) -> None:
        index = self.model.findData(name)
        with QSignalBlocker(self.model):
            self.model.setCurrentIndex(index)
            if index < 0:
                self.model.setEditText(name)
            line = self.model.lineEdit()
            if line is not None and not line.hasFocus():
                line.setCursorPosition(0)
        if self._sizes_of != name:
            self._sizes_of = name
            choice = next((item for item in self._form.models if item.name == name), None)
            width, height = (choice.width, choice.height) if choice else (512, 512)
            with QSignalBlocker(self.size_):
                self.size_.clear()
                self.size_.addItems(_sizes_around(width, height))

    def _model_typed(self) -> None:
        text = self.model.currentText()
        index = self.model.findText(text)
        self._choose_model(self.model.itemData(index) if index >= 0 else text.strip())

    def _choose_model(self, name: str) -> None:
        if not self._showing:
            self._form.choose_model(name)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a diffusers model folder")
        if folder:
            self._choose_model(folder)

    def _tell_keep(self, on: bool) -> None:
        self.keep.setToolTip(
            "The seed is locked: the same settings make the same picture, in Live, too; click to open the lock"
            if on
            else "Every run gets a new seed; click to lock it"
        )


def _field_button(object_name: str, tip: str, accessible: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(object_name)
    button.setProperty("role", "field")
    button.setToolTip(tip)
    button.setAccessibleName(accessible)
    button.setIconSize(QSize(18, 18))
    return button


def _sizes_around(width: int, height: int) -> list[str]:
    """The model's own size first, then half, portrait, landscape and larger ones near it."""
    unit = max(64, width // 4)
    shapes = [(width, height), (width // 2, height // 2), (width, height + unit), (width + unit, height)]
    shapes += [(width + unit, height + unit), (width * 2, height * 2)]
    return [format_size(w // 8 * 8, h // 8 * 8) for w, h in dict.fromkeys(shapes) if min(w, h) >= 64]
