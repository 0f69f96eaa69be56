"""Releases of a real server in a running gateway: side by side, back again, and with nothing to ask anybody."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gateway, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.install.zips import manifest, write_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CONFIG = "[install]\nwatch_s = 3.0\n"
SERVER = """
import json, os, sys, threading, time
VERSION, DIES_AFTER_S = {version!r}, {dies_after_s!r}
TOOLS = {tools!r}

def say(id_, result):
    print(json.dumps({{"jsonrpc": "2.0", "id": id_, "result": result}}), flush=True)

def slow(id_):
    while not os.path.exists(os.environ["HOME"] + "/go"):
        time.sleep(0.05)
    say(id_, {{"content": [{{"type": "text", "text": VERSION}}]}})

if DIES_AFTER_S:
    threading.Timer(DIES_AFTER_S, os._exit, [3]).start()
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        info = {{"name": "echo", "version": VERSION}}
        say(asked["id"], {{"protocolVersion": "2025-06-18", "capabilities": {{"tools": {{}}}}, "serverInfo": info}})
    elif asked["method"] == "tools/list":
        say(asked["id"], {{"tools": TOOLS}})
    elif asked["method"] == "tools/call" and asked["params"]["name"] == "slow":
        threading.Thread(target=slow, args=[asked["id"]], daemon=True).start()
    elif asked["method"] == "tools/call":
        say(asked["id"], {{"content": [{{"type": "text", "text": VERSION}}]}})
    else:
        say(asked["id"], {{}})
"""


def tool(name: str, description: str = "") -> dict[str, Any]:
    return {"name": name, "description": description or name, "inputSchema": {"type": "object"}}


def release(folder: Path, version: str, *, dies_after_s: float = 0.0, more: tuple[dict[str, Any], ...] = ()) -> str:
    """Put a release at its place; returns the reference, which is the same for all."""
    code = SERVER.format(version=version, dies_after_s=dies_after_s, tools=[tool("version"), tool("slow"), *more])
    path = folder / "echo.mcpb"
    write_bundle(path, manifest("python", "server/main.py", version=version), {"server/main.py": code})
    return f"mcpb:{path}"


def version_of(gateway: Gateway) -> str:
    with Legacy(gateway.url, gateway.token) as client:
        return text_of(client.call("echo__version"))


def test_an_upgrade_takes_over_beside_a_call_in_flight_and_what_does_not_stay_up_is_rolled_back(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        gateway.cli("install", release(tmp_path, "1.0.0"), "--as", "echo")
        gateway.wait_ready("echo")
        answers: list[str] = []

        def call_slowly() -> None:
            with Legacy(gateway.url, gateway.token) as client:
                answers.append(text_of(client.call("echo__slow")))

        waiting = threading.Thread(target=call_slowly)
        waiting.start()
        wait_until(lambda: gateway.server("echo")["in_flight"] == 1, within=20, what="a call in flight")
        release(tmp_path, "2.0.0", more=(tool("fresh"),))
        (moved,) = gateway.cli("upgrade", "echo")["upgraded"]
        assert (moved["before"], moved["after"], moved["changes"]["tools"]["added"]) == ("1.0.0", "2.0.0", ["fresh"])
        assert version_of(gateway) == "2.0.0"
        assert answers == []  # it is still being answered by the old release
        (gateway.state / "data/echo/go").touch()
        waiting.join(timeout=30)
        assert answers == ["1.0.0"]

        release(tmp_path, "3.0.0", dies_after_s=1.5)
        failed = gateway.cli("upgrade", "echo", expect=1)
        assert [(row["before"], row["after"]) for row in failed["rolled_back"]] == [("2.0.0", "3.0.0")]
        gateway.wait_ready("echo")
        assert version_of(gateway) == "2.0.0"
        assert "3.0.0 was rolled back to 2.0.0" in gateway.server("echo")["reason"]
        assert "upgrade_rolled_back" in gateway.log.read_text()

        assert gateway.cli("rollback", "echo")["after"] == "1.0.0"
        assert version_of(gateway) == "1.0.0"


def test_what_serves_already_is_installed_again_at_once_and_a_changed_tool_is_held_back(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        reference = release(tmp_path, "1.0.0")
        gateway.cli("install", reference, "--as", "echo")
        gateway.wait_ready("echo")
        pid = gateway.server("echo")["pid"]
        assert gateway.cli("install", reference, "--as", "echo")["unchanged"]
        assert gateway.server("echo")["pid"] == pid

        release(tmp_path, "2.0.0")
        code = SERVER.format(version="2.0.0", dies_after_s=0.0, tools=[tool("version", "other words"), tool("slow")])
        write_bundle(
            tmp_path / "echo.mcpb",
            manifest("python", "server/main.py", version="2.0.0"),
            {"server/main.py": code},
        )
        planned = gateway.cli("upgrade", "echo", "--dry-run")["upgraded"][0]
        assert [change["tool"] for change in planned["changes"]["tools"]["changed"]] == ["version"]
        assert gateway.server("echo")["pid"] == pid
        assert gateway.cli("upgrade", "echo", "--approve")["upgraded"][0]["quarantined"] == 0
        assert version_of(gateway) == "2.0.0"
        assert gateway.server("echo")["quarantined_tools"] == 0
