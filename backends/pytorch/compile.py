"""torch.compile of the UNet."""

from __future__ import annotations

import os
import shutil
from typing import Any

import torch

from backends.contract import BackendError

COMPILERS = ("g++", "clang++", "c++", "cl")


def apply(pipeline: Any, enabled: bool | float) -> None:
    """Compile the UNet at its first call of every size. Raises BackendError where there is no C++ compiler."""
    if not enabled:
        return
    compiler = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ((compiler,) if compiler else COMPILERS)):
        raise BackendError(
            f"compile needs a C++ compiler and {compiler or 'none of ' + ', '.join(COMPILERS)} was found; install one "
            "(Debian: apt-get install g++), or switch compile off"
        )
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    pipeline.unet.compile(dynamic=False)
