"""Sample prompts, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal

SHOWN = 6


class Samples:
    """``every`` prompt there is, of which ``shown`` stand in the empty state."""

    changed = Signal()

    def __init__(self, prompts: Sequence[str] = ()):
        self.every = tuple(prompts)
        self._first = 0

    @property
    def shown(self) -> tuple[str, ...]:
        """The few, in order; behind the last come the first again."""
        turned = self.every[self._first :] + self.every[: self._first]
        return turned[:SHOWN]

    @property
    def has_more(self) -> bool:
        """Whether there are others than those shown."""
        return len(self.every) > SHOWN

    def turn(self) -> None:
        """Show the next few."""
        if self.has_more:
            self._first = (self._first + SHOWN) % len(self.every)
            self.changed.emit()
