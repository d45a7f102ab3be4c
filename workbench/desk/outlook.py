"""How the person chose to look at things: the ways of A/B, of the timeline and of the other charts, kept until next time."""

from __future__ import annotations

from typing import Any

from psygnal import Signal

CHOICES: dict[str, tuple[str, ...]] = {
    "align": ("start", "unet"),
    "ab_mode": ("wipe", "side", "blink", "difference"),
    "memory_page": ("use", "arena"),
    "measure": ("ssim", "psnr", "fidelity"),
}


class Outlook:
    """One of :data:`CHOICES` for each name, the first where nothing was chosen; ``split`` is where the wipe stands, 0..1."""

    changed = Signal(str)
    """The name of what was chosen."""

    def __init__(self, kept: object = None):
        """``kept`` is what :meth:`to_json` gave; what makes no sense in it is left out."""
        self._chosen = {name: choices[0] for name, choices in CHOICES.items()}
        self.split = 0.5
        if isinstance(kept, dict):
            for name, choices in CHOICES.items():
                if kept.get(name) in choices:
                    self._chosen[name] = kept[name]
            if isinstance(kept.get("split"), int | float):
                self.split = min(max(float(kept["split"]), 0.0), 1.0)

    def __getitem__(self, name: str) -> str:
        return self._chosen[name]

    def choose(self, name: str, value: str) -> None:
        """Raises KeyError for an unknown name, ValueError for what it cannot be."""
        if value not in CHOICES[name]:
            raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}")
        if self._chosen[name] != value:
            self._chosen[name] = value
            self.changed.emit(name)

    def move_split(self, share: float) -> None:
        """Put the wipe at a share of the width; it stops at the edges."""
        share = min(max(share, 0.0), 1.0)
        if share != self.split:
            self.split = share
            self.changed.emit("split")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the next start."""
        return {**self._chosen, "split": self.split}
