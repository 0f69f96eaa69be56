"""The API as a program meets it: shapes, errors, streams."""

from __future__ import annotations

import inspect
import json
from typing import Any

import anyio
import httpx
import pytest

from gateway.admin.ports import CatalogueVerbs, RunningVerbs
from gateway.admin.routes import PREFIX, ROUTES, Route
from gateway.errors import ConfigError, InstallError, NotFound, Problem, RefusedByPolicy, RegistryUnavailable
from tests.admin.fakes import FakeVerbs, admin_app

NDJSON = {"Accept": "application/x-ndjson"}
VALUES: dict[str, Any] = {
    "string": "text", "integer": 5, "number": 0.5, "boolean": True, "object": {"a": 1}, "strings": ["a", "b"],
}  # fmt: skip


def client(verbs: FakeVerbs) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(admin_app(verbs))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


async def send(verbs: FakeVerbs, route: Route, values: dict[str, Any]) -> httpx.Response:
    path, query, body = PREFIX + route.path, {}, {}
    for param in route.params:
        value = values[param.name]
        if param.place == "path":
            path = path.replace("{" + param.name + "}", str(value))
        elif param.place == "query":
            query[param.name] = ",".join(value) if isinstance(value, list) else value
        else:
            body[param.name] = value
    async with client(verbs) as http:
        return await http.request(route.method, path, params=query, json=body or None)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.verb)
async def test_every_route_reaches_its_verb_with_every_parameter(route: Route) -> None:
    verbs = FakeVerbs()
    values = {param.name: VALUES[param.kind] for param in route.params}
    if route.verb == "logs":
        values["name"] = "time"

    answer = await send(verbs, route, values)

    assert answer.status_code == 200, answer.text
    verb, given = verbs.asked[-1]
    assert (verb, given) == (route.verb, values)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.verb)
def test_every_parameter_of_the_table_is_a_keyword_of_the_verb(route: Route) -> None:
    known = inspect.signature(getattr(RunningVerbs, route.verb)).parameters

    assert {param.name for param in route.params} == set(known) - {"self", "progress"}
    required = {
        name for name, known_as in known.items() if known_as.default is inspect.Parameter.empty and name != "self"
    }
    assert {param.name for param in route.params if param.required} == required


def test_every_verb_of_the_port_has_a_route() -> None:
    verbs = {name for name in dir(RunningVerbs) if not name.startswith("_")}

    assert verbs - {route.verb for route in ROUTES} == {"follow_logs"}
    offline = {name for name in dir(CatalogueVerbs) if not name.startswith("_")}
    assert {route.verb for route in ROUTES if route.offline} == offline


async def test_openapi_describes_exactly_the_routes() -> None:
    async with client(FakeVerbs()) as http:
        described = (await http.get(f"{PREFIX}/openapi.json")).json()

    found = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert found == {(route.method, PREFIX + route.path) for route in ROUTES}
    assert described["openapi"] == "3.1.0"
    body = described["paths"][f"{PREFIX}/feedback"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["call_id", "score"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("no", fix="f"), 404, "not_found"),
        (RefusedByPolicy("no", fix="f"), 403, "refused"),
        (InstallError("no", step="fetch", fix="f", exit_code=7, tail=["boom"]), 422, "install"),
        (ConfigError([Problem("a.b", "is wrong")]), 422, "config"),
        (RegistryUnavailable("down", fix="f", retry_after_s=12), 503, "registry_unavailable"),
        (RuntimeError("a bug"), 500, "internal"),
    ],
)
async def test_an_error_of_a_verb_is_one_object_with_a_fitting_status(error: Exception, status: int, code: str) -> None:
    verbs = FakeVerbs()
    verbs.errors["show"] = error
    async with client(verbs) as http:
        answer = await http.get(f"{PREFIX}/show", params={"name": "acme/echo"})

    body = answer.json()["error"]
    assert (answer.status_code, body["code"]) == (status, code)
    assert body["message"]
    assert body["fix"]


async def test_details_tell_what_a_program_needs() -> None:
    verbs = FakeVerbs()
    verbs.errors["install"] = InstallError("no", step="fetch", exit_code=7, tail=["boom"])
    async with client(verbs) as http:
        answer = await http.post(f"{PREFIX}/install", json={"name": "a"})

    assert answer.json()["error"]["details"] == {"step": "fetch", "exit_code": 7, "tail": ["boom"]}


async def test_a_registry_that_asks_to_wait_is_passed_on() -> None:
    verbs = FakeVerbs()
    verbs.errors["search"] = RegistryUnavailable("down", retry_after_s=12)
    async with client(verbs) as http:
        answer = await http.get(f"{PREFIX}/search", params={"query": "x"})

    assert answer.headers["Retry-After"] == "12"


@pytest.mark.parametrize(
    ("method", "path", "content", "said"),
    [
        ("POST", "/install", b"{not json", "not JSON"),
        ("POST", "/install", b'["a"]', "not a JSON object"),
        ("POST", "/install", b"{}", "install needs name"),
        ("POST", "/install", b'{"name": 5}', "name is not a string"),
        ("POST", "/install", b'{"name": "a", "dry_run": 1}', "dry_run is not a boolean"),
        ("POST", "/install", b'{"name": "a", "aliaz": "b"}', "aliaz"),
        ("POST", "/feedback", b'{"call_id": "c", "score": true}', "score is not a number"),
        ("POST", "/feedback", b'{"call_id": "c", "score": NaN}', "score is not a number"),
        ("GET", "/search?query=a&limit=ten", b"", "limit is not an integer"),
        ("GET", "/search?query=a&query=b", b"", "twice"),
        ("GET", "/search", b"", "search needs query"),
        ("POST", "/install", b"[" * 100_000, "not JSON"),
    ],
)
async def test_bad_input_is_one_clear_error_that_says_what_to_do(
    method: str, path: str, content: bytes, said: str
) -> None:
    verbs = FakeVerbs()
    async with client(verbs) as http:
        answer = await http.request(method, PREFIX + path, content=content)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "usage")
    assert said in error["message"]
    assert error["fix"]
    assert verbs.asked == []


async def test_a_misspelt_parameter_is_answered_with_the_nearest_one() -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.post(f"{PREFIX}/install", json={"name": "a", "aliass": "b"})

    assert "Did you mean alias?" in answer.json()["error"]["fix"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/status", 405)])
async def test_an_unknown_path_or_method_has_the_same_shape(method: str, path: str, status: int) -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.request(method, PREFIX + path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "fix"}


async def stream(verbs: FakeVerbs, method: str, path: str, **given: Any) -> list[dict[str, Any]]:
    async with client(verbs) as http:
        answer = await http.request(method, PREFIX + path, headers=NDJSON, **given)
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines() if line]


async def test_an_install_tells_its_progress_and_ends_in_the_result() -> None:
    lines = await stream(FakeVerbs(), "POST", "/install", json={"name": "npm:echo@1"})

    assert [next(iter(line)) for line in lines] == ["progress", "result"]
    assert lines[0]["progress"]["step"] == "fetch"
    assert lines[-1]["result"]["name"] == "echo"


@pytest.mark.parametrize("error", [RefusedByPolicy("no", fix="f"), RuntimeError("a bug")])
async def test_a_stream_that_fails_ends_in_the_error(error: Exception) -> None:
    verbs = FakeVerbs()
    verbs.errors["install"] = error

    lines = await stream(verbs, "POST", "/install", json={"name": "a"})

    assert lines[-1]["error"]["code"] == ("refused" if isinstance(error, RefusedByPolicy) else "internal")


async def test_following_logs_gives_old_lines_then_new_ones() -> None:
    lines = await stream(FakeVerbs(), "GET", "/servers/time/logs")

    assert [line["line"] for line in lines if "line" in line] == ["first", "second", "time: third", "time: fourth"]


async def test_following_an_unknown_servers_logs_is_a_plain_404() -> None:
    async with client(FakeVerbs()) as http:
        answer = await http.get(f"{PREFIX}/servers/nobody/logs", headers=NDJSON)

    assert answer.status_code == 404


async def test_an_install_whose_client_goes_away_is_cancelled() -> None:
    verbs = FakeVerbs()
    verbs.install_gate = anyio.Event()
    gone = anyio.Event()
    body = json.dumps({"name": "a"}).encode()
    received = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        for message in received:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send_message(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            gone.set()  # the client leaves after the first line of progress

    scope = {
        "type": "http", "method": "POST", "path": f"{PREFIX}/install", "query_string": b"", "http_version": "1.1",
        "headers": [(b"accept", b"application/x-ndjson")], "scheme": "http", "server": ("gateway", 80), "root_path": "",
    }  # fmt: skip
    with anyio.fail_after(10):
        await admin_app(verbs)(scope, receive, send_message)

    assert verbs.cancelled.is_set()
    assert sent[0]["status"] == 200
