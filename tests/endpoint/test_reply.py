"""Answers on their way out."""

from __future__ import annotations

import pytest
from starlette.types import Message

from gateway.endpoint.exchange import Exchange
from gateway.endpoint.reply import Reply, answer_of
from gateway.model import Caller

SSE = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"mcp-session-id", b"inner")]
ANSWER = b'event: message\r\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\r\n\r\n'
REPORT = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\n'


class Sent:
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.exchange = Exchange(Caller("p"))

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    def reply(self, *, may_be_json: bool = True, outer: str = "outer") -> Reply:
        return Reply(self.exchange, self, lambda *_: outer, may_be_json=may_be_json)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


async def give(reply: Reply, headers: list[tuple[bytes, bytes]], *bodies: bytes, status: int = 200) -> None:
    await reply({"type": "http.response.start", "status": status, "headers": headers})
    for body in bodies:
        await reply({"type": "http.response.body", "body": body, "more_body": True})
    await reply({"type": "http.response.body", "body": b"", "more_body": False})


async def test_a_stream_whose_first_event_is_the_answer_is_sent_as_json() -> None:
    sent = Sent()
    await give(sent.reply(), SSE, ANSWER, REPORT)
    assert sent.headers[b"content-type"] == b"application/json"
    assert sent.headers[b"content-length"] == str(len(sent.body)).encode()
    assert sent.body == b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert sent.messages[-1]["more_body"] is False


@pytest.mark.parametrize("first", [REPORT, b": ping - now\r\n\r\n"])
async def test_a_stream_with_anything_before_the_answer_stays_one(first: bytes) -> None:
    sent = Sent()
    await give(sent.reply(), SSE, first, ANSWER)
    assert sent.headers[b"content-type"] == b"text/event-stream"
    assert sent.body == first + ANSWER


async def test_a_standing_stream_is_never_held_back() -> None:
    sent = Sent()
    await sent.reply(may_be_json=False)({"type": "http.response.start", "status": 200, "headers": SSE})
    assert len(sent.messages) == 1


async def test_raw_results_are_put_in_and_the_length_fits() -> None:
    sent = Sent()
    stand_in = sent.exchange.stand_in(b'{"n":1e2}')
    body = b'{"id":1,"result":' + repr(stand_in).replace("'", '"').replace(" ", "").encode() + b"}"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    reply = sent.reply()
    await reply({"type": "http.response.start", "status": 200, "headers": headers})
    await reply({"type": "http.response.body", "body": body, "more_body": False})
    assert sent.body == b'{"id":1,"result":{"n":1e2}}'
    assert sent.headers[b"content-length"] == str(len(sent.body)).encode()


async def test_the_clients_own_session_id_is_written() -> None:
    sent = Sent()
    await give(sent.reply(), SSE, ANSWER)
    assert sent.headers[b"mcp-session-id"] == b"outer"


async def test_without_an_own_id_none_is_written() -> None:
    sent = Sent()
    await give(sent.reply(outer=""), SSE, ANSWER)
    assert b"mcp-session-id" not in sent.headers


@pytest.mark.parametrize(
    "event", [b"", b": ping\r\n\r\n", b"data: not json\r\n\r\n", b"data: {}\ndata: {}\n\n", REPORT]
)
def test_only_an_answer_is_an_answer(event: bytes) -> None:
    assert answer_of(event) is None
