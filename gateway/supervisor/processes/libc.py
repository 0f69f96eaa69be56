"""Functions of the C library for those who run between fork and exec. Standard library only, and little of that.

`ctypes` would double the time that a start takes; what it stands on is there in a sixth of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

EINVAL = 22
PR_SET_NO_NEW_PRIVS = 38


def function(name: str) -> Callable[..., int]:
    """Return a function that takes numbers of 32 bits, bytes (as a pointer to them) and None; raises OSError on -1."""
    import _ctypes  # noqa: PLC0415 - not to be had on every platform

    flags = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    kind = type("Function", (_ctypes.CFuncPtr,), {"_flags_": flags})
    program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # what is loaded already
    found = kind(_ctypes.dlsym(program, name))

    def call(*arguments: int | bytes | None) -> int:
        result = int(found(*arguments))
        if result == -1:
            number = _ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    return call


def no_new_privileges() -> None:
    """Give up what set-user-ID programs would give us; the kernel asks for that before it confines anybody."""
    function("prctl")(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
