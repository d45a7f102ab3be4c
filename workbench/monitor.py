"""Samples a worker's resident set from outside, on the clock of the spans."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from backends.contract import MemorySample
from workbench.workers import Worker

SAMPLES_PER_SECOND = 40
BATCHES_PER_SECOND = 5
SECONDS_BETWEEN_LISTINGS = 1.0


@dataclass(frozen=True)
class Sampled:
    """New samples of ``worker``, as they appear in the session's inbox."""

    worker: Worker
    samples: tuple[MemorySample, ...]


class MemoryMonitor:
    """One thread that samples the worker under :meth:`watch` and puts batches of samples into the inbox."""

    def __init__(self, inbox: SimpleQueue[Any]):
        self._inbox = inbox
        self._worker: Worker | None = None
        self._samples: list[MemorySample] = []
        self._posted = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="memory monitor", daemon=True)
        self._thread.start()

    def watch(self, worker: Worker) -> None:
        """Sample this worker from now on."""
        with self._changed:
            self._worker = worker
            self._samples, self._posted = [], 0
            self._sample(worker)
            self._changed.notify()

    def unwatch(self) -> tuple[MemorySample, ...]:
        """Stop, with a last sample; returns every sample since :meth:`watch`."""
        with self._changed:
            if self._worker is None:
                return ()
            self._sample(self._worker)
            self._worker = None
            return tuple(self._samples)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._worker = None
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _sample(self, worker: Worker) -> None:
        rss = worker.rss_bytes()
        if rss:
            worker.peak_rss_bytes = max(worker.peak_rss_bytes, rss)
            self._samples.append(MemorySample(time.perf_counter_ns(), rss))

    def _run(self) -> None:
        due = listing_due = time.perf_counter()
        with self._changed:
            while not self._closed:
                worker = self._worker
                if worker is None:
                    self._changed.wait()
                    due = listing_due = time.perf_counter()
                    continue
                if due >= listing_due:
                    listing_due = due + SECONDS_BETWEEN_LISTINGS
                    worker.list_descendants()
                self._sample(worker)
                if len(self._samples) - self._posted >= SAMPLES_PER_SECOND / BATCHES_PER_SECOND:
                    self._inbox.put(Sampled(worker, tuple(self._samples[self._posted :])))
                    self._posted = len(self._samples)
                due = max(due + 1 / SAMPLES_PER_SECOND, time.perf_counter())
                self._changed.wait(max(0.0, due - time.perf_counter()))
