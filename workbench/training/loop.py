"""What every recipe shares: optimizer, learning-rate schedule, EMA, loss log, checkpoints that resume."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from workbench.training.distributed import Group


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of one run. ``minutes`` caps the run: the number of steps is then set from the measured rate."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int = 500
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    gradient_clip: float = 1.0
    minutes: float | None = None
    log_every: int = 50
    checkpoint_every: int = 1000

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Linear warm-up, then a cosine down to a hundredth of the peak."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, steps - self.warmup)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


Model = TypeVar("Model", bound=nn.Module)


class Trainer(Generic[Model]):
    """Owns the state with a life: weights, their average, optimizer moments, the step, the log in ``out``.

    ``out/log.jsonl`` gets a line every ``log_every`` steps; ``out/checkpoint.pt`` is written to a temporary name and
    renamed, so that a killed run resumes from a whole one.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        out: Path,
        resume: bool = False,
        group: Group | None = None,
        ema_device: str | None = None,
        faster: Callable[[str], float] = lambda name: 1.0,
    ):
        """``ema_device`` keeps the average elsewhere than the model; ``faster`` is what the learning rate of a parameter is
        multiplied with, by its name."""
        self.model, self.recipe, self.out, self.group = model, recipe, out, group or Group()
        average = get_ema_multi_avg_fn(recipe.ema_decay)
        self.average = AveragedModel(
            model, torch.device(ema_device) if ema_device else None, multi_avg_fn=average
        )
        fused = next(model.parameters()).is_cuda
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            groups.setdefault(faster(name), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "faster": factor} for factor, parameters in groups.items()],
            recipe.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=recipe.weight_decay,
            fused=fused,
        )
        self.step, self.steps = 0, recipe.steps
        out.mkdir(parents=True, exist_ok=True)
        if resume and (out / "checkpoint.pt").exists():
            self._restore()

    @property
    def ema(self) -> Model:
        """The averaged model, which is the one to ship."""
        return cast(Model, self.average.module)

    def iterations(self) -> Iterator[int]:
        """Yield step numbers until the run is over; logs the rate and saves checkpoints on the way."""
        self._started, self._first, self._sums, self._count = time.monotonic(), self.step, {}, 0
        while self.step < self.steps:
            yield self.step
            self.step += 1
            self._fit_to_minutes()
            if self.step % self.recipe.checkpoint_every == 0 or self.step == self.steps:
                self.save()

    def update(self, losses: dict[str, Tensor], total: Tensor) -> None:
        """One optimizer step on ``total`` (a scalar); ``losses`` are logged as their means."""
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.apply(losses)

    def apply(self, losses: dict[str, Tensor]) -> None:
        """One optimizer step on the gradients that the parameters have; ``losses`` are logged as their means."""
        rate = self.recipe.learning_rate_at(self.step, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["faster"]
        self.group.average_gradients(self.model.parameters())
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._count += 1
        if (self.step + 1) % self.recipe.log_every == 0:
            self._log(rate)

    def log(self, record: dict[str, float | int | str]) -> None:
        """Append a record to ``log.jsonl`` and print it."""
        if self.group.rank:
            return
        line = json.dumps({"step": self.step + 1, **record})
        with (self.out / "log.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def save(self) -> None:
        if self.group.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "steps": self.steps,
        }
        temporary = self.out / "checkpoint.tmp"
        torch.save(state, temporary)
        temporary.replace(self.out / "checkpoint.pt")

    def _restore(self) -> None:
        device = next(self.model.parameters()).device
        state = torch.load(self.out / "checkpoint.pt", map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.steps = state["step"], max(state["steps"], self.recipe.steps)

    def _fit_to_minutes(self) -> None:
        """Every 100 steps, set the number of steps so that the run ends on time at the rate seen lately."""
        if self.recipe.minutes is None or (self.step - self._first) % 100:
            return
        if next(self.model.parameters()).is_cuda:
            torch.cuda.synchronize()
        now, done = time.monotonic(), self.step - self._first
        if done == 100:
            self._mark = (now, self.step)
            return
        rate = (self.step - self._mark[1]) / (now - self._mark[0])
        left = self.recipe.minutes * 60 - (now - self._started)
        self.steps = self.group.same(self.step + max(0, int(left * rate)))

    def _log(self, rate: float) -> None:
        means = {name: round(float(value) / self._count, 6) for name, value in self._sums.items()}
        if not all(map(math.isfinite, means.values())):
            raise FloatingPointError(
                f"the losses at step {self.step + 1} are not finite: {means}; the last checkpoint stays"
            )
        seconds = time.monotonic() - self._started
        left = seconds / (self.step + 1 - self._first) * (self.steps - self.step - 1)
        times = {"seconds": round(seconds, 1), "seconds_left": round(left, 1)}
        self.log({"of": self.steps, "learning_rate": rate, **times, **means})
        self._sums, self._count = {}, 0


def batches(
    count: int, batch_size: int, seed: int, device: torch.device | str, start: int = 0
) -> Iterator[Tensor]:
    """Endless int64 index batches, shape (batch_size,), drawn with replacement from the step number: resuming repeats nothing."""
    step = start
    while True:
        generator = torch.Generator(device).manual_seed(seed * 1_000_003 + step)
        yield torch.randint(count, (batch_size,), generator=generator, device=device)
        step += 1
