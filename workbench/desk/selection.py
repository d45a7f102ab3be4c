"""Which cell is looked at, and which two are compared as A and B."""

from __future__ import annotations

from psygnal import Signal

from workbench.desk.experiment import Cell, Experiment

Place = tuple[int, int]


class Selection:
    """Places in an experiment's grid; each stays inside it whatever its shape becomes."""

    changed = Signal()

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self.current: Place | None = None
        self.a: Place | None = None
        self.b: Place | None = None
        experiment.began.connect(self._fit)
        experiment.rearranged.connect(self._move)

    def look_at(self, place: Place) -> None:
        """Make a cell the current one."""
        if place in self._experiment.cells and place != self.current:
            self.current = place
            self.changed.emit()

    def step(self, rows: int, columns: int) -> None:
        """Move the current cell; it stops at the edges."""
        if self.current is None:
            return
        row, column = self.current
        last_row, last_column = max(self._experiment.cells)
        self.look_at((min(max(row + rows, 0), last_row), min(max(column + columns, 0), last_column)))

    def set_a(self, place: Place) -> None:
        """Compare this cell as A."""
        if place in self._experiment.cells and place != self.a:
            if place == self.b:
                self.b = self.a
            self.a = place
            self.changed.emit()

    def set_b(self, place: Place) -> None:
        """Compare this cell as B."""
        if place in self._experiment.cells and place != self.b:
            if place == self.a:
                self.a = self.b
            self.b = place
            self.changed.emit()

    def swap(self) -> None:
        """A becomes B and B becomes A."""
        self.a, self.b = self.b, self.a
        self.changed.emit()

    def pair(self) -> tuple[Cell, Cell] | None:
        """The two cells that are compared; None where there are not two."""
        if self.a is None or self.b is None or self.a == self.b:
            return None
        return self._experiment.cells[self.a], self._experiment.cells[self.b]

    def to_json(self) -> dict[str, Place | None]:
        """The places, to be kept with the experiment; :meth:`restore` reads them back."""
        return {"current": self.current, "a": self.a, "b": self.b}

    def restore(self, data: object) -> None:
        """Take what :meth:`to_json` gave, as far as there are such places."""
        if isinstance(data, dict):
            for name in ("current", "a", "b"):
                given = data.get(name)
                place = tuple(given) if isinstance(given, list | tuple) else None
                if place in self._experiment.cells:
                    setattr(self, name, place)
            self._fit()

    def _move(self, order: dict[int, int]) -> None:
        self.current, self.a, self.b = (
            None if place is None else (place[0], order[place[1]]) for place in (self.current, self.a, self.b)
        )
        self.changed.emit()

    def _fit(self) -> None:
        cells = self._experiment.cells
        if not cells:
            self.current = self.a = self.b = None
            self.changed.emit()
            return
        base = (0, self._experiment.baseline)
        others = [place for place in cells if place != base]
        if self.current not in cells:
            self.current = base
        if self.a not in cells or self.b not in cells or self.a == self.b:
            self.a, self.b = base, (others[0] if others else None)
        self.changed.emit()
