"""Which connection a server gets."""

from __future__ import annotations

import anyio

from gateway.clock import SystemClock
from gateway.model import ServerSpec
from gateway.supervisor.connecting import Connector
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.ports import Connection, unconfined
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.talking.remote import RemoteConnection, no_others
from gateway.supervisor.talking.stdio import StdioConnection
from tests.supervisor.running import remote_spec, spec


def connect(wanted: ServerSpec, stderr: LineRing, secrets: dict[str, str]) -> Connection:
    connector = Connector(
        version="0.0-test",
        secrets=lambda _: secrets,
        remote_transport=None,
        refresh=no_others,
        confine=unconfined,
        limits=Limits(SystemClock()),
        home="",
    )
    return connector(
        wanted,
        on_told=lambda *_: None,
        on_trouble=lambda: None,
        on_noise=lambda: None,
        stderr=stderr,
        probe=True,
    )


async def test_a_command_gets_pipes_and_a_url_gets_http() -> None:
    assert isinstance(connect(spec("a"), LineRing(), {}), StdioConnection)
    assert isinstance(connect(remote_spec("r", 9), LineRing(), {}), RemoteConnection)
    await anyio.lowlevel.checkpoint()


async def test_its_secrets_are_blotted_out_of_what_it_writes() -> None:
    stderr = LineRing()
    assert connect(spec("a"), stderr, {"K": "hidden-value"}).pid is None
    stderr.feed(b"it is hidden-value\n")
    assert stderr.tail(1) == ["it is ***"]
    await anyio.lowlevel.checkpoint()
