"""A real daemon without any server, from its first line to its exit status."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import ADMIN_TOKEN, TOKEN, Gateway, running_gateway, wait_until

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
CONFIG = '[smithery]\nenabled = false\n[registry]\nenabled = false\n[gateway]\nlog = "json"\ndrain_s = 1\n'


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One daemon for the tests that only look."""
    with running_gateway(tmp_path_factory.mktemp("serve"), config=CONFIG) as gateway:
        yield gateway


def events(gateway: Gateway) -> list[str]:
    lines = [line for line in gateway.log.read_text().splitlines() if line.startswith("{")]
    return [json.loads(line)["event"] for line in lines]


def test_it_says_where_it_is_and_where_the_token_lies_but_not_the_token(gateway: Gateway) -> None:
    wait_until(lambda: "dashboard" in gateway.log.read_text(), within=30, what="the announcement")
    said = gateway.log.read_text()
    assert gateway.url in said
    assert "$MCP_GATEWAY_TOKEN" in said
    assert "mcp_servers" in said
    assert TOKEN not in said
    assert ADMIN_TOKEN not in said


def test_other_programs_find_it_by_its_file(gateway: Gateway) -> None:
    told = json.loads((gateway.state / "daemon.json").read_text())
    assert (told["url"], told["pid"]) == (gateway.url, gateway.pid())
    assert (gateway.state / "daemon.json").stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_none_is_a_wrong_command_line(gateway: Gateway, tmp_path: Path) -> None:
    done = gateway.run_cli("serve", "--state-dir", str(tmp_path), "--port", "70000")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_bad_file_at_a_hangup_changes_nothing_and_is_said(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        pid = gateway.pid()
        (tmp_path / "config.toml").write_text("[gateway]\nport = 0.5\n")
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload_refused" in events(gateway), within=30, what=gateway.log_tail())
        assert httpx.get(f"http://127.0.0.1:{gateway.port}/readyz", timeout=5).status_code == 200
        assert gateway.pid() == pid


HOSTILE = {
    "digits": b"[gateway]\nport = " + b"9" * 10_000,
    "no text": b"\xff\xfe\x00bad",
    "deep": b"a = " + b"[" * 100_000,
    "dots": b".".join([b"a"] * 20_000) + b" = 1",
    "large": b"#" * 2_000_000,
}
MADE: list[Callable[[Path], object]] = [
    *(lambda file, text=text: file.write_bytes(text) for text in HOSTILE.values()),  # type: ignore[misc]
    os.mkfifo,
    lambda file: file.symlink_to("/dev/zero"),
]


def test_no_file_at_a_hangup_ends_the_daemon_or_keeps_it_from_ending(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        file, pid = tmp_path / "config.toml", gateway.pid()
        assert gateway.process is not None
        for number, make in enumerate(MADE, 1):
            file.unlink()
            make(file)
            gateway.process.send_signal(signal.SIGHUP)
            wait_until(
                lambda n=number: events(gateway).count("reload_refused") == n, within=30, what=gateway.log_tail()
            )
        assert httpx.get(f"http://127.0.0.1:{gateway.port}/readyz", timeout=5).status_code == 200
        assert gateway.pid() == pid
        assert "Traceback" not in gateway.log.read_text()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(timeout=30) == 0


def test_a_good_file_at_a_hangup_is_applied(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        (tmp_path / "config.toml").write_text(CONFIG + '[[server]]\nname = "one"\ncommand = ["/nowhere/one"]\n')
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(gateway.status()["servers"]) == 1, within=30, what=gateway.log_tail())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_status_zero_and_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        tree = gateway.tree()
        assert gateway.process is not None
        gateway.process.send_signal(how)
        assert gateway.process.wait(timeout=30) == 0
        assert events(gateway)[-1] == "stopped"
        wait_until(lambda: not any(p.is_running() for p in tree), within=5, what="every process gone")
