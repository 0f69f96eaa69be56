"""Single requests on the wire."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from gateway.errors import RemoteProtocolError, RpcError
from gateway.model import ServerName
from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.talking.http.access import Access
from gateway.supervisor.talking.http.posting import Call, Poster
from gateway.supervisor.talking.http.refusals import HttpRefused, SessionLost
from gateway.supervisor.talking.http.session import Session
from gateway.supervisor.talking.http.wire import Wire
from gateway.supervisor.talking.patience import Patience
from tests.supervisor.talking.http.scripts import SSE, Answer, Scripted, result

LEGACY = Session(Agreed(Era.LEGACY, "2025-11-25", {}), "abc")
MODERN = Session(Agreed(Era.MODERN, "2026-07-28", {}))


class World:
    """A poster, what it is over, and what it told."""

    def __init__(self, answer: Answer) -> None:
        self.scripted = Scripted(answer)
        self.wire = Wire(ServerName("far"), Access("https://far.example/mcp", {}), lambda: self.scripted)
        self.noises = 0
        self.told: list[str] = []
        self.poster = Poster("far", b'{"name":"us"}', on_noise=self._noise)

    def _noise(self) -> None:
        self.noises += 1

    def call(self, method: str = "tools/list") -> Call:
        return Call(method, b"{}", Patience(10), lambda method, _: self.told.append(method))


async def test_every_sending_has_its_own_id_and_is_taken_for_run() -> None:
    world = World(lambda message: result(message, {}))
    call = world.call()
    for expected in (1, 2):
        call.unrun = True
        assert await world.poster.post(world.wire, call, LEGACY) == b"{}"
        assert (call.wire_id, call.unrun) == (expected, False)
    assert [message["id"] for message in world.scripted.messages] == [1, 2]
    assert world.poster.heard == 2


async def test_only_the_handshake_takes_a_session_id() -> None:
    world = World(lambda message: result(message, {}, mcp_session_id="given"))
    opening, later = world.call("initialize"), world.call()
    await world.poster.post(world.wire, opening, Session())
    await world.poster.post(world.wire, later, LEGACY)
    assert (opening.session_given, later.session_given) == ("given", "")
    assert ["mcp-session-id" in request.headers for request in world.scripted.requests] == [False, True]


async def test_a_session_id_that_cannot_be_sent_back_breaks_the_protocol() -> None:
    world = World(lambda message: result(message, {}, mcp_session_id="two words"))
    with pytest.raises(RemoteProtocolError):
        await world.poster.post(world.wire, world.call("initialize"), Session())


async def test_what_makes_no_sense_is_counted_and_told() -> None:
    body = b'data: nonsense\n\ndata: {"id":1,"error":{"code":5,"message":"no"}}\n\n'
    world = World(lambda _: httpx.Response(200, content=body, headers=SSE))
    with pytest.raises(RpcError, match="no"):
        await world.poster.post(world.wire, world.call(), LEGACY)
    assert (world.noises, world.poster.noise, world.poster.heard) == (1, 1, 1)


@pytest.mark.parametrize(("session", "told"), [(LEGACY, ["notifications/cancelled"]), (MODERN, [])])
async def test_only_a_legacy_server_is_told_of_a_cancellation(session: Session, told: list[str]) -> None:
    world = World(lambda _: httpx.Response(202))
    call = world.call()
    await world.poster.cancel(world.wire, call, session, "never sent")
    call.wire_id = 7
    await world.poster.cancel(world.wire, call, session, "the deadline passed")
    call.may_cancel = False
    await world.poster.cancel(world.wire, call, session, "not this one")
    assert [message["method"] for message in world.scripted.messages] == told
    assert [message["params"]["requestId"] for message in world.scripted.messages] == [7] * len(told)


async def test_only_a_session_is_ended() -> None:
    world = World(lambda _: httpx.Response(204))
    await world.poster.end(world.wire, MODERN, 1.0)
    await world.poster.end(world.wire, LEGACY, 1.0)
    assert [(request.method, request.headers["mcp-session-id"]) for request in world.scripted.requests] == [
        ("DELETE", "abc")
    ]


async def test_notices_are_told_questions_answered_and_nonsense_counted() -> None:
    stream = (
        b": hello\n\n"
        b'data: {"method":"notifications/tools/list_changed"}\n\n'
        b'data: {"id":"q","method":"ping"}\n\n'
        b"data: nonsense\n\n"
    )

    def answer(message: dict[str, object]) -> httpx.Response:
        return httpx.Response(202) if message else httpx.Response(200, content=stream, headers=SSE)

    world, pieces = World(answer), 0

    def on_piece() -> None:
        nonlocal pieces
        pieces += 1

    await world.poster.read_notices(world.wire, LEGACY, lambda method, _: world.told.append(method), on_piece)
    assert world.told == ["notifications/tools/list_changed"]
    assert world.scripted.messages[1:] == [{"jsonrpc": "2.0", "id": "q", "result": {}}]
    assert (world.noises, pieces > 0) == (1, True)


@pytest.mark.parametrize(
    ("session", "status", "error"), [(LEGACY, 404, SessionLost), (LEGACY, 405, HttpRefused), (MODERN, 404, HttpRefused)]
)
async def test_a_server_without_notices_refuses(session: Session, status: int, error: type[Exception]) -> None:
    world = World(lambda _: httpx.Response(status))
    quiet: Callable[[], None] = lambda: None  # noqa: E731
    with pytest.raises(error):
        await world.poster.read_notices(world.wire, session, lambda *_: None, quiet)
