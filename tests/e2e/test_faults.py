"""What a user sees when something dies."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def test_a_child_killed_during_a_call_is_an_error_result_and_comes_back(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"slow": python_server("slow.py")}) as gateway:
        gateway.wait_ready("slow")
        pid = gateway.server("slow")["pid"]
        with Legacy(gateway.url, gateway.token) as client, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.call, "slow__sleep", {"seconds": 60})
            wait_until(
                lambda: gateway.metric("mcp_gateway_inflight_requests") >= 1, within=10, what="the call is in flight"
            )
            os.kill(pid, signal.SIGKILL)
            result = waiting.result(timeout=5)
        assert result["isError"] is True
        assert result["_meta"]["gateway/error"]["code"] == "child_gone"
        assert "slow" in text_of(result)
        gateway.wait_ready("slow")
        row = gateway.server("slow")
        assert row["pid"] != pid
        assert row["restarts"] == 1
        assert row["last_exit"]["signal"] == "SIGKILL"


def test_a_killed_gateway_leaves_no_process_and_old_sessions_live_on(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        with Legacy(gateway.url, gateway.token, agent="a", run="r") as client:
            before = client.tools()
            tree = gateway.tree()
            assert len(tree) >= 3
            os.kill(gateway.pid(), signal.SIGKILL)
            gone = lambda: not [p for p in tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]  # noqa: E731
            wait_until(gone, within=2, what="every process is gone")
            gateway.stop()
            gateway.start()
            gateway.wait_ready("echo")
            assert client.tools() == before
            assert text_of(client.call("echo__echo", {"text": "again"})) == "again"


def test_a_keeper_killed_takes_everything_with_it(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        tree = gateway.tree()
        assert len(tree) >= 3  # keeper, daemon, child
        tree[0].kill()
        gone = lambda: not [p for p in tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]  # noqa: E731
        wait_until(gone, within=2, what="every process is gone")


def test_an_asked_stop_ends_every_process_and_exits_zero(tmp_path: Path) -> None:
    with running_gateway(
        tmp_path, servers={"echo": python_server("echo.py"), "deaf": python_server("deaf.py")}
    ) as gateway:
        gateway.wait_ready("echo", "deaf")
        tree = gateway.tree()
        assert gateway.stop() == 0
        assert not [p for p in tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_forged_deleted_and_missing_sessions_are_told_apart(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        with Legacy(gateway.url, gateway.token) as client:
            assert client.close() in {200, 202, 204}
            assert client.post(ping).status_code == 404
            client.session = "forged.session"
            assert client.post(ping).status_code == 404
            client.session = None
            assert client.post(ping).status_code == 400


def test_a_dead_child_never_empties_the_tool_list(tmp_path: Path) -> None:
    with running_gateway(
        tmp_path, servers={"echo": python_server("echo.py"), "broken": {"command": "/nowhere/at/all"}}
    ) as gateway:
        gateway.wait_ready("echo")
        with Legacy(gateway.url, gateway.token) as client:
            assert "echo__echo" in [tool["name"] for tool in client.tools()]
        row = gateway.server("broken")
        assert "/nowhere/at/all" in row["reason"]
