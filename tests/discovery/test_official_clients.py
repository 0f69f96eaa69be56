"""The registry's own clients, the real npm packages, accept the stand-in: it is not our own opinion."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.ports import Monitored, Wanted
from gateway.discovery.sources import build_sources
from gateway.errors import GatewayError, NotFound, RegistryUnauthorized
from gateway.listing import BundleConnection
from gateway.net.fetch import Fetcher
from gateway.net.guard import guarded_client
from tests.discovery.official.packages import installed_packages
from tests.fakes import FakeClock
from tests.standins.bundles import node_bundle
from tests.standins.listings import SERVERS
from tests.standins.running import RunningSmithery, running_smithery

pytestmark = [pytest.mark.process, pytest.mark.network, pytest.mark.timeout(300)]

RUN_S = 120
TOOLS = ["get_forecast", "echo", "people.greet"]
SCRIPTS = Path(__file__).parent / "official"


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the real packages."""
    return installed_packages()


@pytest.fixture
def smithery() -> Iterator[RunningSmithery]:
    """A stand-in Smithery."""
    with running_smithery() as running:
        yield running


@dataclass
class Official:
    """The real command-line client, with a home of its own, pointed at the stand-in."""

    packages: Path
    home: Path
    smithery: RunningSmithery

    def environment(self, **more: str) -> dict[str, str]:
        """What its process gets to see."""
        settings = self.home / "settings"
        settings.mkdir(parents=True, exist_ok=True)
        file = settings / "settings.json"
        if not file.exists():
            file.write_text(json.dumps({"userId": "u1", "analyticsConsent": False, "askedConsent": True}))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SMITHERY_")}
        return {
            **kept, "HOME": str(self.home), "SMITHERY_CONFIG_PATH": str(settings),
            "SMITHERY_API_KEY": self.smithery.key,
            "SMITHERY_BASE_URL": self.smithery.url, "SMITHERY_CONNECT_BASE_URL": self.smithery.url, **more,
        }  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        """The argv of the client."""
        return ["node", str(self.packages / "node_modules" / "smithery" / "dist" / "index.js"), *arguments]

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(*arguments), cwd=self.home, env=self.environment(**more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=RUN_S, check=False,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """Run it and read the JSON that it prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr[-2000:]}"
        return json.loads(done.stdout[done.stdout.index("{") :])


@pytest.fixture
def official(packages: Path, smithery: RunningSmithery, tmp_path: Path) -> Official:
    """The client, ready to run."""
    home = tmp_path / "home"
    home.mkdir()
    return Official(packages, home, smithery)


def test_the_cli_searches(official: Official) -> None:
    found = official.json("mcp", "search", "weather", "--json")
    assert [one["qualifiedName"] for one in found["servers"]] == ["acme/weather-http", "acne/weather-http"]
    assert official.smithery.log()[-1]["query"] == "q=weather&pageSize=10&page=1"
    narrowed = official.json("mcp", "search", "weather", "--namespace", "acme", "--verified", "--limit", "2", "--json")
    assert [one["qualifiedName"] for one in narrowed["servers"]] == ["acme/weather-http"]


def test_the_cli_lists_and_picks_a_namespace(official: Official) -> None:
    assert official.json("namespace", "list", "--json")["namespaces"] == ["my-app"]
    assert "my-app" in official.run("namespace", "use", "my-app").stdout
    assert "my-app" in official.run("auth", "whoami").stdout


def test_the_cli_adds_a_remote_and_a_bundle_to_a_clients_configuration(official: Official) -> None:
    added = official.json("mcp", "add", "acme/weather-http", "--client", "cursor")
    assert added["success"] is True
    added = official.json("mcp", "add", "acme/echo-bundle", "--client", "cursor", "--config", '{"apiKey":"k1"}')
    assert (added["success"], added["transport"]) == (True, "stdio")
    entries = json.loads((official.home / ".cursor" / "mcp.json").read_text())["mcpServers"]
    assert entries["weather-http"]["url"].endswith("/acme/weather-http/mcp")
    assert entries["echo-bundle"]["args"][-2:] == ["run", "acme/echo-bundle"]


@pytest.mark.parametrize(
    ("name", "words"), [("acme/empty", "No connection configuration found"), ("acme/nothing", "Server not found")]
)
def test_the_cli_says_what_cannot_be_added(official: Official, name: str, words: str) -> None:
    done = official.run("mcp", "add", name, "--client", "cursor")
    assert done.returncode == 1
    assert words in done.stdout + done.stderr


def test_the_cli_runs_the_bundle_as_a_stdio_server(official: Official) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "settings", "arguments": {}}},
    ]
    argv = official.command("mcp", "run", "acme/echo-bundle", "--config", '{"apiKey":"k1","units":"us"}')
    with subprocess.Popen(
        argv, env=official.environment(), cwd=official.home, text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for message in messages:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            answers = {
                answer["id"]: answer["result"] for answer in (json.loads(process.stdout.readline()) for _ in range(3))
            }
        finally:
            process.stdin.close()
            process.stdin = None
            process.terminate()
            process.wait(RUN_S)
    assert answers[1]["serverInfo"]["name"] == "echo"
    assert [tool["name"] for tool in answers[2]["tools"]] == ["echo", "settings"]
    seen = json.loads(answers[3]["content"][0]["text"])
    assert seen == {"units": "us", "key_sha256": hashlib.sha256(b"k1").hexdigest()[:12]}


def test_the_cli_connects_and_calls_tools_through_connect(official: Official) -> None:
    official.run("namespace", "use", "my-app")
    added = official.json("mcp", "add", "acme/weather-http", "--id", "w", "--json")
    assert (added["connectionId"], added["status"]["state"]) == ("w", "connected")
    assert [one["id"] for one in official.json("mcp", "list", "--json")["servers"]] == ["w"]
    tools = official.json("tool", "list", "w", "--flat", "--json")["tools"]
    assert [tool["name"] for tool in tools] == TOOLS
    called = official.json("tool", "call", "w", "echo", '{"text":"yo"}', "--json")
    assert called["content"] == [{"type": "text", "text": "yo"}]
    greeted = official.json("tool", "call", "w", "people.greet", '{"name":"Bo"}', "--json")
    assert greeted["content"] == [{"type": "text", "text": "Hello Bo"}]
    assert official.json("mcp", "remove", "w", "--json") == {"removed": ["w"]}
    assert official.run("mcp", "get", "w", "--json").returncode == 1


def test_the_cli_makes_a_token_with_a_policy(official: Official) -> None:
    policy = '{"namespaces":"my-app","resources":"connections","operations":["read"],"ttl":"1h"}'
    made = official.json("auth", "token", "--policy", policy)
    assert made["token"].startswith("st-")
    assert made["expiresAt"]


def test_the_cli_shows_a_connection_in_its_whole_life(official: Official) -> None:
    official.run("namespace", "use", "my-app")
    official.json("mcp", "add", "acme/weather-http", "--id", "w", "--json")
    shown = official.json("mcp", "get", "w", "--json")
    assert "connected" in json.dumps(shown)
    official.json("mcp", "remove", "w", "--json")
    assert official.run("mcp", "get", "w", "--json").returncode == 1


def test_the_cli_adds_a_bundle_from_a_plain_address_without_a_key(official: Official) -> None:
    config = '{"apiKey":"k1"}'
    added = official.json("mcp", "add", "acme/files-bundle", "--client", "cursor", "--config", config)
    assert (added["success"], added["transport"]) == (True, "stdio")
    asked = [row for row in official.smithery.log() if row["path"].startswith("/files/")]
    assert asked
    assert {row["authorization"] for row in asked} == {None}


def drive(script: str, official: Official, folder: Path) -> dict[str, Any]:
    """Run a script beside the packages and read what it prints."""
    folder.mkdir()
    shutil.copy(SCRIPTS / script, folder / script)
    (folder / "node_modules").symlink_to(official.packages / "node_modules")
    done = subprocess.run(
        ["node", script], cwd=folder, env=official.environment(), capture_output=True, text=True,
        timeout=RUN_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def driven(official: Official, tmp_path: Path) -> dict[str, Any]:
    """Everything that the script did with @smithery/api."""
    return drive("drive.mjs", official, tmp_path / "driver")


def test_the_api_package_goes_the_whole_way(official: Official, tmp_path: Path) -> None:
    told = drive("drive_whole.mjs", official, tmp_path / "driver")
    assert told["health"] == "ok"
    filtered = told["filtered"]
    assert filtered["namespace"] == ["acme/weather-http"]
    assert filtered["remote"] == ["acme/echo-bundle", "acme/notes-bundle"]
    assert filtered["deployed"] == ["acme/weather-http", "acme/vault-http"]
    assert (filtered["managed"], filtered["owner"]) == ([], ["acme/echo-bundle", "acme/files-bundle"])
    assert filtered["repository"] == filtered["ids"] == ["acme/echo-bundle"]
    assert (filtered["exact"], filtered["few"]) == (["acme/vault-http"], ["solo"])
    assert (len(filtered["deep"]), told["beyond"]) == (5, [])
    assert told["errors"] == {
        "400": ["BadRequestError", 400], "402": ["APIError", 402], "403": ["PermissionDeniedError", 403],
        "409": ["ConflictError", 409], "429": ["RateLimitError", 429], "502": ["InternalServerError", 502],
        "html": ["InternalServerError", 502], "slow": ["APIConnectionTimeoutError", None],
    }  # fmt: skip
    assert (told["patient"], told["waited"]) == (1, True)
    assert told["namespace"] == {
        "set": "fresh-one", "taken": ["ConflictError", 409], "made": "string", "all": True, "deleted": True,
    }  # fmt: skip
    assert told["connection"] == {
        "set": "connected", "got": {"userId": "u1"}, "listed": ["wy"], "deleted": True, "gone": ["NotFoundError", 404],
    }  # fmt: skip


def test_the_api_package_accepts_everything(driven: dict[str, Any], smithery: RunningSmithery) -> None:
    assert driven["first"]["names"] == ["acme/weather-http", "acne/weather-http"]
    assert set(driven["all"]) == {server.name for server in SERVERS.values() if server.listed}
    pages = [
        row["query"] for row in smithery.log() if row["path"] == "/servers" and "pageSize=10&" in row["query"] + "&"
    ]
    assert len(pages) == -(-len(driven["all"]) // 10) + 1  # its paging ends only at an empty page
    assert driven["bundle"]["bundleUrl"] == "/servers/acme%2Fecho-bundle/download"
    assert driven["solo"] == "solo"
    assert driven["download"] == {"sha256": hashlib.sha256(node_bundle()).hexdigest(), "magic": "PK"}
    assert driven["errors"] == {
        "wrongKey": ["AuthenticationError", 401], "unknown": ["NotFoundError", 404],
        "badPageSize": ["UnprocessableEntityError", 422], "noBundle": ["NotFoundError", 404],
    }  # fmt: skip
    assert (driven["namespaces"], driven["token"]) == (["my-app"], "string")
    assert (driven["connection"], driven["mismatch"]) == ("connected", ["ConflictError", 409])
    assert (driven["tools"], driven["throughMcp"]) == (TOOLS, TOOLS)
    assert driven["called"]["content"] == [{"type": "text", "text": "Hello Bo"}]
    assert driven["toolError"] == ["UnprocessableEntityError", 422]
    assert driven["locked"] == {"state": "input_required", "missing": {"headers": ["x-api-key"], "query": []}}
    assert driven["unlocked"] == "connected"


async def test_our_client_and_theirs_find_and_download_the_same(
    driven: dict[str, Any], smithery: RunningSmithery, clock: FakeClock, tmp_path: Path
) -> None:
    section = SmitherySection(base_url=smithery.url, api_key=smithery.key)
    async with httpx.AsyncClient(trust_env=False) as http:
        (source,) = build_sources(section, RegistrySection(enabled=False), http=http, clock=clock, rng=Random(1))
        everything = await source.search(Wanted("", limit=100))
        (echo,) = (await source.get("acme/echo-bundle")).listings
        unknown = await refusal_of(source.get("acme/nothing"))
        no_key = SmitherySection(base_url=smithery.url, api_key="sk-bad")
        (stranger,) = build_sources(no_key, RegistrySection(enabled=False), http=http, clock=clock, rng=Random(1))
        wrong_key = await refusal_of(stranger.search(Wanted("")))
    assert [listing.name for listing in everything.listings] == driven["all"]
    assert (unknown, wrong_key) == (NotFound, RegistryUnauthorized)
    assert isinstance(source, Monitored)
    assert source.drift == ()
    assert echo.connections is not None
    (bundle,) = echo.connections
    assert isinstance(bundle, BundleConnection)
    assert bundle.url == smithery.url + driven["bundle"]["bundleUrl"]
    assert bundle.config_schema == driven["bundle"]["configSchema"]
    async with guarded_client(trusted_origins=[smithery.url]) as client:
        key = {smithery.url: {"Authorization": f"Bearer {smithery.key}"}}
        fetch = Fetcher(client, origin_headers=lambda: key)
        digest = await fetch.fetch(bundle.url, to=tmp_path / "b", max_bytes=10**6, authorize=bundle.authorize)
    assert digest == driven["download"]["sha256"]


async def refusal_of(asked: Awaitable[object]) -> type[Exception] | None:
    """The kind of error that a question ends with."""
    try:
        await asked
    except GatewayError as error:
        return type(error)
    return None
