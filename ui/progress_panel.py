"""Where a run is: what it is doing, which iteration, and how long it will still take."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from ui.fields import text_label
from workbench.generation import Generation
from workbench.progress import Progress
from workbench.timeline import format_left, format_ms

RESOLUTION = 1000


class ProgressPanel(QWidget):
    """Mirrors ``generation.progress``. It keeps its height when there is nothing to say, so that nothing jumps."""

    def __init__(self, generation: Generation):
        super().__init__()
        self._generation = generation
        self.status = text_label("", "value")
        self.status.setObjectName("statusLabel")
        self.left = text_label("", "muted")
        self.left.setObjectName("timeLeftLabel")
        self.bar = QProgressBar()
        self.bar.setObjectName("progressBar")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        line = QHBoxLayout()
        line.addWidget(self.status, 1)
        line.addWidget(self.left)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(7)
        layout.addLayout(line)
        layout.addWidget(self.bar)
        generation.progress_changed.connect(self.show_progress)
        self.show_progress(generation.progress)

    def show_progress(self, progress: Progress) -> None:
        """Show one state of a run."""
        self.status.setText(self._status(progress))
        left = progress.seconds_left
        self.left.setText(format_left(left) if left is not None and progress.phase == "running" else "")
        self.bar.setVisible(progress.active)
        if progress.fraction is None and progress.active:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, RESOLUTION)
            self.bar.setValue(round((progress.fraction or 0.0) * RESOLUTION))
        self.bar.setAccessibleDescription(f"{self.status.text()} {self.left.text()}".strip())

    def _status(self, progress: Progress) -> str:
        if progress.phase == "preparing":
            share = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            return f"Preparing: {progress.what}{share}"
        if progress.phase == "running":
            if progress.index >= progress.count:
                return "Decoding the picture"
            return f"Iteration {progress.index} of {progress.count}"
        if progress.phase == "done" and self._generation.history:
            return f"Done in {format_ms(self._generation.history[-1].result.total_ms)}"
        words = {"cancelling": "Cancelling…", "cancelled": "Cancelled", "failed": "No picture was made"}
        return words.get(progress.phase, "")
