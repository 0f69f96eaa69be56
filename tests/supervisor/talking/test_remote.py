"""Remote servers under the same supervisor, over real HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from gateway.errors import CallTimeout, ChildGone, RpcError
from gateway.model import HealthPolicy, RemoteLaunch, ServerName
from gateway.net.guard import RefusedAddressError
from tests.supervisor.running import call, free_port, remote_spec, row, supervised
from tests.supervisor.talking.remotes import Remotes, told

pytestmark = pytest.mark.process


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("answer", ["json", "sse"])
async def test_a_remote_server_is_ready_and_called_in_both_eras_and_forms(
    remote: Remotes, era: str, answer: str
) -> None:
    port = remote("--era", era, "--answer", answer)
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="far") == "far"
        expected = {"legacy": "2025-11-25", "modern": "2026-07-28"}[era]
        assert (row(supervisor, "r")["protocol"], row(supervisor, "r")["transport"]) == (expected, "http")
        assert (row(supervisor, "r")["pid"], row(supervisor, "r")["rss_bytes"]) == (None, None)


async def test_a_modern_call_carries_the_headers_that_match_its_body(remote: Remotes) -> None:
    port = remote("--era", "modern")
    async with supervised(remote_spec("r", port, headers={"X-Own": "mine"})) as (supervisor, heard):
        await heard.state("r", "ready")
        headers = json.loads(await call(supervisor, "r", "headers"))
        assert headers["mcp-method"] == "tools/call"
        assert headers["mcp-name"] == "headers"
        assert headers["mcp-protocol-version"] == "2026-07-28"
        assert headers["x-own"] == "mine"
        assert "mcp-session-id" not in headers


async def test_a_legacy_call_carries_its_session_and_revision(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        headers = json.loads(await call(supervisor, "r", "headers"))
        assert headers["mcp-protocol-version"] == "2025-11-25"
        assert len(headers["mcp-session-id"]) == 32


async def test_a_secret_is_filled_into_its_header_and_a_wrong_one_fails_with_the_fix(remote: Remotes) -> None:
    port = remote("--token", "s3cret")
    good = remote_spec("good", port, headers={"Authorization": "Bearer ${secret:TOKEN}"})
    bad = remote_spec("bad", port, headers={"Authorization": "Bearer wrong"})
    async with supervised(good, bad, secrets={"TOKEN": "s3cret"}) as (supervisor, heard):
        await heard.state("good", "ready")
        assert await call(supervisor, "good", "echo", text="in") == "in"
        failed = await heard.state("bad", "failed")
        assert "HTTP 401" in failed.reason
        assert "secret set bad" in failed.reason


async def test_a_missing_secret_is_told_before_anything_is_sent() -> None:
    spec = remote_spec("r", 9, headers={"Authorization": "Bearer ${secret:TOKEN}"})
    async with supervised(spec) as (_, heard):
        failed = await heard.state("r", "failed")
        assert "mcp-gateway secret set r TOKEN" in failed.reason


class Asked(httpx.AsyncBaseTransport):
    """Notes the addresses that are asked for, and answers none."""

    def __init__(self, refusal: Exception) -> None:
        self.urls: list[str] = []
        self.refusal = refusal

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        raise self.refusal


async def test_a_secret_in_the_address_cannot_change_the_address() -> None:
    asked = Asked(httpx.ConnectError("down"))
    launch = RemoteLaunch("https://far.example/mcp?key=${secret:KEY}")
    spec = msgspec.structs.replace(remote_spec("r", 9), launch=launch)
    async with supervised(spec, secrets={"KEY": "a&b=c#/d"}, remote_transport=lambda: asked) as (_, heard):
        await heard.state("r", "backoff")
    assert set(asked.urls) == {"https://far.example/mcp?key=a%26b%3Dc%23%2Fd"}


async def test_a_refused_address_is_told_with_its_reason_and_not_tried_again() -> None:
    asked = Asked(RefusedAddressError("far.example leads to 10.0.0.1 (private)", fix="See [install] trusted_origins."))
    async with supervised(remote_spec("r", 9), remote_transport=lambda: asked) as (_, heard):
        failed = await heard.state("r", "failed")
    assert "10.0.0.1" in failed.reason
    assert "trusted_origins" in failed.reason


async def test_a_forgotten_session_is_opened_again_and_the_call_is_answered(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await call(supervisor, "r", "forget")
        answers: list[str] = []

        async def one(number: int) -> None:
            answers.append(await call(supervisor, "r", "echo", text=str(number)))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(one, number)
        assert sorted(answers) == [str(n) for n in range(8)]
        assert (await told(port))["opened"] == 2
        assert len(heard.states("r")["ready"]) == 1


async def test_progress_is_relayed_in_order_with_the_callers_token(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        upstream = await supervisor.acquire(ServerName("r"))
        got: list[dict[str, Any]] = []
        params = b'{"name":"progress","_meta":{"progressToken":"mine"}}'
        await upstream.request("tools/call", params, on_notify=lambda _, p: got.append(json.loads(p)))
        assert [(p["progressToken"], p["progress"]) for p in got] == [("mine", 1), ("mine", 2), ("mine", 3)]


async def test_a_request_of_the_server_is_refused_and_the_call_still_answered(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "ask_back") == "ask_back"
        said = (await told(port))["heard"]
        assert any('"id": "q1"' in message and "-32601" in message for message in said)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_list_changed_is_heard(remote: Remotes, era: str) -> None:
    port = remote("--era", era)
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        tries = 0
        while len(heard.lists("r")) == 1 and tries < 50:  # the stream of notices is opened beside the first calls
            tries += 1
            await call(supervisor, "r", "add_tool", name=f"fresh{tries}")
            await call(supervisor, "r", "sleep", seconds=0.1)
        await heard.until(lambda: len(heard.lists("r")) > 1)
        assert any(tool.ref.tool.startswith("fresh") for tool in heard.lists("r")[-1].tools)


async def test_a_deadline_is_kept_and_a_legacy_server_is_told(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(CallTimeout):
            await call(supervisor, "r", "sleep", seconds=60, timeout_s=0.2)
        with anyio.fail_after(20):  # it is told beside, its caller does not wait for that
            while "notifications/cancelled" not in (await told(port))["heard"]:
                await anyio.sleep(0.02)


async def test_an_rpc_error_passes(remote: Remotes) -> None:
    for era in ("legacy", "modern"):
        port = remote("--era", era)
        async with supervised(remote_spec("r", port)) as (supervisor, heard):
            await heard.state("r", "ready")
            upstream = await supervisor.acquire(ServerName("r"))
            with pytest.raises(RpcError, match="no method x/y"):
                await upstream.request("x/y", b"{}")


async def test_a_stream_cut_short_is_gone_for_this_call_only(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(ChildGone, match="without an answer"):
            await call(supervisor, "r", "cut")
        assert await call(supervisor, "r", "echo", text="on") == "on"


async def test_a_server_that_is_down_is_tried_again_until_it_is_there(remote: Remotes) -> None:
    port = free_port()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        backoff = await heard.state("r", "backoff")
        assert "cannot be reached" in backoff.reason
        remote(port=port)
        await heard.state("r", "ready")
        assert await call(supervisor, "r", "echo", text="up") == "up"


async def test_a_server_that_goes_down_is_noticed_by_its_callers_and_comes_back(remote: Remotes) -> None:
    port = remote()
    health = HealthPolicy(interval_sec=0.1, timeout_sec=1.0)
    async with supervised(remote_spec("r", port, health=health)) as (supervisor, heard):
        await heard.state("r", "ready")
        await anyio.to_thread.run_sync(remote.stop)
        with pytest.raises(ChildGone):
            await call(supervisor, "r", "echo")
        await heard.state("r", "backoff")
        remote(port=port)
        await heard.state("r", "ready", times=2)


async def test_a_place_that_is_no_mcp_server_is_told(remote: Remotes) -> None:
    port = remote()
    spec = remote_spec("r", port)
    nowhere = RemoteLaunch(f"http://127.0.0.1:{port}/elsewhere")
    async with supervised(msgspec.structs.replace(spec, launch=nowhere)) as (_, heard):
        await heard.until(
            lambda: any("HTTP 404 to initialize" in f.reason for f in heard.states("r").get("backoff", []))
        )


async def test_the_session_is_ended_politely(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (_, heard):
        await heard.state("r", "ready")
    assert "DELETE" in (await told(port))["heard"]


class Packing(httpx.AsyncHTTPTransport):
    """A way to a server that packs its answer to the first call twice."""

    has_packed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if self.has_packed or b'"tools/call"' not in await request.aread():
            return response
        self.has_packed = True
        await response.aclose()
        headers = {"content-type": response.headers.get("content-type", ""), "content-encoding": "gzip, gzip"}
        bomb = gzip.compress(gzip.compress(bytes(64 * 1024 * 1024)))
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(bomb))


async def test_a_call_whose_answer_is_packed_fails_with_the_reason_and_the_next_one_works(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port), remote_transport=Packing) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(ChildGone, match="packed body"):
            await call(supervisor, "r", "echo", text="x")
        headers = json.loads(await call(supervisor, "r", "headers"))
        assert headers["accept-encoding"] == "identity"
