"""Errors of the HTTP library as ours: what broke, and whether a message had left."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import httpx
import pytest

from gateway.errors import ChildGone, RegistryUnavailable, SpawnFailed
from gateway.net.bodies import CodedBodyError
from gateway.net.guard import RefusedAddressError
from gateway.supervisor.talking.http.faults import NeverSent, Sending, fault_of, trouble_as_gone


async def gone(trouble: Exception, *events: str) -> ChildGone:
    sending = Sending()
    for event in events:
        await sending(event, {})
    with pytest.raises(ChildGone) as caught:
        async with trouble_as_gone("s", sending):
            raise trouble
    return caught.value


HEADERS = ("http11.send_request_headers.started", "http11.send_request_headers.complete")
BODY = (*HEADERS, "http11.send_request_body.started")
CUT = ("http11.send_request_headers.started", "http11.send_request_headers.failed")


@pytest.mark.parametrize(
    ("trouble", "events", "unsent"),
    [
        (httpx.ConnectError("x"), (), True),
        (httpx.ConnectTimeout("x"), (), True),
        (httpx.PoolTimeout("x"), (), True),
        (httpx.ReadError("x"), CUT, True),
        (httpx.RemoteProtocolError("x"), CUT, True),
        (httpx.ReadError("x"), HEADERS, False),
        (httpx.ReadError("x"), BODY, False),
        (httpx.WriteError("x"), BODY, False),
        (httpx.ReadError("x"), (), False),  # a transport that tells nothing proves nothing
        (httpx.RemoteProtocolError("x"), BODY, False),
        (httpx.ConnectError("x"), BODY, False),  # a transport that sent before and then tried again
        (httpx.ConnectError("x"), ("http2.send_request_body.started",), False),
    ],
)
async def test_a_message_counts_as_unsent_only_when_its_body_was_not_begun(
    trouble: Exception, events: tuple[str, ...], unsent: bool
) -> None:
    exc = await gone(trouble, *events)
    assert isinstance(exc, NeverSent) is unsent
    assert exc.ran is (False if unsent else None)


async def test_the_real_library_tells_when_a_body_begins() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sending = Sending()
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.HTTPError):
            await http.post(f"http://127.0.0.1:{port}/", content=b"{}", extensions={"trace": sending})
    server.close()
    assert sending.has_begun


@pytest.mark.parametrize(
    ("beneath", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "key=canary"), "connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "canary"), "connection reset by peer"),
        (OSError(errno.EHOSTUNREACH, "canary"), "no route to host"),
        (socket.gaierror(-2, "canary"), "its name cannot be resolved"),
        (ssl.SSLError(1, "canary"), "TLS cannot be agreed upon"),
        (RegistryUnavailable("the token service is away"), "the token service is away"),
        (ExceptionGroup("all", [ConnectionRefusedError(errno.ECONNREFUSED, "canary")]), "connection refused"),
        (ValueError("canary"), ""),
    ],
)
def test_the_deepest_known_fault_is_named_in_our_words(beneath: Exception, words: str) -> None:
    trouble = httpx.ConnectError("to https://h/?key=canary")
    trouble.__cause__ = beneath
    assert fault_of(trouble) == words


async def test_reasons_name_the_fault() -> None:
    assert (await gone(httpx.ConnectTimeout("x"))).reason == "it cannot be reached (it does not accept connections)"
    assert (await gone(httpx.WriteTimeout("x"), *BODY)).reason == "it does not accept data"
    assert (await gone(httpx.ReadError("x"), *BODY)).reason == "the connection broke (ReadError)"
    assert (await gone(httpx.InvalidURL("key=canary"))).reason == "the connection broke (InvalidURL)"
    assert "packed" in (await gone(CodedBodyError("a packed body"))).reason


async def test_an_address_that_is_refused_is_not_a_matter_of_waiting() -> None:
    with pytest.raises(SpawnFailed, match=r"10\.0\.0\.1") as caught:
        async with trouble_as_gone("s"):
            raise RefusedAddressError("far leads to 10.0.0.1", fix="See trusted_origins.")
    assert caught.value.fix == "See trusted_origins."
