"""What is asked: prompt, seed, steps and the rest, as a view of the draft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QToolButton, QVBoxLayout, QWidget

from backends.contract import SCHEDULERS
from ui.fields import Choice, Decimal, Field, FieldRow, Number, PromptEdit
from ui.theme import Theme
from ui.titles import SCHEDULER_TITLES
from workbench.draft import Draft, format_size
from workbench.generation import Generation


class PromptPanel(QWidget):
    """Mirrors ``generation.draft`` and its problems; typing edits the draft."""

    def __init__(self, generation: Generation, theme: Theme):
        super().__init__()
        self._generation = generation
        self._showing = False
        self._sizes_of = ""
        self._build(theme)
        self._rows = self._fields()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(11)
        for row in self._rows:
            layout.addWidget(row)
        self._connect()
        self.show_draft(generation.draft)

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

    def show_problems(self, problems: dict[str, str]) -> None:
        """Show each problem at its field."""
        for row in self._rows:
            row.show_problems(problems)

    def focus_problem(self, problems: dict[str, str]) -> None:
        """Put the cursor where the first problem is."""
        for name, control in self._controls.items():
            if name in problems:
                control.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def focus_prompt(self) -> None:
        """Write the next prompt over the last one."""
        self.prompt.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.prompt.selectAll()

    def _build(self, theme: Theme) -> None:
        self.prompt = PromptEdit("A drawing of a green creature with red eyes")
        self.prompt.setObjectName("promptEdit")
        self.negative = PromptEdit("What the picture should not show")
        self.negative.setObjectName("negativePromptEdit")
        self.seed = QLineEdit()
        self.seed.setObjectName("seedEdit")
        self.dice = _field_button("diceButton", "Roll a new seed  (Ctrl+D)", "New seed")
        theme.icon_on(self.dice, "dice-five")
        self.keep = _field_button("keepSeedButton", "", "Keep seed")
        self.keep.setCheckable(True)
        theme.icon_on(self.keep, lambda: "lock" if self.keep.isChecked() else "lock-open")
        self.keep.toggled.connect(self._tell_keep)
        self._tell_keep(False)
        self.steps = Number()
        self.steps.setObjectName("stepsSpin")
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
        self.model = Choice()
        self.model.setObjectName("modelCombo")
        self.model.setEditable(True)
        self.model.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.model.setToolTip(
            "A built-in model, a diffusers folder, a .safetensors or .ckpt file, or a hub id"
        )
        for choice in self._generation.models:
            self.model.addItem(choice.title, choice.name)
        self.browse = _field_button(
            "browseModelButton", "Choose a diffusers folder…", "Choose a model folder"
        )
        theme.icon_on(self.browse, "folder-open")

    def _fields(self) -> list[FieldRow]:
        fields = [
            [Field("prompt", "&Prompt", self.prompt)],
            [Field("negative_prompt", "&Negative prompt", self.negative)],
            [Field("seed", "See&d", self.seed, (self.dice, self.keep))],
            [Field("steps", "&Steps", self.steps), Field("guidance_scale", "&Guidance", self.guidance)],
            [Field("size", "Si&ze", self.size_), Field("scheduler", "S&cheduler", self.scheduler)],
            [Field("model", "&Model", self.model, (self.browse,))],
        ]
        self._controls = {field.name: field.control for row in fields for field in row}
        return [FieldRow(row) for row in fields]

    def _connect(self) -> None:
        edit = self._edit
        self.prompt.textChanged.connect(lambda: edit(prompt=self.prompt.toPlainText()))
        self.negative.textChanged.connect(lambda: edit(negative_prompt=self.negative.toPlainText()))
        self.seed.textEdited.connect(lambda text: edit(seed=text, keep_seed=True))
        self.dice.clicked.connect(self._generation.roll_seed)
        self.keep.toggled.connect(lambda on: edit(keep_seed=on))
        self.steps.valueChanged.connect(lambda value: edit(steps=value))
        self.guidance.valueChanged.connect(lambda value: edit(guidance_scale=value))
        self.size_.editTextChanged.connect(lambda text: edit(size=text))
        self.scheduler.currentIndexChanged.connect(lambda _: edit(scheduler=self.scheduler.currentData()))
        self.model.activated.connect(lambda _: self._choose_model(self.model.currentData()))
        line = self.model.lineEdit()
        if line is not None:
            line.editingFinished.connect(self._model_typed)
        self.browse.clicked.connect(self._browse)
        self._generation.draft_changed.connect(self.show_draft)
        self._generation.problems_changed.connect(self.show_problems)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._showing = True
        try:
            yield
        finally:
            self._showing = False

    def _edit(self, **changes: object) -> None:
        if not self._showing:
            self._generation.edit(**changes)

    def _show_model(self, name: str) -> None:
        index = self.model.findData(name)
        with QSignalBlocker(self.model):
            self.model.setCurrentIndex(index)
            if index < 0:
                self.model.setEditText(name)
        if self._sizes_of != name:
            self._sizes_of = name
            choice = next((item for item in self._generation.models if item.name == name), None)
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
            self._generation.choose_model(name)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a diffusers model folder")
        if folder:
            self._choose_model(folder)

    def _tell_keep(self, on: bool) -> None:
        self.keep.setToolTip(
            "The seed is kept: the same settings make the same picture"
            if on
            else "Every picture gets a new seed; click to keep it"
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
