"""The verbs as objects: `OfflineVerbs` and `OnlineVerbs` fit `gateway.admin.ports`. Nothing but delegation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gateway.model import Origin
from gateway.verbs import (
    catalogue,
    connect,
    deaths,
    definitions,
    installing,
    learn,
    operate,
    records,
    removing,
    requests,
    secrets,
    servers,
    showing,
    sync,
    upgrading,
    use,
)
from gateway.verbs.parts import Parts, Progress, Running
from gateway.verbs.planning import Ask

Json = dict[str, Any]


class OfflineVerbs:
    """What works with or without a running daemon."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def search(
        self,
        query: str,
        *,
        source: str | None = None,
        limit: int = 10,
        verified: bool | None = None,
        remote: bool | None = None,
        namespace: str | None = None,
        offline: bool = False,
        filters: str | None = None,
    ) -> Json:
        return await catalogue.search(
            self._parts,
            query,
            source=source,
            limit=limit,
            verified=verified,
            remote=remote,
            namespace=namespace,
            offline=offline,
            filters=filters,
        )

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
        via: str = "direct",
        progress: Progress | None = None,
    ) -> Json:
        ask = Ask(name, alias, settings or {}, secrets or {}, origin=Origin.CLI, allow_fresh=allow_fresh, via=via)
        return await installing.install(self._parts, ask, dry_run=dry_run, progress=progress)

    async def upgrade(
        self,
        name: str | None = None,
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        approve: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        return await upgrading.upgrade(
            self._parts, name, dry_run=dry_run, allow_fresh=allow_fresh, approve=approve, progress=progress
        )

    async def install_many(
        self,
        names: Sequence[str],
        *,
        dry_run: bool = False,
        allow_fresh: bool = False,
        progress: Progress | None = None,
    ) -> Json:
        return await installing.install_many(
            self._parts, names, dry_run=dry_run, allow_fresh=allow_fresh, progress=progress
        )

    async def rollback(self, name: str, *, progress: Progress | None = None) -> Json:
        return await upgrading.rollback(self._parts, name, progress=progress)

    async def remove(self, name: str, *, data: bool = False) -> Json:
        return await removing.remove(self._parts, name, data=data)

    async def sync(self, *, full: bool = False, progress: Progress | None = None) -> Json:
        return await sync.sync(self._parts, full=full, progress=progress)

    async def list_servers(self) -> Json:
        return await catalogue.list_servers(self._parts)

    async def approve(self, name: str, *, tools: Sequence[str] = (), dry_run: bool = False) -> Json:
        return await definitions.approve(self._parts, name, tools=tools, dry_run=dry_run)

    async def reject(self, name: str, *, tools: Sequence[str] = ()) -> Json:
        return await definitions.reject(self._parts, name, tools=tools)

    async def record(self, name: str, *, format: str = "json") -> Json:  # noqa: A002 - the parameter's public name
        return await records.record(self._parts, name, form=format)

    async def deaths(self, *, name: str | None = None, limit: int = 50) -> Json:
        return await deaths.deaths(self._parts, name, limit=limit)

    async def requests(self, *, state: str | None = None) -> Json:
        return await requests.requests(self._parts, state)

    async def request_decide(self, request: str, approve: bool) -> Json:
        return await requests.request_decide(self._parts, request, approve)

    async def connect_list(
        self, *, namespace: str | None = None, name: str | None = None, url: str | None = None
    ) -> Json:
        return await connect.connect_list(self._parts, namespace=namespace, name=name, url=url)

    async def connect_show(self, connection: str, *, namespace: str | None = None) -> Json:
        return await connect.connect_show(self._parts, connection, namespace=namespace)

    async def connect_add(
        self, name: str, *, connection: str | None = None, namespace: str | None = None, replace: bool = False
    ) -> Json:
        return await connect.connect_add(self._parts, name, connection=connection, namespace=namespace, replace=replace)

    async def connect_remove(self, connection: str, *, namespace: str | None = None) -> Json:
        return await connect.connect_remove(self._parts, connection, namespace=namespace)

    async def connect_tools(self, connection: str, *, namespace: str | None = None) -> Json:
        return await connect.connect_tools(self._parts, connection, namespace=namespace)

    async def connect_namespaces(self) -> Json:
        return await connect.connect_namespaces(self._parts)

    async def secret_set(self, server: str, key: str, value: str) -> Json:
        return await secrets.secret_set(self._parts, server, key, value)

    async def secret_list(self, server: str | None = None) -> Json:
        return await secrets.secret_list(self._parts, server)

    async def secret_remove(self, server: str, key: str) -> Json:
        return await secrets.secret_remove(self._parts, server, key)

    async def config_show(self) -> Json:
        return await showing.config_show(self._parts)

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

    async def deaths(self, *, name: str | None = None, limit: int = 50) -> Json:
        return await deaths.deaths_now(self._running, name, limit=limit)

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
