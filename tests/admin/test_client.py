"""The API's client, against the real API on a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from gateway.admin.client import ApiClient, Daemon, _follow, find_daemon, locate
from gateway.admin.problems import ApiError
from gateway.errors import GatewayError, InstallError, NotRunning, RefusedByPolicy, UsageError
from tests.admin.fakes import ADMIN_TOKEN, FakeVerbs, running_admin
from tests.admin.threads import port_of, serving

pytestmark = pytest.mark.process


@pytest.fixture(name="verbs")
def _verbs() -> FakeVerbs:
    return FakeVerbs()


@pytest.fixture(name="daemon")
def _daemon(verbs: FakeVerbs) -> Iterator[Daemon]:
    with running_admin(verbs) as url:
        yield Daemon(url, ADMIN_TOKEN)


def write_daemon_file(state: Path, pid: int, url: str = "http://127.0.0.1:1") -> None:
    (state / "daemon.json").write_text(json.dumps({"pid": pid, "url": url, "version": "1", "started_at": ""}))


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_verb_comes_back_as_its_json(daemon: Daemon, verbs: FakeVerbs) -> None:
    result = ApiClient(daemon).ask("search", query="a b/ü&c", source="smithery", limit=3)

    assert result["items"][0]["name"] == "acme/echo"
    assert verbs.asked == [("search", {"query": "a b/ü&c", "source": "smithery", "limit": 3})]


def test_a_name_with_a_slash_survives_in_the_path(daemon: Daemon, verbs: FakeVerbs) -> None:
    ApiClient(daemon).ask("secret_remove", server="echo", key="a b%c")

    assert verbs.asked == [("secret_remove", {"server": "echo", "key": "a b%c"})]


@pytest.mark.parametrize(
    ("error", "status"),
    [(RefusedByPolicy("no", fix="allow it"), 4), (UsageError("no", fix="x"), 2), (InstallError("no", step="fetch"), 1)],
)
def test_the_daemons_error_comes_back_with_code_fix_and_exit_status(
    daemon: Daemon, verbs: FakeVerbs, error: GatewayError, status: int
) -> None:
    verbs.errors["show"] = error
    with pytest.raises(ApiError) as raised:
        ApiClient(daemon).ask("show", name="a")

    assert (raised.value.code, raised.value.fix, raised.value.exit_status) == (error.code, error.fix, status)


def test_a_stream_is_told_line_by_line_and_ends_in_the_result(daemon: Daemon) -> None:
    told: list[Any] = []
    result = ApiClient(daemon).follow("install", told.append, name="npm:a@1")

    assert [next(iter(line)) for line in told] == ["progress"]
    assert result["from"] == "npm:a@1"


def test_a_stream_may_end_in_an_error(daemon: Daemon, verbs: FakeVerbs) -> None:
    verbs.errors["install"] = RefusedByPolicy("no", fix="allow it")
    with pytest.raises(ApiError, match="no") as raised:
        ApiClient(daemon).follow("install", lambda _: None, name="a")

    assert raised.value.exit_status == 4


def test_a_stream_that_ends_before_its_result_is_no_success() -> None:
    half = [b'{"progress": {"step": "fetch"}}\n', b"\n"]
    with pytest.raises(GatewayError, match="before the gateway was done"):
        _follow(iter(half), lambda _: None, may_end=False)
    assert _follow(iter(half), lambda _: None, may_end=True) == {}


def test_a_stream_that_cannot_begin_is_an_ordinary_error(daemon: Daemon) -> None:
    with pytest.raises(ApiError) as raised:
        ApiClient(daemon).follow("logs", lambda _: None, name="nobody")

    assert raised.value.code == "not_found"


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_says_where_the_right_one_lies(daemon: Daemon, token: str) -> None:
    with pytest.raises(GatewayError) as raised:
        ApiClient(Daemon(daemon.url, token)).ask("status")

    assert raised.value.code == "unauthorized"
    assert "MCP_GATEWAY_ADMIN_TOKEN" in raised.value.fix


def test_the_agents_token_is_told_from_a_refusal_by_policy() -> None:
    app = JSONResponse({"error": {"code": "forbidden", "message": "not for agents", "fix": ""}}, 403)
    with serving(app) as server, pytest.raises(GatewayError) as raised:
        ApiClient(Daemon(f"http://127.0.0.1:{port_of(server)}", "agents")).ask("status")

    assert raised.value.code == "unauthorized"


def test_another_programs_answer_is_recognized_as_such() -> None:
    with serving(PlainTextResponse("hello", 500)) as server, pytest.raises(GatewayError) as raised:
        ApiClient(Daemon(f"http://127.0.0.1:{port_of(server)}", "")).ask("status")

    assert raised.value.code == "unexpected_answer"


def test_nobody_listening_means_not_running() -> None:
    with pytest.raises(NotRunning) as raised:
        ApiClient(Daemon("http://127.0.0.1:9", "")).ask("status")

    assert (raised.value.exit_status, "mcp-gateway serve" in raised.value.fix) == (3, True)


def test_the_daemon_is_found_by_its_file_with_the_token_beside_it(tmp_path: Path) -> None:
    write_daemon_file(tmp_path, os.getpid(), "http://127.0.0.1:4242/mcp")
    (tmp_path / "admin-token").write_text("secret\n")

    assert find_daemon(tmp_path, {}) == Daemon("http://127.0.0.1:4242", "secret", os.getpid(), tmp_path)


def test_variables_beat_the_files(tmp_path: Path) -> None:
    write_daemon_file(tmp_path, os.getpid())
    environ = {"MCP_GATEWAY_URL": "http://h:5/mcp", "MCP_GATEWAY_ADMIN_TOKEN": "given", "MCP_GATEWAY_TOKEN": "agents"}

    assert find_daemon(tmp_path, environ) == Daemon("http://h:5", "given")
    assert locate(tmp_path, environ, variable="MCP_GATEWAY_TOKEN", file="token").token == "agents"


def test_the_file_of_a_dead_daemon_means_not_running(tmp_path: Path) -> None:
    write_daemon_file(tmp_path, ended_process())
    with pytest.raises(NotRunning, match="has ended"):
        find_daemon(tmp_path, {})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "url": 1}', '{"pid": -1, "url": "u"}'])
def test_a_broken_daemon_file_means_not_running(tmp_path: Path, text: str) -> None:
    (tmp_path / "daemon.json").write_text(text)
    with pytest.raises(NotRunning):
        find_daemon(tmp_path, {})


@pytest.mark.parametrize("url", ["127.0.0.1:8808", "ftp://h", "http://", "http://[x"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        ApiClient(Daemon(url, "")).ask("status")

    assert "MCP_GATEWAY_URL" in raised.value.fix
