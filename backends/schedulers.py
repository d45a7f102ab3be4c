"""Schedulers by the contract's names, configured from the model's own scheduler."""

from __future__ import annotations

from typing import Any

import diffusers

from backends.contract import InvalidRequest
from backends.models import SCHEDULER_CLASSES

_FIXED: dict[str, dict[str, Any]] = {
    "ddim": {"clip_sample": False},
    "lcm": {"clip_sample": False},
    "pndm": {"skip_prk_steps": True},
    "dpm++": {"algorithm_type": "dpmsolver++"},
}
MOST_STEPS = {"lcm": 50, "dpm++": 999, "unipc": 999}
"""Where a scheduler has fewer steps than training had: LCM's own grid, and steps that must differ from one another."""


def make_scheduler(name: str, config: Any, steps: int) -> Any:
    """A fresh scheduler called ``name`` with the betas, offsets and prediction type of ``config``.

    ``clip_sample`` is off: latents are not pixels. Raises InvalidRequest where it has no ``steps`` steps.
    """
    most = MOST_STEPS.get(name, steps)
    if steps > most:
        raise InvalidRequest(
            "steps", f"the number of steps is {steps}; the {name} scheduler takes 1 to {most}"
        )
    fixed = _FIXED.get(name, {}) | {"steps_offset": _steps_offset(config, steps)}
    return getattr(diffusers, SCHEDULER_CLASSES[name]).from_config(config, **fixed)


def _steps_offset(config: Any, steps: int) -> int:
    """The model's own offset, less where it would push the first of very many timesteps beyond the last trained one."""
    trained = int(config.get("num_train_timesteps", 1000))
    return min(int(config.get("steps_offset", 0)), max(0, trained - 1 - (steps - 1) * (trained // steps)))
