"""A changed configuration: read whole, refused whole when it is bad, applied without touching what did not change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import structlog

from gateway.config import Config
from gateway.daemon.options import ServeOptions
from gateway.daemon.setup import read_setup
from gateway.daemon.survival import survived
from gateway.daemon.workshop import Current
from gateway.model import ServerSpec

Json = dict[str, Any]
# What is fixed when the daemon starts; a change of these is told, not applied.
FIXED = ("gateway", "store", "learning", "smithery", "registry")


class Reloader:
    """Carries out SIGHUP and `config reload`, one at a time."""

    def __init__(
        self,
        *,
        options: ServeOptions,
        env: Mapping[str, str],
        current: Current,
        wanted: Callable[[], Awaitable[list[ServerSpec]]],
        apply: Callable[[Config], Awaitable[None]],
    ) -> None:
        self._options = options
        self._env = env
        self._current = current
        self._wanted = wanted
        self._apply = apply
        self._one_at_a_time = anyio.Lock()
        self._log = structlog.get_logger("config")

    async def __call__(self) -> Json:
        """Apply the file as it is now.

        Raises: ConfigError when it is bad: then nothing changed.
        """
        async with self._one_at_a_time:
            fresh = await anyio.to_thread.run_sync(read_setup, self._options, self._env, abandon_on_cancel=True)
            before, old = await self._wanted(), self._current.config
            self._current.config = fresh.config
            try:
                after = await self._wanted()
                await self._apply(fresh.config)
            except Exception:
                self._current.config = old  # what could not be applied is not what is in force
                with survived("reload_not_undone"):
                    await self._apply(old)
                raise
            told = compare(before, after)
            needs_restart = [name for name in FIXED if getattr(old, name) != getattr(fresh.config, name)]
            self._log.info("config_reloaded", **told, needs_restart=needs_restart)
            file = str(fresh.config_file) if fresh.config_file else None
            return {"file": file, **told, "needs_restart": needs_restart}


def compare(before: list[ServerSpec], after: list[ServerSpec]) -> Json:
    """Name what differs between two wanted sets."""
    old, new = {spec.name: spec for spec in before}, {spec.name: spec for spec in after}
    both = old.keys() & new.keys()
    changed = sorted(name for name in both if old[name] != new[name])
    return {
        "changed": changed,
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "unchanged": len(both) - len(changed),
    }
