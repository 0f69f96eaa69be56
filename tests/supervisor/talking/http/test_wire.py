"""One server's own HTTP client."""

from __future__ import annotations

import anyio
import httpx
import pytest

from gateway.errors import ChildGone
from gateway.model import ServerName
from gateway.supervisor.talking.http.access import Access
from gateway.supervisor.talking.http.faults import NeverSent
from gateway.supervisor.talking.http.wire import MAX_POLITE, Wire
from tests.supervisor.talking.http.scripts import Scripted

OLD = Access("https://far.example/mcp?key=old", {"authorization": "old"})
NEW = Access("https://far.example/mcp?key=new", {"authorization": "new"})


def wire_over(transport: httpx.AsyncBaseTransport) -> Wire:
    return Wire(ServerName("far"), OLD, lambda: transport)


async def test_requests_carry_the_access_that_holds_when_they_begin() -> None:
    scripted = Scripted(lambda _: httpx.Response(202))
    wire = wire_over(scripted)
    async with wire.send("POST", {"x-own": "1"}, b"{}"):
        wire.access = NEW
    async with wire.send("POST", {}, b"{}"):
        pass
    assert [request.headers["authorization"] for request in scripted.requests] == ["old", "new"]
    assert [request.url.params["key"] for request in scripted.requests] == ["old", "new"]
    assert scripted.requests[0].headers["x-own"] == "1"
    await wire.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    scripted = Scripted(lambda _: httpx.Response(status, headers={"location": "https://evil.example/"}))
    async with wire_over(scripted).send("POST", {}, b"{}") as response:
        assert response.status_code == status
    assert len(scripted.requests) == 1


class Broken(httpx.AsyncBaseTransport):
    """Cannot connect."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("key=old")


async def test_trouble_is_ours_when_somebody_waits_and_nobodys_when_nobody_does() -> None:
    wire = wire_over(Broken())
    with pytest.raises(NeverSent, match="cannot be reached") as caught:
        async with wire.send("POST", {}, b"{}"):
            pass
    assert "old" not in str(caught.value)
    await wire.tell("POST", {}, b"{}")
    assert isinstance(caught.value, ChildGone)


async def test_few_polite_messages_are_on_their_way_at_once() -> None:
    on_the_way = most = 0
    let_go = anyio.Event()

    class Slow(httpx.AsyncBaseTransport):
        """Answers when it is let go."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal on_the_way, most
            on_the_way += 1
            most = max(most, on_the_way)
            await let_go.wait()
            on_the_way -= 1
            return httpx.Response(202)

    wire = wire_over(Slow())
    async with anyio.create_task_group() as tasks:
        for _ in range(MAX_POLITE + 5):
            tasks.start_soon(wire.tell, "POST", {}, b"{}")
        await anyio.wait_all_tasks_blocked()
        let_go.set()
    assert (most, on_the_way) == (MAX_POLITE, 0)
