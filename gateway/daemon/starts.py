"""Counts how servers start: the first handshakes of installs, and what the running daemon's children do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from gateway.errors import ChildError, StoreError
from gateway.facts import Fact, StateChanged
from gateway.model import ServerSpec
from gateway.store.definitions import Pinned
from gateway.store.tracks import Tracks
from gateway.verbs.parts import TryOut

_log = structlog.get_logger("store")


class NotedTryOut:
    """Fits `gateway.verbs.parts.TryOut`: notes how each first handshake went."""

    def __init__(self, try_out: TryOut, tracks: Tracks) -> None:
        self._try_out = try_out
        self._tracks = tracks

    async def __call__(self, spec: ServerSpec, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
        """Try the server out.

        Raises: as the one that tries it out.
        """
        try:
            offered = await self._try_out(spec, secrets)
        except ChildError:
            await _noted(self._tracks, {spec.from_: (0, 1)})
            raise
        await _noted(self._tracks, {spec.from_: (1, 0)})
        return offered


class StartNotes:
    """A listener of facts; `write` keeps what it heard. Never waits, never fails a fact."""

    def __init__(self, tracks: Tracks, wanted: Callable[[], Awaitable[Sequence[ServerSpec]]]) -> None:
        self._tracks = tracks
        self._wanted = wanted
        self._ok: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def __call__(self, fact: Fact) -> None:
        """Count a child that became ready, and one that ended although it was wanted."""
        if not isinstance(fact, StateChanged):
            return
        before, self._last[fact.server] = self._last.get(fact.server), fact.state
        if fact.state == before:
            return  # another health, the same state
        if fact.state == "ready":
            self._ok[fact.server] += 1
        elif fact.state in {"backoff", "failed"}:
            self._failed[fact.server] += 1

    async def write(self) -> None:
        """Keep what was counted since the last time, by what each server came from."""
        ok, failed = self._ok, self._failed
        if not ok and not failed:
            return
        self._ok, self._failed = Counter(), Counter()
        refs: dict[str, str] = {spec.name: spec.from_ for spec in await self._wanted()}
        starts: dict[str, tuple[int, int]] = {}
        for name in {*ok, *failed} & {*refs}:
            before = starts.get(refs[name], (0, 0))
            starts[refs[name]] = (before[0] + ok[name], before[1] + failed[name])
        await _noted(self._tracks, starts)


async def _noted(tracks: Tracks, starts: Mapping[str, tuple[int, int]]) -> None:
    try:
        await tracks.note(starts)
    except StoreError as exc:
        _log.warning("starts_not_noted", reason=exc.message)
