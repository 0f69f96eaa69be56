"""The gate: Host, Origin, token, size, speed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.endpoint.app import PRINCIPAL_KEY, read_body
from gateway.endpoint.gate import ADMIN_KEY, Gate, Limits, is_admin
from gateway.endpoint.tokens import Tokens
from tests.endpoint.fakes import ADMIN, AGENTS, BASE


class Inner:
    """What lies behind the gate: it tells who the gate says is calling, and what came."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        body = await read_body(receive)
        told = {"principal": scope[PRINCIPAL_KEY], "admin": scope[ADMIN_KEY], "size": len(body or b"")}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


class Doors:
    """A gate with its inner app and what it counted."""

    def __init__(self, **settings: Any) -> None:
        self.inner = Inner()
        self.refused: list[str] = []
        self.gate = Gate(
            self.inner,
            **{
                "tokens": lambda: Tokens.of(AGENTS, ADMIN),
                "ui_cookie_ok": lambda value: value == "good",
                "login_page": lambda: b"<form>log in</form>",
                "on_refused": self.refused.append,
                **settings,
            },
        )

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.gate), base_url=BASE)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/mcp", "/mcp/p/x", "/api/v1/status", "/elsewhere"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "bearer x")],
        [("authorization", "Basic " + AGENTS)],
        [("authorization", AGENTS)],
        [("authorization", f"Bearer {AGENTS} {AGENTS}")],
        [("authorization", f"Bearer {AGENTS}"), ("authorization", f"Bearer {AGENTS}")],
        [("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
        [("cookie", "mcp_gateway_ui=good")],
    ],
)
async def test_without_one_good_token_nothing_opens(path: str, headers: list[tuple[str, str]]) -> None:
    doors = Doors()
    answer = await doors.http().get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"]["fix"]
    assert doors.inner.reached == 0
    assert doors.refused == ["auth"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_written_in_any_case(scheme: str) -> None:
    answer = await Doors().http().get("/mcp", headers={"authorization": f"{scheme} {AGENTS}"})
    assert answer.json()["admin"] is False


@pytest.mark.parametrize("query", [f"token={AGENTS}", f"access_token={AGENTS}", "api_key=x"])
async def test_a_token_in_the_url_is_refused_even_beside_a_good_one(query: str) -> None:
    answer = await Doors().http().get(f"/mcp?{query}", headers=bearer(AGENTS))
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/status", "/ui", "/ui/servers"])
async def test_the_agents_token_does_not_administer(path: str) -> None:
    doors = Doors()
    assert (await doors.http().get(path, headers=bearer(AGENTS))).status_code == 403
    assert (await doors.http().get(path, headers=bearer(ADMIN))).json()["admin"] is True


async def test_the_administrations_token_opens_mcp_too() -> None:
    answer = await Doors().http().get("/mcp", headers=bearer(ADMIN))
    assert answer.json()["principal"] != (await Doors().http().get("/mcp", headers=bearer(AGENTS))).json()["principal"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/ui/login", "/"])
async def test_open_paths_need_no_token_but_see_who_has_one(path: str) -> None:
    assert (await Doors().http().get(path)).json() == {"principal": "anonymous", "admin": False, "size": 0}
    assert (await Doors().http().get(path, headers=bearer(ADMIN))).json()["admin"] is True
    assert (await Doors().http().get(path, headers=bearer("wrong"))).json()["admin"] is False


async def test_the_cookie_counts_as_administration_for_the_ui_alone() -> None:
    http = Doors().http()
    http.cookies.set("mcp_gateway_ui", "good", domain="127.0.0.1")
    assert (await http.get("/ui")).json() == {"principal": "ui", "admin": True, "size": 0}
    assert (await http.get("/api/v1/status")).status_code == 401
    assert (await http.get("/uix")).status_code == 401


@pytest.mark.parametrize("cookie", ["mcp_gateway_ui=bad", "a=b", "mcp_gateway_ui", ";;;=", "\u00e9=1"])
async def test_another_cookie_does_not_count(cookie: str) -> None:
    answer = await Doors().http().get("/ui", headers=[(b"cookie", cookie.encode("latin-1"))])
    assert answer.status_code == 401


async def test_a_browser_without_cookie_gets_the_login_page() -> None:
    answer = await Doors().http().get("/ui", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 401
    assert answer.content == b"<form>log in</form>"


async def test_without_authentication_everybody_is_anonymous_and_may_everything() -> None:
    doors = Doors(tokens=Tokens.off)
    assert (await doors.http().get("/api/v1/status")).json() == {"principal": "anonymous", "admin": True, "size": 0}


@pytest.mark.parametrize("host", ["evil.com", "127.0.0.1.evil.com", "localhost:1@x", "evil.com:8808", ""])
async def test_a_foreign_host_is_refused_before_anything_else(host: str) -> None:
    doors = Doors()
    answer = await doors.http().get("/healthz", headers={"host": host})
    assert answer.status_code == 403
    assert doors.refused == ["origin"]


async def test_two_hosts_are_refused() -> None:
    answer = await Doors().http().get("/healthz", headers=[("host", "127.0.0.1:8808"), ("host", "127.0.0.1:8808")])
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin", ["null", "http://localhost.evil.com", "https://127.0.0.1:9999", "http://evil.com", "http://127.0.0.1:1"]
)
async def test_a_foreign_origin_is_refused_with_a_good_token_too(origin: str) -> None:
    answer = await Doors().http().post("/mcp", headers={**bearer(AGENTS), "origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_our_own_origin_passes_and_a_configured_host_and_origin_too() -> None:
    doors = Doors(allowed_hosts=["GW.example.org"], allowed_origins=["https://app.example.org"])
    own = {**bearer(AGENTS), "origin": "http://127.0.0.1:8808"}
    assert (await doors.http().get("/mcp", headers=own)).status_code == 200
    named = {**bearer(AGENTS), "host": "gw.example.org", "origin": "https://app.example.org"}
    assert (await doors.http().get("/mcp", headers=named)).status_code == 200


async def test_large_headers_are_refused() -> None:
    answer = await Doors().http().get("/mcp", headers={**bearer(AGENTS), "x-big": "x" * 40_000})
    assert answer.status_code == 431


async def test_a_large_body_is_refused_by_its_announced_length() -> None:
    doors = Doors(limits=Limits(body_bytes=100))
    assert (await doors.http().post("/mcp", headers=bearer(AGENTS), content=b"x" * 100)).json()["size"] == 100
    assert (await doors.http().post("/mcp", headers=bearer(AGENTS), content=b"x" * 101)).status_code == 413
    assert doors.refused == ["size"]


async def test_a_large_body_is_refused_when_its_length_was_not_announced() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    doors = Doors(limits=Limits(body_bytes=100))
    answer = await doors.http().post("/mcp", headers=bearer(AGENTS), content=pieces())
    assert answer.status_code == 413
    assert doors.inner.reached == 0


async def test_a_length_that_is_none_is_refused() -> None:
    doors = Doors()
    answer = await doors.http().post("/mcp", headers={**bearer(AGENTS), "content-length": "many"}, content=b"")
    assert answer.status_code == 413


def scope_of(path: str = "/mcp") -> Scope:
    headers = [(b"host", b"127.0.0.1:8808"), (b"authorization", f"Bearer {AGENTS}".encode())]
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "scheme": "http", "headers": headers}


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    doors = Doors(limits=Limits(body_deadline_s=0.01))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with anyio.fail_after(5):
        await doors.gate(scope_of(), anyio.sleep_forever, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
    assert doors.refused == ["deadline"]


async def test_a_client_that_leaves_before_its_body_is_whole_gets_nothing() -> None:
    doors = Doors()
    messages: list[Message] = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await doors.gate(scope_of(), receive, send)
    assert (sent, doors.inner.reached) == ([], 0)


async def test_a_client_that_does_not_read_is_not_waited_for() -> None:
    doors = Doors(limits=Limits(send_deadline_s=0.01))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        await anyio.sleep_forever()

    with anyio.fail_after(5):
        await doors.gate(scope_of(), receive, send)
    assert doors.refused == ["deadline"]


def test_administration_is_what_the_gate_wrote() -> None:
    assert is_admin({"type": "http", ADMIN_KEY: True})
    assert not is_admin({"type": "http"})
