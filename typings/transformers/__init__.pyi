# transformers marks itself typed, but its annotations contradict it (tuple[int] for tuples of any length, outputs that
# may be a tuple, configurations without their fields), so to the type checker it is untyped.
from typing import Any

def __getattr__(name: str) -> Any: ...
