"""`requests`: what agents want installed waits here for a person, where `install.on_demand` is "ask"."""

from __future__ import annotations

import re
import secrets
from typing import Any

import structlog

from gateway.clock import rfc3339
from gateway.errors import GatewayError, NotFound, RefusedByPolicy, UsageError
from gateway.install.planning.blueprint import InstallPlan
from gateway.install.planning.references import RefKind, parse_reference
from gateway.install.planning.settings import SettingsError
from gateway.model import Caller, Origin
from gateway.store.requests import APPROVED, DENIED, FAILED, INSTALLED, PENDING, STATES, Request
from gateway.verbs.installing import install
from gateway.verbs.parts import Parts
from gateway.verbs.planning import LISTED, Ask, plan_for

Json = dict[str, Any]
MOST_WAITING = 50  # of all agents together: a person has to read them
MOST_WAITING_OF_ONE = 5  # by the name that an agent gives itself
MOST_WAITING_OF_PRINCIPAL = 20  # who has many names has one token
DENIED_FOR_S = 7 * 86_400.0  # a person's no is not asked about again so soon
_log = structlog.get_logger("install")


async def note_wish(parts: Parts, name: str, caller: Caller) -> Request:
    """Keep an agent's wish until a person decides; the same wish again is the same request.

    Raises: RefusedByPolicy when a person said no, when too many wait, or when the rules forbid the server anyhow;
    UsageError, NotFound, DiscoveryError, InstallError for a server that could not be installed.
    """
    key = key_of(name)  # what is no name is not looked up, and not kept
    if (known := await _known(parts, key, name)) is not None:
        return known
    await _check_room(parts, caller)
    meant, message = await _what_it_means(parts, name)
    if meant and (known := await _known(parts, key_of(meant), name)) is not None:
        return known
    request = Request(
        id=f"r-{secrets.token_hex(4)}",
        at=parts.clock.wall(),
        agent=caller.agent,
        run=caller.run,
        name=name,
        message=message,
        principal=caller.principal,
        key=key_of(meant) if meant else key,
    )
    await parts.requests.put(request)
    _log.info("install_requested", request=request.id, reference=name, agent=caller.agent)
    return request


def key_of(name: str) -> str:
    """The server that a reference means: the same for each way to spell it, and for each of its versions.

    A server of a listing is called alike in every source: a no to one of them is a no to its namesakes.

    Raises: UsageError for what is no name.
    """
    reference = parse_reference(name)
    if reference.kind in LISTED:
        return reference.identifier.removeprefix("@").casefold()
    if reference.kind is RefKind.PYPI:
        return "pypi:" + re.sub(r"[-_.]+", "-", reference.identifier).lower()
    return f"{reference.kind.value}:{reference.identifier}"


async def _known(parts: Parts, key: str, name: str) -> Request | None:
    """The wish for this server that waits or is granted.

    Raises: RefusedByPolicy when a person said no lately.
    """
    known = await parts.requests.newest_for(key)
    if known is not None and known.state == DENIED and parts.clock.wall() - (known.decided_at or 0) < DENIED_FOR_S:
        raise RefusedByPolicy(f"a person refused to install {name[:60]}", fix="Go on without it.")
    return known if known is not None and known.state in {PENDING, APPROVED} else None


async def _check_room(parts: Parts, caller: Caller) -> None:
    """Raises: RefusedByPolicy when too many wishes wait."""
    if await parts.requests.waiting() >= MOST_WAITING:
        raise RefusedByPolicy("too many requests wait for a person already", fix="Go on without it.")
    of_agent = await parts.requests.waiting(agent=caller.agent)
    of_principal = await parts.requests.waiting(principal=caller.principal)
    if of_agent >= MOST_WAITING_OF_ONE or of_principal >= MOST_WAITING_OF_PRINCIPAL:
        raise RefusedByPolicy("too many of your requests wait for a person already", fix="Go on without it.")


async def _what_it_means(parts: Parts, name: str) -> tuple[str, str]:
    """Tell which server it is ("" when that is not known), and what would be installed or what a person must give.

    What cannot be installed at all is told the agent, by the error.
    """
    try:
        plan = await plan_for(parts, Ask(name, origin=Origin.AGENT))
    except SettingsError as missing:
        return "", f"{missing.message}. {missing.fix}"
    return plan.from_, "; ".join([f"{_shown(plan)} as {plan.name}", *plan.warnings])


def _shown(plan: InstallPlan) -> str:
    says_it = not plan.version or parse_reference(plan.from_).version == plan.version
    return plan.from_ if says_it else f"{plan.from_} {plan.version}"


async def requests(parts: Parts, state: str | None = None) -> Json:
    """What agents asked for, those that wait first.

    Raises: UsageError for a state that there is not.
    """
    if state is not None and state not in STATES:
        raise UsageError(f"there is no state {state[:20]!r}", fix=f"One of: {', '.join(STATES)}.")
    return {"requests": [_row(request) for request in await parts.requests.list(state)]}


async def request_decide(parts: Parts, request_id: str, approve: bool) -> Json:
    """Say yes or no to a request. A yes is carried out by the running daemon, or at its next start.

    Raises: NotFound; UsageError when there is nothing to decide any more.
    """
    before = (PENDING, FAILED) if approve else (PENDING, APPROVED, FAILED)
    known = await parts.requests.get(request_id)
    if known is None:
        raise NotFound(f"there is no request {request_id[:40]!a}", fix="See `mcp-gateway requests`.")
    after = APPROVED if approve else DENIED
    if not await parts.requests.move(request_id, before, after, parts.clock.wall(), known.message):
        raise UsageError(f"the request {request_id} is {known.state} already", fix="See `mcp-gateway requests`.")
    _log.info("request_decided", request=request_id, reference=known.name, state=after)
    parts.decided()
    return {"request": _row(await _now(parts, request_id))}


async def carry_out(parts: Parts, request: Request) -> Request:
    """Install what a person approved; how it went is kept with the request."""
    try:
        done = await install(parts, Ask(request.name, origin=Origin.AGENT))
        state, message = INSTALLED, f"{done['from']} as {done['name']}, {done['tools']} tools"
    except GatewayError as exc:
        state, message = FAILED, f"{exc.message}. {exc.fix}".removesuffix(" ")
    await parts.requests.move(request.id, (APPROVED,), state, parts.clock.wall(), message)
    _log.info("request_carried_out", request=request.id, reference=request.name, state=state)
    return await _now(parts, request.id)


async def _now(parts: Parts, request_id: str) -> Request:
    found = await parts.requests.get(request_id)
    assert found is not None  # noqa: S101 - rows of requests are never deleted
    return found


def _row(request: Request) -> Json:
    return {
        "id": request.id,
        "at": rfc3339(request.at),
        "agent": request.agent,
        "run": request.run,
        "name": request.name,
        "state": request.state,
        "decided_at": rfc3339(request.decided_at) if request.decided_at is not None else None,
        "message": request.message,
    }
