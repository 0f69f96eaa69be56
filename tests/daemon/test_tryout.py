"""Real children that are started once, and are gone afterwards."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import anyio
import httpx
import msgspec
import psutil
import pytest

from gateway.clock import SystemClock
from gateway.daemon.tryout import Handshake
from gateway.errors import HandshakeFailed
from gateway.model import (
    HealthPolicy,
    Origin,
    RemoteLaunch,
    RestartPolicy,
    SandboxPolicy,
    ServerName,
    ServerSpec,
    StartPolicy,
    StdioLaunch,
)
from gateway.store.definitions import ITSELF
from gateway.supervisor.ports import Confine, unconfined
from gateway.supervisor.sandbox.confiner import Confiner
from gateway.supervisor.sandbox.places import Layout

pytestmark = pytest.mark.process
SERVERS = Path(__file__).parents[1] / "servers"
NAME = ServerName("tried")


class DownTransport(httpx.AsyncBaseTransport):
    """A server elsewhere that is being repaired."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Say so."""
        return httpx.Response(503)


def try_out(secrets: dict[str, str] | None = None, confine: Confine = unconfined) -> Handshake:
    return Handshake(
        clock=SystemClock(),
        rng=random.Random(1),
        secrets=lambda _: secrets or {},
        version="1",
        remote_transport=DownTransport,
        confine=confine,
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


async def test_a_server_that_shall_sleep_is_tried_like_any_other() -> None:
    sleepy = msgspec.structs.replace(spec(str(SERVERS / "echo.py")), start=StartPolicy(lazy=True, idle_stop_sec=0.01))
    with anyio.fail_after(25):
        assert len(await try_out()(sleepy, {})) == 7


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


async def test_what_was_never_started_before_is_confined_already_then(tmp_path: Path) -> None:
    state = tmp_path / "state"
    package = state / "content" / ("a" * 64)
    package.mkdir(parents=True)
    (state / "token").write_text("canary")
    code = (
        f"import sys; sys.path.insert(0, {str(SERVERS)!r})\n"
        "from pathlib import Path\n"
        "from speaking import Server\n"
        f"try: told = Path({str(state / 'token')!r}).read_text()\n"
        "except OSError as exc: told = type(exc).__name__\n"
        "Server('tried', instructions=told).run()\n"
    )
    (package / "server.py").write_text(code)
    confiner = Confiner(Layout(state), is_container=lambda _: False)
    policy = SandboxPolicy(read_only_paths=(str(SERVERS),))
    installed = msgspec.structs.replace(spec(str(package / "server.py")), from_="pypi:tried==1", sandbox=policy)
    told = []
    for confine in (confiner, unconfined):
        offered = await try_out(confine=confine)(installed, {})
        told.append(json.loads(offered[ITSELF][1])["instructions"])
    assert told[1] == "canary"
    assert told[0] in {"FileNotFoundError", "PermissionError"}
