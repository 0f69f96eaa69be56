"""Gives back to the system what the C library keeps of memory that was freed.

It keeps what lies between two pieces that are in use, which after the start of many servers is a good part of all
memory. Only glibc can be told; elsewhere nothing happens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # noqa: PLC0415 - Linux only

    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> bool:
    """Give back whole free pages; return whether there were any. Takes milliseconds: for a worker thread."""
    trim = _trim()
    return trim is not None and bool(trim(0))
