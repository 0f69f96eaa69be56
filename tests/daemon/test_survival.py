"""A task survives what should never happen, and only that."""

from __future__ import annotations

import anyio
from structlog.testing import capture_logs

from gateway.daemon.survival import survived


def test_an_error_is_logged_with_its_trace_and_passed_over() -> None:
    with capture_logs() as said, survived("it_broke", server="bad"):
        raise TypeError("unhashable")
    assert [(line["event"], line["server"], line["log_level"], line["exc_info"]) for line in said] == [
        ("it_broke", "bad", "error", True)
    ]


async def test_a_cancellation_passes() -> None:
    reached = False
    with anyio.move_on_after(0) as scope:
        with survived("never"):
            await anyio.sleep_forever()
        reached = True
    assert (scope.cancelled_caught, reached) == (True, False)
