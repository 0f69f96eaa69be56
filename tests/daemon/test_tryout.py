"""Real children that are started once, and are gone afterwards."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import anyio
import httpx
import psutil
import pytest

from gateway.clock import SystemClock
from gateway.daemon.tryout import Handshake
from gateway.errors import HandshakeFailed
from gateway.model import HealthPolicy, Origin, RemoteLaunch, RestartPolicy, ServerName, ServerSpec, StdioLaunch
from gateway.store.definitions import ITSELF

pytestmark = pytest.mark.process
SERVERS = Path(__file__).parents[1] / "servers"
NAME = ServerName("tried")


class DownTransport(httpx.AsyncBaseTransport):
    """A server elsewhere that is being repaired."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Say so."""
        return httpx.Response(503)


def try_out(secrets: dict[str, str] | None = None) -> Handshake:
    return Handshake(
        clock=SystemClock(),
        rng=random.Random(1),
        secrets=lambda _: secrets or {},
        version="1",
        remote_transport=DownTransport,
    )


def spec(*argv: str, env: dict[str, str] | None = None, start_timeout_s: float = 20.0) -> ServerSpec:
    launch = StdioLaunch((sys.executable, *argv), {"PATH": "/usr/bin:/bin", **(env or {})})
    health = HealthPolicy(start_timeout_sec=start_timeout_s, stop_timeout_sec=0.5)
    return ServerSpec(NAME, "command", Origin.CLI, launch, required=True, health=health)


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


async def test_a_server_that_answers_tells_how_many_tools_it_has_and_is_gone_again() -> None:
    before = children()
    with anyio.fail_after(25):
        offered = await try_out()(spec(str(SERVERS / "echo.py")), {})
    assert children() == before
    assert len(offered) == 7
    assert json.loads(offered[ITSELF][1]) == {"instructions": "Echoes.", "title": "Echo"}
    assert json.loads(offered["echo"][1])["name"] == "echo"


async def test_a_secret_that_is_not_kept_yet_goes_before_the_one_that_is() -> None:
    showing = "import os, sys; sys.exit({'fresh': 'new'}.get(os.environ['KEY'], 'other'))"
    with anyio.fail_after(25), pytest.raises(HandshakeFailed, match=r"it wrote: (.* )?new"):
        await try_out({"KEY": "kept"})(spec("-c", showing, env={"KEY": "${secret:KEY}"}), {"KEY": "fresh"})


async def test_a_server_that_ends_at_once_is_told_with_its_last_words() -> None:
    dying = "import sys; sys.exit('no API_KEY is set')"
    with anyio.fail_after(25), pytest.raises(HandshakeFailed) as caught:
        await try_out()(spec("-c", dying), {})
    assert "no API_KEY is set" in caught.value.message


async def test_a_dying_server_is_started_once_and_not_restarted(tmp_path: Path) -> None:
    counting = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')"
    tried = spec("-c", counting)
    assert tried.restart == RestartPolicy()
    with anyio.fail_after(25), pytest.raises(HandshakeFailed):
        await try_out()(tried, {})
    assert (tmp_path / "starts").read_text() == "x"


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    before = children()
    silent = "import sys; sys.stdin.read()"
    with anyio.fail_after(25), pytest.raises(HandshakeFailed) as caught:
        await try_out()(spec("-c", silent, start_timeout_s=0.5), {})
    assert caught.value.message
    assert children() == before


async def test_a_program_that_is_not_there_is_told() -> None:
    missing = ServerSpec(NAME, "command", Origin.CLI, StdioLaunch(("/nowhere/program",)))
    with anyio.fail_after(25), pytest.raises(HandshakeFailed) as caught:
        await try_out()(missing, {})
    assert "/nowhere/program" in caught.value.message


async def test_a_secret_reaches_the_server_and_not_the_message() -> None:
    showing = "import os, sys; sys.exit('the key is ' + os.environ['KEY'])"
    with anyio.fail_after(25), pytest.raises(HandshakeFailed) as caught:
        await try_out({"KEY": "canary-5e1"})(spec("-c", showing, env={"KEY": "${secret:KEY}"}), {})
    assert "the key is" in caught.value.message
    assert "canary-5e1" not in caught.value.message


async def test_a_remote_server_that_is_down_is_told() -> None:
    remote = ServerSpec(
        NAME,
        "url",
        Origin.CLI,
        RemoteLaunch("https://far.example/mcp"),
        health=HealthPolicy(start_timeout_sec=2, stop_timeout_sec=0.5),
    )
    with anyio.fail_after(25), pytest.raises(HandshakeFailed):
        await try_out()(remote, {})
