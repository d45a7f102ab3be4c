"""What is asked, while a person edits it: the draft, what is wrong with it, the models, and the prompts asked before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from psygnal import Signal

from backends.contract import BackendError, InvalidRequest, Request
from workbench.draft import Draft, format_size
from workbench.model_choices import ModelChoice
from workbench.seeds import parse_seeds, random_seeds

PROMPTS_KEPT = 100
OF_THE_MODEL = ("model", "size", "steps", "guidance_scale", "scheduler")


class Form:
    """One draft. ``problems`` names every field that is wrong; ``prompts`` are those asked before, the newest last."""

    draft_changed = Signal(object)
    problems_changed = Signal(object)

    def __init__(
        self,
        models: Sequence[ModelChoice],
        find_model: Callable[[str], ModelChoice] | None = None,
        draft: Draft | None = None,
        prompts: Sequence[str] = (),
    ):
        self._find_model = find_model
        self.models = tuple(models)
        self.draft = draft or _with_defaults(Draft(), self.models[0])
        self.problems: dict[str, str] = {}
        self.prompts = tuple(prompts)[-PROMPTS_KEPT:]
        self._recalled: int | None = None
        self._unfinished = ""

    def edit(self, **changes: Any) -> None:
        """Change fields of the draft; each changed field is checked at once, and its old error goes."""
        draft = replace(self.draft, **changes)
        if draft == self.draft:
            return
        self.draft = draft
        if "prompt" in changes:
            self._recalled = None
        problems = {name: text for name, text in self.problems.items() if name not in changes}
        for name in changes:
            problem = draft.problem(name)
            if problem and (
                name != "prompt" or draft.prompt.strip()
            ):  # an empty one is told when it is asked for
                problems[name] = problem
        self.set_problems(problems)
        self.draft_changed.emit(draft)

    def choose_model(self, name: str) -> None:
        """Take a model and the settings it was made for; an unknown one is an error at the model's field."""
        if name == self.draft.model and "model" not in self.problems:
            return
        try:
            choice = self.model_choice(name)
        except (BackendError, InvalidRequest) as error:
            self.draft = replace(self.draft, model=name)
            self.set_problems(self.problems | {"model": str(error)})
        else:
            self.draft = _with_defaults(self.draft, choice)
            self.set_problems({key: text for key, text in self.problems.items() if key not in OF_THE_MODEL})
        self.draft_changed.emit(self.draft)

    def model_choice(self, name: str) -> ModelChoice:
        """The model of that name among those offered, or found by name. Raises BackendError where there is none."""
        for choice in self.models:
            if choice.name == name:
                return choice
        if not name.strip() or self._find_model is None:
            raise BackendError(
                f"there is no model {name!r}; known are {', '.join(choice.name for choice in self.models)}"
            )
        return self._find_model(name)

    def take(self, request: Request, model: str | None = None) -> None:
        """Take the settings that made a picture; what it does not say stays."""
        draft = self.draft.with_request(request)
        self.draft = replace(draft, model=model or draft.model)
        self._recalled = None
        self.set_problems({})
        self.draft_changed.emit(self.draft)

    def roll_seed(self) -> None:
        """New random seeds, as many as there were."""
        try:
            count = len(parse_seeds(self.draft.seed))
        except InvalidRequest:
            count = 1
        self.edit(seed=random_seeds(count))

    def asked(self) -> tuple[ModelChoice, tuple[Request, ...]] | None:
        """The model and the requests of the draft, or None with ``problems`` set."""
        problems = self.draft.problems()
        choice = None
        try:
            choice = self.model_choice(self.draft.model)
        except (BackendError, InvalidRequest) as error:
            problems.setdefault("model", str(error))
        if not problems:
            try:
                requests = self.draft.requests()
            except InvalidRequest as error:
                problems["size" if error.field in ("width", "height") else error.field] = str(error)
        self.set_problems(problems)
        return None if problems or choice is None else (choice, requests)

    def remember_prompt(self) -> None:
        """The draft's prompt was asked: it is the newest one to recall."""
        prompt = self.draft.prompt.strip()
        if prompt:
            self.prompts = (*(item for item in self.prompts if item != prompt), prompt)[-PROMPTS_KEPT:]
        self._recalled = None

    def recall(self, step: int) -> None:
        """An earlier (-1) or later (+1) prompt; after the newest comes again what was being written."""
        if not self.prompts:
            return
        at = len(self.prompts) if self._recalled is None else self._recalled
        if self._recalled is None:
            self._unfinished = self.draft.prompt
        at = min(max(at + step, 0), len(self.prompts))
        text = self._unfinished if at == len(self.prompts) else self.prompts[at]
        if at < len(self.prompts) and text == self.draft.prompt and step < 0 and at > 0:
            at -= 1
            text = self.prompts[at]
        unfinished = self._unfinished
        self.edit(prompt=text)
        self._recalled, self._unfinished = (None if at == len(self.prompts) else at), unfinished

    def set_problems(self, problems: dict[str, str]) -> None:
        """Replace what is wrong, and say so where it changed."""
        if problems != self.problems:
            self.problems = problems
            self.problems_changed.emit(problems)


def _with_defaults(draft: Draft, choice: ModelChoice) -> Draft:
    return replace(
        draft,
        model=choice.name,
        size=format_size(choice.width, choice.height),
        steps=choice.steps,
        guidance_scale=choice.guidance_scale,
        scheduler=choice.scheduler,
    )
