"""A verb carried out in this process, because no daemon runs: under the lock of the state directory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio

from gateway.admin.routes import route_of
from gateway.daemon.logs import configure_logs
from gateway.daemon.offline import open_offline
from gateway.errors import GatewayError

Json = dict[str, Any]


def carry_out(state: Path, verb: str, tell: Callable[[Json], None] | None, given: Mapping[str, Any]) -> Json:
    """Open the state directory, carry out one verb, close it.

    Raises: whatever the verb raises; AlreadyRunning when somebody else holds the state directory.
    """
    configure_logs("console", "warning")
    extra: Json = {}
    if tell is not None and route_of(verb).streams:
        extra["progress"] = lambda step: tell({"progress": step})

    async def work() -> Json:
        async with open_offline(state) as verbs:
            todo: Callable[..., Awaitable[Json]] = getattr(verbs, verb)
            return await todo(**given, **extra)

    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        # The verb's error may come out of a task group of the room that raised it.
        ours = _first_of_ours(group)
        if ours is None:
            raise
        raise ours from group


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> GatewayError | None:
    for error in group.exceptions:
        if isinstance(error, GatewayError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := _first_of_ours(error)):
            return found
    return None
