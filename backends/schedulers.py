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
LCM_STEPS = 50


def make_scheduler(name: str, config: Any, steps: int) -> Any:
    """A fresh scheduler called ``name`` with the betas, offsets and prediction type of ``config``.

    ``clip_sample`` is off: latents are not pixels. Raises InvalidRequest where it has no ``steps`` steps.
    """
    if name == "lcm" and steps > LCM_STEPS:
        raise InvalidRequest(
            "steps", f"the number of steps is {steps}; the lcm scheduler takes 1 to {LCM_STEPS}"
        )
    return getattr(diffusers, SCHEDULER_CLASSES[name]).from_config(config, **_FIXED.get(name, {}))
