"""The verbs as objects: `OfflineVerbs` and `OnlineVerbs` fit `gateway.admin.ports`. Nothing but delegation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gateway.model import Origin
from gateway.verbs import catalogue, definitions, installing, learn, operate, secrets, servers, use
from gateway.verbs.parts import Parts, Progress, Running
from gateway.verbs.planning import Ask

Json = dict[str, Any]


class OfflineVerbs:
    """What works with or without a running daemon."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def search(self, query: str, *, source: str | None = None, limit: int = 10) -> Json:
        return await catalogue.search(self._parts, query, source=source, limit=limit)

    async def show(self, name: str) -> Json:
        return await catalogue.show(self._parts, name)

    async def install(
        self,
        name: str,
        *,
        alias: str | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        ask = Ask(name, alias, settings or {}, secrets or {}, origin=Origin.CLI, allow_fresh=allow_fresh)
        return await installing.install(self._parts, ask, dry_run=dry_run, progress=progress)

    async def upgrade(
        self,
        name: str | None = None,
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        return await installing.upgrade(self._parts, name, dry_run=dry_run, allow_fresh=allow_fresh, progress=progress)

    async def remove(self, name: str) -> Json:
        return await installing.remove(self._parts, name)

    async def list_servers(self) -> Json:
        return await catalogue.list_servers(self._parts)

    async def approve(self, name: str, *, dry_run: bool = False) -> Json:
        return await definitions.approve(self._parts, name, dry_run=dry_run)

    async def reject(self, name: str) -> Json:
        return await definitions.reject(self._parts, name)

    async def secret_set(self, server: str, key: str, value: str) -> Json:
        return await secrets.secret_set(self._parts, server, key, value)

    async def secret_list(self, server: str | None = None) -> Json:
        return await secrets.secret_list(self._parts, server)

    async def secret_remove(self, server: str, key: str) -> Json:
        return await secrets.secret_remove(self._parts, server, key)

    async def config_show(self) -> Json:
        return await operate.config_show(self._parts)

    async def token_show(self, which: str = operate.AGENTS) -> Json:
        return await operate.token_show(self._parts, which)

    async def token_rotate(self, which: str = operate.AGENTS) -> Json:
        return await operate.token_rotate(self._parts, which)

    async def doctor(self) -> Json:
        return await operate.doctor(self._parts)

    async def massgen_block(self, agents: Sequence[str] = ()) -> Json:
        return await operate.massgen_block(self._parts, agents)


class OnlineVerbs(OfflineVerbs):
    """Those that need the running daemon as well."""

    def __init__(self, running: Running) -> None:
        super().__init__(running.parts)
        self._running = running

    async def status(self) -> Json:
        return await servers.status(self._running)

    async def start(self, name: str) -> Json:
        return await servers.start(self._running, name)

    async def stop(self, name: str) -> Json:
        return await servers.stop(self._running, name)

    async def restart(self, name: str) -> Json:
        return await servers.restart(self._running, name)

    async def logs(self, name: str, *, lines: int = 200) -> Json:
        return await servers.logs(self._running, name, lines=lines)

    def follow_logs(self, name: str) -> AsyncIterator[str]:
        return servers.follow_logs(self._running, name)

    async def tools(self, *, query: str | None = None, agent: str | None = None, run: str | None = None) -> Json:
        return await use.tools(self._running, query=query, agent=agent, run=run)

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, agent: str | None = None, run: str | None = None
    ) -> Json:
        return await use.call(self._running, tool, arguments, agent=agent, run=run)

    async def calls(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        tool: str | None = None,
        since: str | None = None,
        limit: int = 50,
    ) -> Json:
        return await use.calls(self._running, agent=agent, run=run, tool=tool, since=since, limit=limit)

    async def runs(self, *, limit: int = 50) -> Json:
        return await use.runs(self._running, limit=limit)

    async def feedback(self, call_id: str, score: float, *, comment: str = "") -> Json:
        return await use.feedback(self._running, call_id, score, comment=comment)

    async def learn_status(self) -> Json:
        return await learn.learn_status(self._running)

    async def learn_train(self) -> Json:
        return await learn.learn_train(self._running)

    async def learn_evaluate(self) -> Json:
        return await learn.learn_evaluate(self._running)

    async def learn_report(self) -> Json:
        return await learn.learn_report(self._running)

    async def config_reload(self) -> Json:
        return await self._running.reload()
