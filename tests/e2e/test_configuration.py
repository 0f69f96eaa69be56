"""Configuration and command line as a user meets them: bad input is told clearly and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import clean_environment, free_port, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def toml_server(name: str, script: str = "echo.py") -> str:
    server = python_server(script)
    command = json.dumps([server["command"], *server["args"]])
    return f'[[server]]\nname = "{name}"\ncommand = {command}\n'


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=clean_environment(folder / "state"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_problem_of_a_configuration_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[gateway]\nport = 99999\nhosst = "x"\n[[server]]\nname = "Bad Name"\n')
    done = run(tmp_path, "serve", "--config", str(file))
    assert done.returncode == 2
    for path in ("gateway.port", "gateway.hosst", "server[0]"):
        assert path in done.stderr


def test_a_changed_file_is_applied_on_hup_and_unchanged_servers_keep_their_pid(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=toml_server("one")) as gateway:
        gateway.wait_ready("one")
        pid = gateway.server("one")["pid"]
        (tmp_path / "config.toml").write_text(toml_server("one") + toml_server("two"))
        os.kill(gateway.process.pid, signal.SIGHUP)  # type: ignore[union-attr]
        wait_until(lambda: gateway.server("two").get("state") == "ready", within=30, what="the new server is ready")
        assert gateway.server("one")["pid"] == pid


def test_a_broken_file_is_refused_whole_and_the_old_one_stays(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=toml_server("one")) as gateway:
        gateway.wait_ready("one")
        pid = gateway.server("one")["pid"]
        (tmp_path / "config.toml").write_text(toml_server("two") + "colour = 3\n")
        done = gateway.run_cli("config", "reload", "--json")
        assert done.returncode == 2
        assert "server[0].colour" in done.stdout
        assert gateway.server("one")["pid"] == pid
        assert gateway.server("two") == {}


def test_verbs_that_need_a_daemon_say_so_with_exit_three(tmp_path: Path) -> None:
    for verb in (["status"], ["call", "x", "{}"], ["calls"], ["logs", "x"], ["bridge"]):
        assert run(tmp_path, *verb).returncode == 3, verb


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        done = run(tmp_path, "serve", "--state-dir", str(gateway.state), "--port", str(free_port()))
        assert done.returncode == 1
        assert "state directory" in done.stderr


def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        done = run(tmp_path, "serve", "--state-dir", str(tmp_path / "other"), "--port", str(gateway.port))
        assert done.returncode == 1
        assert "--port" in done.stderr


def test_bad_calls_on_the_command_line_are_answered_clearly(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        assert gateway.cli("call", "echo__echo", '{"text": "hi"}')["content"][0]["text"] == "hi"
        assert gateway.run_cli("call", "echo__echo", "{broken").returncode == 2
        unknown = gateway.run_cli("call", "echo__ecko", "{}", "--json")
        assert unknown.returncode == 1
        assert "echo__echo" in unknown.stdout


def test_a_plain_mcp_servers_file_is_served_as_it_is(tmp_path: Path) -> None:
    servers = {"echo": python_server("echo.py"), "Odd Name!": python_server("echo.py", "--tool", "other")}
    with running_gateway(tmp_path, servers=servers, arguments=("--no-prefix-servers",)) as gateway:
        gateway.wait_ready(*(row["name"] for row in gateway.status()["servers"]))
        with Legacy(gateway.url, gateway.token) as client:
            assert {"echo", "other"} <= {tool["name"] for tool in client.tools()}
        assert {row["origin"] for row in gateway.cli("list")["servers"]} == {"file"}


def test_the_bridge_relays_the_same_endpoint_on_stdio(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        lines = [
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                },
            },
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "tools/call",
                "params": {"name": "echo__echo", "arguments": {"text": "over stdio"}},
            },
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "bridge"],
            env={**gateway.environment, "MCP_GATEWAY_AGENT": "stdio-agent"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            answers = []
            for line in lines:
                process.stdin.write(json.dumps(line) + "\n")
                process.stdin.flush()
                if "id" in line:
                    answers.append(json.loads(process.stdout.readline()))
            process.stdin.close()
            assert process.wait(timeout=10) == 0
        assert text_of(answers[1]["result"]) == "over stdio"
        rows = wait_until(
            lambda: gateway.cli("calls", "--agent", "stdio-agent")["calls"], within=5, what="the call is recorded"
        )
        assert rows[0]["tool"] == "echo"
