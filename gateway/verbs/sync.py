"""`sync`: a copy of the official registry in the store, so that searching needs no network."""

from __future__ import annotations

from typing import Any

from gateway.clock import rfc3339
from gateway.errors import UsageError
from gateway.verbs.parts import Parts, Progress

Json = dict[str, Any]


async def sync(parts: Parts, *, full: bool = False, progress: Progress | None = None) -> Json:
    """Read what changed in the official registry since the last time, or (first, or `full`) everything.

    Raises: UsageError where the registry is switched off; DiscoveryError, StoreError: the next run goes on.
    """
    if parts.sync is None:
        raise UsageError("the official registry is switched off", fix="Set enabled = true in [registry].")
    report = await parts.sync.run(progress or _nobody, full=full)
    return {
        "source": "registry",
        "full": report.since is None,
        "since": report.since,
        "resumed": report.resumed,
        "servers": report.servers,
        "withdrawn": report.withdrawn,
        "skipped": report.skipped,
        "pages": report.pages,
        "took_s": round(report.took_s, 3),
        "at": rfc3339(report.at),
    }


def _nobody(_: Json) -> None:
    """Nobody watches."""
