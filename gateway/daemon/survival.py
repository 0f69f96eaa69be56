"""What should never happen in a task that works on strangers' words is logged, and the daemon goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog


@contextmanager
def survived(event: str, **fields: Any) -> Iterator[None]:
    """Log any error of the block as a bug of ours, and carry on behind it; a cancellation passes."""
    try:
        yield
    except Exception:  # noqa: BLE001 - one server's hostile answer must not end all the others
        structlog.get_logger("daemon").exception(event, **fields)
