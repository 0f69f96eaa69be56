"""A secret goes to the one server that it is for, and is seen nowhere else: a real daemon, every place searched."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from gateway.admin.routes import PREFIX, ROUTES
from tests.e2e.harness import ADMIN_TOKEN, SERVERS, Gateway, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.install.zips import manifest, write_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

CANARIES = {
    "set": "canary-one-7f3a9c51",
    "installed": "canary-two-b82e04d6",
    "remote": "canary-three-51cc7e90",
    "leaked": "canary-four-0d9f6a32",
}
LEAK = "import os, sys; key = os.environ['LEAK_KEY']; print('my key is', key, file=sys.stderr); sys.exit('bad ' + key)"
SERVER = """
import json, os, sys
print("starting with", os.environ["API_KEY"], file=sys.stderr, flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    schema = {"type": "object", "additionalProperties": True}
    result = {"tools": [{"name": "look", "description": "Looks.", "inputSchema": schema}]}
    if asked["method"] == "initialize":
        info = {"name": "keyed", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    elif asked["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": json.dumps(dict(os.environ))}]}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
OPTIONS = {"apiKey": {"type": "string", "title": "API key", "sensitive": True, "required": True}}


def config() -> str:
    """A server that gets a secret, one elsewhere that would get one, and one that blurts its own out and dies."""
    echo = json.dumps([sys.executable, str(SERVERS / "echo.py")])
    leaky = json.dumps([sys.executable, "-c", LEAK])
    return f"""
[[server]]
name = "echo"
command = {echo}
secrets = ["CANARY_KEY"]

[[server]]
name = "plain"
command = {echo}

[[server]]
name = "far"
url = "http://127.0.0.1:9/mcp?key=${{secret:FAR_KEY}}"
headers = {{ Authorization = "Bearer ${{secret:FAR_KEY}}" }}
secrets = ["FAR_KEY"]

[[server]]
name = "leaky"
command = {leaky}
secrets = ["LEAK_KEY"]
"""


def keep_secrets(gateway: Gateway, folder: Path) -> None:
    """Bring every secret in, each by another way."""
    for server, key, canary in (
        ("echo", "CANARY_KEY", "set"),
        ("far", "FAR_KEY", "remote"),
        ("leaky", "LEAK_KEY", "leaked"),
    ):
        (folder / "value").write_text(CANARIES[canary])
        gateway.cli("secret", "set", server, f"{key}=@{folder / 'value'}")
    (folder / "value").unlink()
    found = manifest(
        "python", "server/main.py", user_config=OPTIONS, mcp_config={"env": {"API_KEY": "${user_config.apiKey}"}}
    )
    place = write_bundle(folder / "keyed.mcpb", found, {"server/main.py": SERVER})
    gateway.environment["MCP_GATEWAY_SECRET_apiKey"] = CANARIES["installed"]
    gateway.cli("install", f"mcpb:{place}", "--as", "keyed", "--secret", "apiKey")
    del gateway.environment["MCP_GATEWAY_SECRET_apiKey"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon that has lived through everything: secrets kept, servers started, calls made, servers failed."""
    folder = tmp_path_factory.mktemp("secrets")
    with running_gateway(folder, config=config(), ready=False) as running:
        keep_secrets(running, folder)
        running.wait_ready("echo", "plain", "keyed")
        wait_until(lambda: running.server("leaky").get("last_exit"), within=60, what="the leaky server's end")
        wait_until(lambda: running.server("far").get("state") in {"backoff", "failed"}, within=60, what="far's failure")
        with Legacy(running.url, running.token, agent="ann", run="r") as client:
            assert CANARIES["set"] in text_of(client.call("echo__environment"))
            assert CANARIES["installed"] in text_of(client.call("keyed__look"))
        yield running


def leaks(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [name for name, canary in CANARIES.items() if canary.encode() in data]


def test_the_traps_are_live_each_secret_reached_its_own_server_only(gateway: Gateway) -> None:
    found = {}
    for process in gateway.tree():
        try:
            environ = process.environ()
        except psutil.Error:
            continue
        found[environ.get("MCP_GATEWAY_CHILD", f"daemon-{process.pid}")] = leaks("\0".join(environ.values()))
    assert (found["echo"], found["keyed"], found["plain"]) == (["set"], ["installed"], [])
    assert [name for name, leaked in found.items() if leaked and name not in {"echo", "keyed", "leaky"}] == []


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; of one that has just ended, none."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_no_command_line_of_any_process_holds_one(gateway: Gateway) -> None:
    lines = [" ".join(command_of(process)) for process in gateway.tree()]
    assert len(lines) >= 4
    assert leaks("\n".join(lines)) == []


def test_no_log_line_holds_one(gateway: Gateway) -> None:
    text = gateway.log.read_text()
    assert "leaky" in text
    assert leaks(text) == []


@pytest.mark.parametrize("server", ["echo", "keyed", "leaky", "far", "plain"])
def test_what_a_server_writes_is_shown_without_them(gateway: Gateway, server: str) -> None:
    lines = "\n".join(gateway.cli("logs", server)["lines"])
    assert leaks(lines) == []
    if server == "leaky":
        assert "my key is ***" in lines


def test_no_metric_holds_one(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    text = httpx.get(f"http://127.0.0.1:{gateway.port}/metrics", headers=headers, timeout=20).text
    assert "mcp_gateway" in text
    assert leaks(text) == []


def test_no_answer_of_the_api_or_page_holds_one(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    asked = 0
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", headers=headers, timeout=60) as http:
        paths = [
            PREFIX + route.path for route in ROUTES if route.method == "GET" and route.verb not in {"search", "show"}
        ]
        for path in [*paths, "/ui", "/readyz", "/healthz", f"{PREFIX}/openapi.json"]:
            for server in ("echo", "keyed", "leaky", "far") if "{name}" in path else ("",):
                answer = http.get(path.replace("{name}", server))
                asked += answer.status_code == 200
                assert leaks(answer.content) == [], path
    assert asked > 15


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "list",
        "config show",
        "secret list",
        "show keyed --installed",
        "show echo --installed",
        "calls",
        "doctor",
    ],
)
def test_no_verb_prints_one(gateway: Gateway, line: str) -> None:
    for form in ((), ("--json",)):
        done = gateway.run_cli(*line.split(), *form)
        assert done.stdout
        assert leaks(done.stdout + done.stderr) == []


def test_an_error_holds_none(gateway: Gateway) -> None:
    gateway.environment["MCP_GATEWAY_SECRET_other"] = CANARIES["installed"]
    for line in (
        ("install", "mcpb:/nowhere.mcpb", "--secret", "other"),
        ("install", "npm:../x", "--secret", "other"),
        ("secret", "set", "echo", f"KEY={CANARIES['set']}"),
        ("secret", "set", "../echo", "other"),
        ("call", "leaky__x", json.dumps({"a": 1})),
    ):
        done = gateway.run_cli(*line)
        assert done.returncode != 0
        assert leaks(done.stdout + done.stderr) == []
    del gateway.environment["MCP_GATEWAY_SECRET_other"]


def test_no_file_but_the_secret_store_holds_one_and_that_is_private(gateway: Gateway) -> None:
    read, holding = 0, set()
    for path in gateway.state.rglob("*"):
        if path.is_file() and not path.is_symlink():
            read += 1
            if leaks(path.read_bytes()):
                holding.add(path)
    assert read > 10
    assert holding
    assert {path.relative_to(gateway.state).parts[0] for path in holding} == {"secrets"}
    assert {path.stat().st_mode & 0o077 for path in [*holding, *(path.parent for path in holding)]} == {0}
    assert {path.name for path in gateway.state.iterdir()} >= {"gateway.db", "secrets"}
