"""What every worker imports before it can load a model, imported once for all of them.

On Linux workers are forked from a process that has imported this module (``workbench/spawning.py``). Nothing here may compute,
ask for a device, or load a library of one backend: what would be left of that in a worker is not the worker's own.
"""

import contextlib
import gc
import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the session, which tells its workers


@contextlib.contextmanager
def _unheard():
    """Libraries greet on file descriptors 1 and 2, which are the terminal of the person here, and a log in a worker."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        yield
    finally:
        for descriptor, old in zip((1, 2), kept, strict=True):
            os.dup2(old, descriptor)
            os.close(old)
        os.close(nowhere)


@contextlib.contextmanager
def _uncollected():
    """The garbage collector looks through all that is there again and again while modules are imported, a quarter of their time,
    and finds nothing; nor is it to look through it, and so copy its pages, in the processes forked from this one."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


with _unheard(), _uncollected():
    from backends import generation, loading, worker

__all__ = ["generation", "loading", "worker"]
