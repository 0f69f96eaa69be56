"""What comes back for one POST, from prepared responses."""

from __future__ import annotations

import gzip

import httpx
import pytest

from gateway.errors import AnswerTooLarge, ChildGone, GatewayError, RemoteProtocolError, RpcError
from gateway.protocol.framing import LINE_CAP
from gateway.supervisor.talking.http.exchange import Exchange
from gateway.supervisor.talking.http.faults import trouble_as_gone
from gateway.supervisor.talking.http.refusals import HttpRefused, PersonNeeded
from gateway.supervisor.talking.patience import Patience
from tests.net.web import Page, serving

JSON = {"content-type": "application/json; charset=utf-8"}
SSE = {"content-type": "text/event-stream"}


class World:
    """An exchange and what it told."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, bytes]] = []
        self.told: list[str] = []
        self.replies: list[bytes] = []
        self.exchange = Exchange(
            "s",
            7,
            Patience(60),
            lambda m, p: self.notices.append((m, p)),
            lambda m, _: self.told.append(m),
            self.reply,
            caller_progress=b'"mine"',
        )

    async def reply(self, data: bytes) -> None:
        self.replies.append(data)

    async def read(self, content: bytes, headers: dict[str, str], status: int = 200) -> bytes:
        return await self.exchange.read(httpx.Response(status, content=content, headers=headers))


def events(*messages: bytes) -> bytes:
    return b"".join(b"data: " + message + b"\n\n" for message in messages)


async def test_a_json_answer_keeps_its_bytes() -> None:
    assert await World().read(b'{"jsonrpc":"2.0","id":7,"result":{ "a":1.50 }}', JSON) == b'{ "a":1.50 }'


async def test_a_stream_tells_everything_in_order_before_the_answer() -> None:
    world = World()
    stream = events(
        b'{"method":"notifications/progress","params":{"progressToken":7,"progress":1}}',
        b'{"method":"notifications/message","params":{"level":"info"}}',
        b'{"method":"notifications/tools/list_changed"}',
        b'{"id":"q","method":"ping"}',
        b"garbage",
        b'{"id":99,"result":{}}',
        b'{"id":7,"result":{"done":1}}',
        b'{"id":7,"result":{"late":1}}',
    )
    assert await world.read(stream, SSE) == b'{"done":1}'
    assert world.notices == [
        ("notifications/progress", b'{"progressToken":"mine","progress":1}'),
        ("notifications/message", b'{"level":"info"}'),
    ]
    assert world.told == ["notifications/tools/list_changed"]
    assert world.replies == [b'{"jsonrpc":"2.0","id":"q","result":{}}']
    assert world.exchange.noise == 2


@pytest.mark.parametrize(
    ("content", "headers", "status", "error"),
    [
        (b'{"id":7,"error":{"code":-1,"message":"x"}}', JSON, 200, RpcError),
        (b'{"id":7,"error":{"code":-32601,"message":"x"}}', JSON, 404, RpcError),
        (b'{"id":8,"result":{}}', JSON, 200, RemoteProtocolError),
        (b"not json", JSON, 200, RemoteProtocolError),
        (b'{"id":null,"error":{"code":1,"message":"x"}}', JSON, 400, HttpRefused),
        (b"<html>", {"content-type": "text/html"}, 502, HttpRefused),
        (b"", {}, 202, HttpRefused),
        (events(b'{"method":"x"}'), SSE, 200, ChildGone),
        (events(b'{"jsonrpc":"2.0","id":7,"result":[}'), SSE, 200, RemoteProtocolError),
        (b'"' + b"x" * (LINE_CAP + 1) + b'"', JSON, 200, AnswerTooLarge),
    ],
)
async def test_what_is_no_result_is_the_error_it_should_be(
    content: bytes, headers: dict[str, str], status: int, error: type[GatewayError]
) -> None:
    with pytest.raises(error):
        await World().read(content, headers, status)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (httpx.ConnectError("to https://h/?key=secret"), "cannot be reached"),
        (httpx.ConnectTimeout("x"), "does not accept connections"),
        (httpx.WriteTimeout("x"), "does not accept data"),
        (httpx.ReadError("x"), "connection broke"),
    ],
)
async def test_trouble_of_the_library_is_ours_without_its_words(trouble: Exception, reason: str) -> None:
    with pytest.raises(ChildGone, match=reason) as caught:
        async with trouble_as_gone("s"):
            raise trouble
    assert "secret" not in str(caught.value)


async def test_a_refusal_that_a_person_can_lift_says_what_to_do() -> None:
    error = (
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32002,"message":"m","data":{"missing":{"headers":["x-key"]}}}}'
    )
    with pytest.raises(PersonNeeded) as caught:
        await World().read(error, JSON, 409)
    assert caught.value.message == "s cannot be used: it wants values that it does not have: x-key"
    assert caught.value.status == 409


@pytest.mark.parametrize("form", [JSON, SSE])
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
async def test_a_packed_answer_or_stream_is_refused_unread(form: dict[str, str], coding: str) -> None:
    body = gzip.compress(gzip.compress(bytes(64 * 1024 * 1024)))
    with serving({"/mcp": Page(body=body, headers={**form, "Content-Encoding": coding})}) as web:
        async with httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(ChildGone) as caught:
                async with trouble_as_gone("s"), http.stream("GET", f"{web.url}/mcp") as response:
                    await World().exchange.read(response)
    assert caught.value.reason == f"it answered with a packed body ({coding!r}), which nobody asked for"
