"""What a variant's picture lost: against the baseline's picture, and against the prompt."""

from __future__ import annotations

import math
import threading

from backends.contract import Failed, Picture
from workbench.conversation import Conversation, Patience, WorkerFailed
from workbench.judging import JUDGE_ENTRY, Judge, Judged, JudgeReady
from workbench.workers import Worker, WorkerKey, WorkerPool

JUDGE_PATIENCE = Patience(idle=60.0, busy=120.0)
JUDGE_KEY = WorkerKey(JUDGE_ENTRY)


def compare_pictures(picture: Picture, baseline: Picture) -> tuple[float, float]:
    """PSNR in dB over all channels (``math.inf`` for equal pictures) and mean SSIM of two pictures of one size.

    SSIM as Wang et al. define it (2004, equation 13): Gaussian window of sigma 1.5, mean over channels, range 255.
    """
    import numpy  # here and below: a window shows itself before it

    from workbench.similarity import structural_similarity

    if (picture.width, picture.height) != (baseline.width, baseline.height):
        raise ValueError(
            f"{picture.width}x{picture.height} cannot be compared with {baseline.width}x{baseline.height}"
        )
    if picture.pixels == baseline.pixels:
        return math.inf, 1.0
    shape = (picture.height, picture.width, 3)
    ours, theirs = (numpy.frombuffer(item.pixels, numpy.uint8).reshape(shape) for item in (picture, baseline))
    difference = numpy.subtract(ours, theirs, dtype=numpy.float32)
    error = float(numpy.square(difference).mean(dtype=numpy.float64))
    return 10 * math.log10(255**2 / error), structural_similarity(ours, theirs)


def import_metrics() -> None:
    """Import what :func:`compare_pictures` needs (numpy), so that it is not done between two timed runs."""
    side = 16
    compare_pictures(*(Picture(side, side, bytes([value]) * (3 * side * side)) for value in (0, 255)))


class PromptJudge:
    """The judge of prompt fidelity in its worker process, kept warm like any other.

    When it cannot run, every answer is None and ``notice`` says why; it is not tried again in this session.
    """

    def __init__(self, pool: WorkerPool):
        self._pool = pool
        self._ready = False
        self.notice: str | None = None

    def begin(self, cancelled: threading.Event | None = None) -> None:
        """Start the process if need be, and do not wait for it. Raises Stopped when ``cancelled`` is set meanwhile."""
        if self.notice is None and self._pool.get(JUDGE_KEY) is None:
            self._ready = False
            try:
                self._pool.start(JUDGE_KEY, cancelled)
            except OSError as error:
                self._fail(str(error))

    def wait_until_ready(self) -> None:
        """Return when the judge is loaded, or cannot be."""
        self.begin()
        if self.notice is None and not self._ready:
            self._ready = self._answer("loading the judge", JudgeReady) is not None

    def judge(self, prompt: str, picture: Picture) -> Judged | None:
        """Judge one picture; None when the judge cannot run. It computes on every core: what else computes meanwhile
        holds up both."""
        self.wait_until_ready()
        worker = self._worker()
        if worker is not None:
            worker.send(Judge(prompt, picture))
        answer = self._answer("judging", Judged) if self.notice is None else None
        return answer if isinstance(answer, Judged) else None

    def worker(self) -> list[Worker]:
        """The judge's worker, where there is one."""
        worker = self._worker()
        return [worker] if worker else []

    def _worker(self) -> Worker | None:
        return self._pool.get(JUDGE_KEY) if self.notice is None else None

    def _answer(self, doing: str, kind: type) -> object | None:
        worker = self._worker()
        try:
            if worker is None:
                raise WorkerFailed("its worker ended")
            talk = Conversation(worker, self._pool.inbox, threading.Event(), JUDGE_PATIENCE, doing)
            for message in talk.messages():
                if isinstance(message, kind):
                    return message
                if isinstance(message, Failed):
                    raise WorkerFailed(message.message, message.detail)
        except WorkerFailed as error:
            self._fail(str(error))
            if worker is not None:
                self._pool.drop(worker)
        return None

    def _fail(self, reason: str) -> None:
        self.notice = f"prompt fidelity is not measured: the judge cannot run ({reason}); the installation may be damaged"
