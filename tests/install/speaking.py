"""Starts what was installed, exactly as its launch says, and speaks the first words of MCP with it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from gateway.model import LaunchSpec, StdioLaunch

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def speak(launch: LaunchSpec, secrets: Mapping[str, str] | None = None, timeout_s: float = 60.0) -> tuple[Any, Any]:
    """Return the results of `initialize` and `tools/list`; the child is gone afterwards."""
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    return _converse(launch, listing, secrets, timeout_s)


def call(launch: LaunchSpec, tool: str, arguments: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Any:
    """Return the result of one call; the child is gone afterwards."""
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": dict(arguments)}}
    return _converse(launch, asked, secrets, 60.0)[1]


def _converse(
    launch: LaunchSpec, question: dict[str, Any], secrets: Mapping[str, str] | None, timeout_s: float
) -> tuple[Any, Any]:
    assert isinstance(launch, StdioLaunch)
    env = {key: _with_secrets(value, secrets or {}) for key, value in launch.env.items()}
    process = subprocess.Popen(
        launch.argv, env=env, cwd=launch.cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    guard = threading.Timer(timeout_s, process.kill)
    guard.start()
    try:
        initialized = _ask(process, INITIALIZE)
        _say(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        return initialized["result"], _ask(process, question)["result"]
    finally:
        guard.cancel()
        process.kill()
        process.communicate()


def _with_secrets(value: str, secrets: Mapping[str, str]) -> str:
    return re.sub(r"\$\{secret:([^}]+)\}", lambda match: secrets[match[1]], value)


def _say(process: subprocess.Popen[bytes], message: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def _ask(process: subprocess.Popen[bytes], message: dict[str, Any]) -> Any:
    _say(process, message)
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith(b"{"):
            answer = json.loads(line)
            if answer.get("id") == message["id"]:
                return answer
    assert process.stderr is not None
    raise AssertionError(process.stderr.read().decode())
