"""One connection of Smithery Connect on its way to being usable: found or made, given its values, waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from gateway.discovery.connect.answers import ConnectRefused
from gateway.discovery.connect.inputs import Assigned, Slot, assign, key_for, leads_to, slots, with_query
from gateway.discovery.connect.values import AUTH_REQUIRED, ERROR, INPUT_REQUIRED, Connection, NewConnection, Status
from gateway.errors import ConnectionWaits, InstallError, UsageError
from gateway.install.planning.settings import looks_secret
from gateway.verbs.parts import Parts, Progress

CONNECT_STEP: Final = "connect"
POLL_S: Final = 3.0  # as the official client
_log = structlog.get_logger("install")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which connection is wanted, to which server, with which values. `is_watched`: a person sees what is told."""

    namespace: str
    connection: str
    server: str  # the qualified name
    address: str  # where its listing says it is, "" when it does not
    schema: Mapping[str, Any]
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_watched: bool = False

    def slots(self, status: Status) -> tuple[Slot, ...]:
        """Everything that can be given."""
        return slots(self.schema, status)


async def ensure_connection(parts: Parts, wish: Wish, progress: Progress | None) -> Connection:
    """Find the connection or make it, and give it the values that it does not have.

    Raises: ConnectionMismatch, UsageError, DiscoveryError.
    """
    found = await parts.connect.find(wish.namespace, wish.connection)
    first = _assigned(wish, found.status if found is not None else Status(), is_last=False)
    if found is not None and _is_same(found, wish):
        return await _given(parts, wish, found, first) if first else found
    tell(progress, "connect", f"making the connection {wish.connection} in {wish.namespace}")
    # Parameters travel in the address, and only the answer says what that is.
    made = await _put(parts, wish, Assigned(first.headers), found)
    rest = _assigned(wish, made.status, is_last=True)
    wanted_now = rest.query or set(rest.headers) - set(first.headers)
    return await _given(parts, wish, made, rest) if wanted_now else made


def _is_same(found: Connection, wish: Wish) -> bool:
    return found.metadata.get("server") == wish.server or leads_to(found.mcp_url, wish.server)


def _assigned(wish: Wish, status: Status, *, is_last: bool) -> Assigned:
    """Put the values in their places; what nobody asks for is told as soon as everything that is asked for is known."""
    places = wish.slots(status)
    assigned = assign(wish.values, places)
    if assigned.refused:
        raise UsageError(f"the header {assigned.refused[0][:40]!a} cannot be given", fix="Leave it out.")
    if assigned.unknown and (is_last or places):
        asked = ", ".join(slot.key for slot in places)
        raise UsageError(
            f"{wish.server} does not ask for {assigned.unknown[0][:40]!a}",
            fix=f"It asks for: {asked}." if asked else "It asks for nothing; leave --set and --secret out.",
        )
    return assigned


async def _put(parts: Parts, wish: Wish, assigned: Assigned, found: Connection | None) -> Connection:
    metadata = found.metadata if found is not None and found.metadata else _metadata(parts, wish)
    wanted = NewConnection(server=wish.server, name=wish.connection, metadata=metadata, headers=assigned.headers)
    try:
        return await parts.connect.put(wish.namespace, wish.connection, wanted)
    except ConnectRefused:
        if not wish.address:
            raise
        # Releases of the service before mid-2026 know addresses only.
        older = NewConnection(mcp_url=wish.address, name=wish.connection, metadata=metadata, headers=assigned.headers)
        return await parts.connect.put(wish.namespace, wish.connection, older)


def _metadata(parts: Parts, wish: Wish) -> dict[str, Any]:
    """Say who made it: only what this installation made is deleted with its server."""
    return {"managedBy": "mcp-gateway", "gateway": parts.mark, "server": wish.server}


async def _given(parts: Parts, wish: Wish, connection: Connection, assigned: Assigned) -> Connection:
    url = connection.mcp_url or wish.address
    if not url:
        raise UsageError(f"{wish.server} has no address to which values could be added", fix="Leave --set out.")
    wanted = NewConnection(
        mcp_url=with_query(url, assigned.query),
        name=connection.name,
        metadata=connection.metadata or None,
        headers=assigned.headers,
    )
    return await parts.connect.put(wish.namespace, wish.connection, wanted)


async def until_connected(parts: Parts, wish: Wish, connection: Connection, progress: Progress | None) -> None:
    """Wait, at most `[smithery] connect_wait_s`, until the connection can be used; longest for a person who signs in.

    Raises: ConnectionWaits, InstallError, DiscoveryError.
    """
    wait_s = parts.config().smithery.connect_wait_s
    end, told = parts.clock.now() + wait_s, False
    while not (status := connection.status).is_connected:
        if status.state == ERROR:
            raise InstallError(
                f"{wish.server} cannot be reached through Smithery Connect: {status.message or 'it says not why'}",
                step=CONNECT_STEP,
                fix=f"Look again later: mcp-gateway connect show {wish.connection}",
            )
        left_s = end - parts.clock.now()
        is_ours_to_wait = status.state != INPUT_REQUIRED and (status.state != AUTH_REQUIRED or wish.is_watched)
        if left_s <= 0 or not is_ours_to_wait:
            raise _still_waiting(wish, status, wait_s)
        if not told:
            tell(progress, status.state, _told(wish, status, left_s))
            told = True
        await parts.connect.pause(min(POLL_S, left_s))
        connection = await parts.connect.get(wish.namespace, wish.connection)
    _log.info("connection_ready", namespace=wish.namespace, connection=wish.connection)


def _told(wish: Wish, status: Status, left_s: float) -> str:
    if status.state == AUTH_REQUIRED and status.setup_url:
        return f"to sign in for {wish.server}, open {status.setup_url} (waiting up to {left_s:.0f} s)"
    return f"waiting up to {left_s:.0f} s for {wish.server} to be connected (it is {status.state[:30]})"


def _still_waiting(wish: Wish, status: Status, wait_s: float) -> ConnectionWaits | InstallError:
    if status.needs_a_person:
        return waits(
            status, namespace=wish.namespace, connection=wish.connection, server=wish.server, schema=wish.schema
        )
    return InstallError(
        f"{wish.server} did not become connected within {wait_s:g} s; Smithery Connect says {status.state[:30]!a}",
        step=CONNECT_STEP,
        fix="Run the same command again later.",
    )


def waits(
    status: Status, *, namespace: str, connection: str, server: str, schema: Mapping[str, Any] | None = None
) -> ConnectionWaits:
    """Return the error that tells a person what to do before a connection can be used."""
    keys = _missing_keys(status, slots(schema or {}, status))
    where = f" at {status.setup_url}" if status.setup_url else ""
    doing = f"somebody must sign in{where}" if status.state == AUTH_REQUIRED else f"it wants {_wanted(status)}"
    return ConnectionWaits(
        f"{server} waits at Smithery Connect: {doing}",
        state=status.state,
        namespace=namespace,
        connection=connection,
        setup_url=status.setup_url,
        fix=_what_to_do(status, keys),
        missing=[key for key, is_secret in keys.items() if not is_secret],
        missing_secrets=[key for key, is_secret in keys.items() if is_secret],
    )


def _missing_keys(status: Status, places: tuple[Slot, ...]) -> dict[str, bool]:
    """The keys of the values that are missing, and whether each is a secret: what travels as a header mostly is."""
    if status.state == AUTH_REQUIRED:
        return {}
    headers = {key_for("header", name, places): True for name in status.missing_headers}
    query = {key_for("query", name, places): looks_secret(name, {}) for name in status.missing_query}
    return headers | query


def _wanted(status: Status) -> str:
    labels = {one.name: one.label for one in (*status.headers, *status.query)}
    names = (*status.missing_headers, *status.missing_query)
    spelled = [f"{name} ({labels[name]})" if labels.get(name) else name for name in names]
    return ", ".join(spelled) or "values"


def _what_to_do(status: Status, keys: Mapping[str, bool]) -> str:
    where = f"pen {status.setup_url} in a browser" if status.setup_url else "pen the connection in Smithery's dashboard"
    if status.state == AUTH_REQUIRED:
        return f"O{where} and sign in, then run the same command again."
    flags = [f"--secret {key}" if is_secret else f"--set {key}=…" for key, is_secret in keys.items()]
    given = f"Give {' '.join(flags)}, or o{where}" if flags else f"O{where}"
    return f"{given}; then run the same command again."


def tell(progress: Progress | None, step: str, message: str) -> None:
    """Tell whoever watches."""
    if progress is not None:
        progress({"step": step, "message": message, "done": None, "total": None})
