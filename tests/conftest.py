"""Tests need no screen, and never touch the caches and the history of the person who runs them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Before anything imports Qt or asks for a folder: both are read once.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if "WORKBENCH_HOME" not in os.environ:
    os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp(prefix="workbench-tests-")
    atexit.register(shutil.rmtree, os.environ["WORKBENCH_HOME"], ignore_errors=True)
