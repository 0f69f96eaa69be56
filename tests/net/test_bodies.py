"""Bodies over real HTTP: plain ones arrive whole, packed ones are refused before anything grows."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import anyio
import httpx
import pytest

from gateway.net.bodies import ASK_PLAIN, CodedBodyError, drop, plain_pieces
from tests.net.web import Page, Web, serving

BOMB = gzip.compress(gzip.compress(bytes(64 * 1024 * 1024)))
MAX_GROWTH_BYTES = 4 * 1024 * 1024


async def read(web: Web, path: str = "/b") -> bytes:
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("GET", web.url + path, headers=ASK_PLAIN) as response,
    ):
        return b"".join([piece async for piece in plain_pieces(response)])


def packed(body: bytes, coding: str, status: int = 200) -> dict[str, Page]:
    return {"/b": Page(status, body, {"Content-Encoding": coding})}


async def test_a_plain_body_arrives_whole_and_was_asked_for() -> None:
    with serving({"/b": Page(body=b"x" * 200_000)}) as web:
        assert await read(web) == b"x" * 200_000
        assert web.seen[0][1]["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", "", "Identity , identity"])
async def test_a_body_that_says_it_is_plain_is_read(coding: str) -> None:
    with serving(packed(b"hello", coding)) as web:
        assert await read(web) == b"hello"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0)),
        ("X-GZIP", gzip.compress(b"{}", mtime=0)),
        ("deflate", zlib.compress(b"{}")),
        ("br", b"\x0b\x00\x80{}\x03"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("identity, gzip", gzip.compress(b"{}", mtime=0)),
        ("made-up", b"{}"),
    ],
)
async def test_a_packed_body_is_refused_by_the_name_of_its_coding(coding: str, body: bytes) -> None:
    with serving(packed(body, coding)) as web, pytest.raises(CodedBodyError) as caught:
        await read(web)
    assert str(caught.value) == f"a packed body ({coding!r}), which nobody asked for"


@pytest.mark.parametrize("status", [200, 503])
async def test_a_body_packed_twice_is_refused_without_unpacking_any_of_it(status: int) -> None:
    assert len(BOMB) < 4096
    with serving(packed(BOMB, "gzip, gzip", status)) as web:
        tracemalloc.start()
        try:
            with anyio.fail_after(5), pytest.raises(CodedBodyError, match="gzip, gzip"):
                await read(web)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MAX_GROWTH_BYTES


async def test_two_headers_of_one_layer_each_are_refused_and_a_long_name_is_shortened() -> None:
    response = httpx.Response(
        200, headers=[("content-encoding", "identity"), ("content-encoding", "z" * 500)], stream=httpx.ByteStream(b"x")
    )
    with pytest.raises(CodedBodyError) as caught:
        plain_pieces(response)
    assert len(str(caught.value)) < 100


async def test_an_answer_without_a_body_may_name_the_coding_it_would_have() -> None:
    with serving({"/b": Page(304, b"", {"Content-Encoding": "gzip"}, declare_length=False)}) as web:
        assert await read(web) == b""


async def test_an_answer_that_a_transport_made_by_itself_is_read_too() -> None:
    assert [piece async for piece in plain_pieces(httpx.Response(200, content=b"made"))] == [b"made"]


@pytest.mark.parametrize(("size", "whole"), [(10, True), (10_000_000, False)])
async def test_an_unwanted_body_is_read_only_while_it_is_small(size: int, whole: bool) -> None:
    with serving({"/b": Page(body=bytes(size), headers={"Content-Encoding": "gzip"})}) as web:
        async with httpx.AsyncClient(trust_env=False) as http, http.stream("GET", web.url + "/b") as response:
            await drop(response)
            assert (response.num_bytes_downloaded == size) is whole
            assert response.num_bytes_downloaded < 1_000_000


async def test_an_unwanted_answer_that_a_transport_made_by_itself_is_dropped_too() -> None:
    await drop(httpx.Response(401, content=b"no"))
    response = httpx.Response(401, content=b"no")
    assert await response.aread() == b"no"
    await drop(response)
