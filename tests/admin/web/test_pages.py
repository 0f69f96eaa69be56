"""The status page: what it shows, what it escapes, who may see it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from gateway.admin.api import build_admin
from gateway.admin.web.pages import Pages
from gateway.admin.web.session import COOKIE, FAILURES_ALLOWED, FAILURES_WINDOW_S, LIFETIME_S
from gateway.errors import GatewayError, NotFound
from tests.admin.fakes import ADMIN_TOKEN, FakeVerbs, admin_app, ui_keys
from tests.admin.rows import HOSTILE, server_row, troubled_row
from tests.fakes import FakeClock


def client(verbs: FakeVerbs) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(admin_app(verbs)), base_url="http://gateway")


async def page(verbs: FakeVerbs, query: str = "") -> str:
    async with client(verbs) as http:
        answer = await http.get(f"/ui{query}")
    assert answer.status_code == 200
    return answer.text


class Outline(HTMLParser):
    """Reads a page: its tags with attributes, its text, and whether every tag is closed in order."""

    VOID = frozenset({"meta", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


async def test_the_page_shows_servers_calls_tools_policy_and_how_to_connect() -> None:
    text = "".join(Outline(await page(FakeVerbs())).words)

    for said in (
        "1 of 2 ready",
        "backoff",
        "exit 1; next try in 4.0 s",
        "time__now",
        "c1",
        "v7",
        "http://127.0.0.1:8808/mcp",
    ):
        assert said in text
    assert "agents: []" in text


async def test_hostile_names_are_shown_as_text() -> None:
    verbs = FakeVerbs()
    verbs.servers = [server_row(HOSTILE, reason=HOSTILE, state=HOSTILE, **{"from": '"><img src=x onerror=1>'})]
    verbs.tool_rows = [{"name": HOSTILE, "server": HOSTILE, "why": HOSTILE}]

    outline = Outline(await page(verbs, "?query=%22%3E%3Cscript%3E&agent=%27%3E%3Cb%3E"))

    assert [attrs.get("nonce") is not None for tag, attrs in outline.tags if tag == "script"] == [True]
    assert "img" not in {tag for tag, _ in outline.tags}
    assert HOSTILE in "".join(outline.words)
    values = [attrs.get("value") for tag, attrs in outline.tags if tag == "input"]
    assert values == ['"><script>', "'><b>"]


async def test_the_page_loads_nothing_from_elsewhere_and_says_so_to_the_browser() -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.get("/ui")
    policy = answer.headers["Content-Security-Policy"]
    outline = Outline(answer.text)

    assert "unsafe" not in policy
    nonces = {attrs["nonce"] for tag, attrs in outline.tags if tag in {"script", "style"}}
    assert all(f"'nonce-{nonce}'" in policy for nonce in nonces)
    assert [attrs.get("href") for tag, attrs in outline.tags if tag == "link"] == ["data:,"]
    assert not any("src" in attrs or "onclick" in attrs for _, attrs in outline.tags)


async def test_two_pages_never_share_a_nonce() -> None:
    async with client(FakeVerbs()) as http:
        first, second = (await http.get("/ui")).headers, (await http.get("/ui")).headers

    assert first["Content-Security-Policy"] != second["Content-Security-Policy"]


async def test_every_input_has_a_label_and_every_table_a_caption() -> None:
    outline = Outline(await page(FakeVerbs()))
    labels = {attrs.get("for") for tag, attrs in outline.tags if tag == "label"}
    inputs = {attrs.get("id") for tag, attrs in outline.tags if tag == "input"}
    tags = [tag for tag, _ in outline.tags]

    assert inputs <= labels
    assert tags.count("table") == tags.count("caption") == 4
    assert ("html", {"lang": "en"}) in outline.tags
    assert tags.count("h1") == 1


async def test_a_query_and_an_agent_are_asked_for() -> None:
    verbs = FakeVerbs()
    await page(verbs, "?query=convert+time&agent=a1")

    assert ("tools", {"query": "convert time", "agent": "a1"}) in verbs.asked


async def test_a_part_that_fails_leaves_the_others_standing() -> None:
    verbs = FakeVerbs()
    verbs.errors["tools"] = GatewayError("the policy is busy", fix="Wait.")
    text = await page(verbs)

    assert "the policy is busy" in text
    assert "backoff" in text


async def test_an_empty_gateway_says_what_to_do() -> None:
    verbs = FakeVerbs()
    verbs.servers, verbs.tool_rows = [], []

    assert "mcp-gateway search" in await page(verbs)


async def live_events(verbs: FakeVerbs, count: int) -> list[dict[str, str]]:
    """Read the first events off the stream, then leave."""
    pages = Pages(verbs, ui_keys(), live_every_s=0.01)
    answer = await pages.live(Request({"type": "http", "query_string": b"", "headers": []}))
    assert isinstance(answer, StreamingResponse)
    return await read_events(answer, count)


async def read_events(answer: StreamingResponse, count: int) -> list[dict[str, str]]:
    """Read the first events of a stream, then leave."""
    stream = answer.body_iterator
    found: list[dict[str, str]] = []
    async for chunk in stream:
        assert isinstance(chunk, bytes)
        found.append(json.loads(chunk.removeprefix(b"data: ")) if chunk.startswith(b"data") else {})
        if len(found) == count:
            break
    await stream.aclose()  # type: ignore[attr-defined]
    return found


async def test_live_events_hold_only_what_changed() -> None:
    first, second = await live_events(FakeVerbs(), 2)

    assert set(first) == {"summary", "servers-live", "requests-live", "calls-live", "tools-live"}
    assert second == {}


async def login(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/ui/login", data={"token": token})


async def test_the_admin_token_buys_a_strict_cookie_for_the_page_only() -> None:
    async with client(FakeVerbs()) as http:
        answer = await login(http, ADMIN_TOKEN)
    cookie = answer.headers["Set-Cookie"]

    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui")
    assert cookie.startswith(f"{COOKIE}=")
    for said in ("HttpOnly", "SameSite=strict", "Path=/ui", f"Max-Age={LIFETIME_S}"):
        assert said in cookie
    assert ui_keys().cookie_ok(cookie.partition("=")[2].partition(";")[0])


@pytest.mark.parametrize("body", [{"token": "wrong"}, {"token": ""}, {}, {"token": "x" * 10_000}])
async def test_a_wrong_token_buys_nothing(body: dict[str, str]) -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.post("/ui/login", data=body)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert "not the admin token" in answer.text


async def test_wrong_tokens_are_bounded_and_then_even_the_right_one_waits(clock: FakeClock) -> None:
    app = build_admin(FakeVerbs(), version="1", ui=ui_keys(clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        for _ in range(FAILURES_ALLOWED):
            assert (await login(http, "wrong")).status_code == 403
        refused = await login(http, ADMIN_TOKEN)
        clock.advance(FAILURES_WINDOW_S)
        taken = await login(http, ADMIN_TOKEN)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert taken.status_code == 303


async def test_logging_out_takes_the_cookie_away() -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.post("/ui/logout")

    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(("choice", "approve"), [("approve", True), ("deny", False)])
async def test_a_request_is_decided_by_a_button(choice: str, approve: bool) -> None:
    verbs = FakeVerbs()
    async with client(verbs) as http:
        answer = await http.post(f"/ui/requests/r-1/{choice}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui#requests")
    assert verbs.asked[-1] == ("request_decide", {"request": "r-1", "approve": approve})


async def test_a_decision_that_cannot_be_taken_is_explained() -> None:
    verbs = FakeVerbs()
    verbs.errors["request_decide"] = GatewayError("it is denied already", fix="Look at the list.")
    async with client(verbs) as http:
        assert (await http.post("/ui/requests/r-1/maybe")).status_code == 404
        answer = await http.post("/ui/requests/r-1/approve")
    assert answer.text == "it is denied already. Look at the list.\n"


async def test_each_server_has_a_page_of_its_own_that_loads_nothing_from_elsewhere() -> None:
    verbs = FakeVerbs()
    verbs.servers.append(troubled_row("hungry"))
    assert 'href="/ui/servers/hungry"' in await page(verbs)
    async with client(verbs) as http:
        answer = await http.get("/ui/servers/hungry")
    outline = Outline(answer.text)
    text = "".join(outline.words)

    for said in ("hungry", "3 (2 oom, 1 hang)", "450 MiB of 512 MiB", "5 calls in a row failed", "about to allocate"):
        assert said in text
    assert "'nonce-" in answer.headers["Content-Security-Policy"]
    assert not any("src" in attrs or "onclick" in attrs for _, attrs in outline.tags)
    assert [tag for tag, _ in outline.tags].count("h1") == 1


async def test_a_server_that_is_not_here_is_said_so() -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.get("/ui/servers/%3Cb%3Enobody")
    assert answer.status_code == 404
    assert "&lt;b&gt;nobody" in answer.text
    assert 'href="/ui"' in answer.text


@pytest.mark.parametrize("order", ["start", "stop", "restart"])
async def test_a_button_orders_and_leads_back_to_the_server(order: str) -> None:
    verbs = FakeVerbs()
    async with client(verbs) as http:
        answer = await http.post(f"/ui/servers/time/{order}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/servers/time")
    assert verbs.asked[-1] == (order, {"name": "time"})


async def test_an_order_that_cannot_be_carried_out_is_explained_and_others_are_unknown() -> None:
    verbs = FakeVerbs()
    verbs.errors["start"] = NotFound("no server time", fix="Look at the list.")
    async with client(verbs) as http:
        assert (await http.post("/ui/servers/time/status")).status_code == 404
        assert (await http.get("/ui/servers/time/start")).status_code == 405
        answer = await http.post("/ui/servers/time/start")
    assert (answer.status_code, answer.text) == (404, "no server time. Look at the list.\n")


async def test_a_servers_page_is_live_and_says_when_its_server_has_gone() -> None:
    verbs = FakeVerbs()
    pages = Pages(verbs, ui_keys(), live_every_s=0.01)
    request = Request({"type": "http", "query_string": b"", "headers": [], "path_params": {"name": "time"}})
    answer = await pages.server_live(request)
    assert isinstance(answer, StreamingResponse)
    (first,) = await read_events(answer, 1)
    verbs.servers = []
    gone = await pages.server_live(request)
    assert isinstance(gone, StreamingResponse)
    (second,) = await read_events(gone, 1)

    places = {"orders", "particulars", "ends", "deaths", "breakers", "meters", "stderr"}
    assert set(first) == {f"{place}-live" for place in places}
    assert "is here" in second["particulars-live"]
