"""Installing through Smithery Connect: a connection is found or made there, and reached as a remote server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec
import structlog

from gateway.discovery.connect.badge import HEADER
from gateway.discovery.connect.names import connection_id, mcp_address, namespace_name, place_of
from gateway.errors import GatewayError, UsageError
from gateway.install.planning.blueprint import InstallPlan, RemoteSource
from gateway.install.planning.inputs import split_secrets
from gateway.install.planning.references import RefKind, parse_reference, suggest_name
from gateway.install.planning.settings import Problems, as_text, looks_secret
from gateway.install.schemas.values import check_schema_settings
from gateway.listing import Listing, RemoteConnection
from gateway.model import Origin, RemoteLaunch, ServerName, ServerSpec, Source
from gateway.verbs.connecting.making import Wish, ensure_connection, until_connected
from gateway.verbs.parts import Parts, Progress
from gateway.verbs.planning import Ask, plan_for, plan_of

CONNECT: Final = "connect"
DIRECT: Final = "direct"
NOT_MADE_YET: Final = "a-new-namespace"  # shown by a dry run; never sent
_log = structlog.get_logger("install")


@dataclass(frozen=True, slots=True)
class Target:
    """What shall be connected: the listing, and its address when it says one."""

    listing: Listing
    remote: RemoteConnection

    @property
    def schema(self) -> Mapping[str, Any]:
        """What its publisher says can be configured."""
        return self.remote.config_schema


def via_of(spec: ServerSpec) -> Literal["connect", "direct"]:
    """How an installed server is reached: `connect` or `direct`."""
    launch = spec.launch
    through = isinstance(launch, RemoteLaunch) and launch.headers.get("Authorization") == HEADER
    return CONNECT if through else DIRECT


async def planned(parts: Parts, ask: Ask) -> InstallPlan:
    """Plan what is asked for, however it shall be reached.

    Raises: UsageError, NotFound, DiscoveryError, RefusedByPolicy, InstallError.
    """
    return await (_plan_via_connect(parts, ask) if ask.via == CONNECT else plan_for(parts, ask))


async def _plan_via_connect(parts: Parts, ask: Ask) -> InstallPlan:
    """Plan a server of Smithery as a connection; nothing is made there yet."""
    parts.connect.require_key()
    target = await _target(parts, ask.name)
    name = ServerName(ask.alias or suggest_name(target.listing.name))
    place = await _place_now(parts, name) or (await chosen_namespace(parts) or NOT_MADE_YET, connection_id(name))
    settings, secrets = _parted(target, ask)
    listing, bare = _connected(parts, target.listing, place), replace(ask, settings={}, secrets={}, secret_keys=())
    plan = await plan_of(parts, listing, name=name, ask=bare)
    return replace(
        _placed(parts, plan, place, target.listing),
        settings=settings,
        secret_keys=tuple(sorted({*ask.secret_keys, *secrets})),
        given_secrets=secrets,
    )


async def connected(parts: Parts, ask: Ask, plan: InstallPlan, progress: Progress | None) -> InstallPlan:
    """Find or make the connection of a plan, and wait until it can be used. Returns the plan with its real address.

    A plan that needs no connection comes back as it is.

    Raises: ConnectionWaits when a person must act first: the same command again goes on from there; DiscoveryError,
    InstallError, UsageError.
    """
    if ask.via != CONNECT:
        return plan
    target = await _target(parts, ask.name)
    here = await _place_now(parts, plan.name)
    namespace = here[0] if here is not None else await usable_namespace(parts)
    kept = parts.secrets.get(plan.name)
    values = {key: as_text(value) for key, value in plan.settings.items()}
    values |= {key: kept[key] for key in plan.secret_keys if key in kept} | dict(plan.given_secrets)
    wish = Wish(
        namespace, connection_id(plan.name), target.listing.name, target.remote.url, target.schema, values,
        is_watched=ask.origin is Origin.CLI,
    )  # fmt: skip
    connection = await ensure_connection(parts, wish, progress)
    await until_connected(parts, wish, connection, progress)
    return _placed(parts, plan, (namespace, wish.connection), target.listing)


async def _place_now(parts: Parts, name: ServerName) -> tuple[str, str] | None:
    """Where the server of that name is connected already: it stays there, whichever namespace is the first today."""
    here = await parts.installed.get(name)
    if here is None or via_of(here.spec) != CONNECT or not isinstance(here.spec.launch, RemoteLaunch):
        return None
    return place_of(here.spec.launch.url, parts.connect.access.api_url)


async def chosen_namespace(parts: Parts) -> str | None:
    """Return the namespace to look in: the configured one, else the account's first; None when it has none.

    Raises: DiscoveryError.
    """
    configured = parts.config().smithery.namespace
    return namespace_name(configured) if configured else next(iter(await parts.connect.namespaces()), None)


async def usable_namespace(parts: Parts) -> str:
    """Return the namespace to work in; one that is not there yet is made.

    Raises: DiscoveryError.
    """
    configured = parts.config().smithery.namespace
    names = await parts.connect.namespaces()
    if configured in names or (names and not configured):
        return configured or names[0]
    made = await parts.connect.create_namespace(configured)
    _log.info("namespace_made", namespace=made)
    return made


async def forget_connection(parts: Parts, spec: ServerSpec) -> list[str]:
    """Delete the connection behind a removed server, if this installation made it; say what could not be done."""
    if via_of(spec) != CONNECT or not isinstance(spec.launch, RemoteLaunch):
        return []
    place = place_of(spec.launch.url, parts.connect.access.api_url)
    if place is None:
        return ["its connection belongs to another address than [smithery] base_url and stays there"]
    namespace, connection = place
    try:
        found = await parts.connect.find(namespace, connection)
        if found is None:
            return []
        if found.metadata.get("gateway") != parts.mark:
            return [f"the connection {connection} in {namespace} was not made here and stays at Smithery"]
        await parts.connect.delete(namespace, connection)
    except GatewayError as exc:
        return [
            f"its connection {connection} in {namespace} could not be deleted at Smithery: {exc.message};"
            f" later: mcp-gateway connect remove {connection}"
        ]
    return []


async def _target(parts: Parts, name: str) -> Target:
    reference = parse_reference(name)
    if reference.kind not in {RefKind.LISTING, RefKind.SMITHERY}:
        raise UsageError(
            f"{reference.text} is not a server of Smithery",
            fix="Only those are reached through Connect; leave --via out.",
        )
    listing, _ = await parts.finder.show(reference.identifier, source=Source.SMITHERY.value)
    connections = listing.connections or ()
    remote = next((one for one in connections if isinstance(one, RemoteConnection)), None)
    if remote is None and (connections or listing.remote is False):
        raise UsageError(
            f"{listing.name} runs on this machine; there is nothing to reach through Connect", fix="Leave --via out."
        )
    return Target(listing, remote or RemoteConnection(url=""))


def _parted(target: Target, ask: Ask) -> tuple[dict[str, Any], dict[str, str]]:
    """Check the values as far as the schema goes, and part settings from secrets. Raises: SettingsError."""
    properties = target.schema.get("properties")
    entries = properties if isinstance(properties, Mapping) else {}
    known = {str(key): entry for key, entry in entries.items() if isinstance(entry, Mapping)}
    names = {key for key in ask.settings if looks_secret(key, known.get(key, {}))}
    plain, moved = split_secrets(ask.settings, names)
    # What is required, and what happens without it, is Connect's to say: somebody may have given it there already.
    offered = {key: {k: v for k, v in entry.items() if k != "default"} for key, entry in known.items()}
    problems = Problems()
    schema = {key: part for key, part in target.schema.items() if key != "required"} | {"properties": offered}
    settings = check_schema_settings(schema, plain, (), problems, strict=False)
    problems.raise_if_any(ask.alias or target.listing.name)
    return settings, {**moved, **ask.secrets}


def _connected(parts: Parts, listing: Listing, place: tuple[str, str]) -> Listing:
    """The listing as if its server were at the connection's address, so that every rule looks at it as ever."""
    url = mcp_address(parts.connect.access.api_url, *place)
    return msgspec.structs.replace(listing, connections=(RemoteConnection(url=url),))


def _placed(parts: Parts, plan: InstallPlan, place: tuple[str, str], listing: Listing) -> InstallPlan:
    launch = RemoteLaunch(mcp_address(parts.connect.access.api_url, *place), {"Authorization": HEADER})
    step = {"step": "connect", "namespace": place[0], "connection": place[1], "server": listing.name}
    return replace(
        plan,
        source=RemoteSource(launch),
        launch={"url": launch.url, "headers": dict(launch.headers)},
        steps=(step,),
    )


def server_at(specs: list[ServerSpec], api_url: str, place: tuple[str, str]) -> ServerName | None:
    """Name the installed server that uses a connection."""
    for spec in specs:
        if isinstance(spec.launch, RemoteLaunch) and place_of(spec.launch.url, api_url) == place:
            return spec.name
    return None
