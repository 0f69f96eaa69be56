"""Reading a file that a person named: whatever it turns out to be, the answer comes at once and is bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from gateway.errors import ConfigError, GatewayError, Problem

MOST_BYTES: Final = 1024 * 1024
"""More than any configuration needs; a device without an end must not fill the memory."""


def read_settings(file: Path) -> str:
    """Return the text of a configuration file.

    Raises: ConfigError when it is no text, GatewayError when it cannot be read; both say why.
    """
    try:
        return read_regular(str(file))
    except UnicodeDecodeError as exc:
        raise ConfigError([Problem("the file", "is not UTF-8 text")], file=str(file)) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        fix = "Check the path and its permissions."
        raise GatewayError(f"cannot read {file}: {reason}", fix=fix, code="config") from exc


def read_regular(path: str) -> str:
    """Return the text of a regular file of at most a mebibyte; nothing else is waited for.

    Raises: OSError; ValueError for a path that is none; UnicodeDecodeError.
    """
    # A FIFO that nobody writes to would be waited for in open() already.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file", path)
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(0, f"it has more than {MOST_BYTES // 1024} KiB", path)
    return data.decode("utf-8")
