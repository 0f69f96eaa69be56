"""P8: stderr never blocks a server nor fills the disk: 256 KiB are kept of each, secrets blotted out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model import ServerName
from gateway.supervisor.processes.ring import RING_BYTES
from tests.e2e.harness import Gateway, python_server, running_gateway
from tests.e2e.wire import Legacy, text_of
from tests.promises.alone import MIB, Plan, run_alone
from tests.promises.kept import TENFOLD, kept
from tests.supervisor.running import call, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

GIB = 1024 * MIB
ON_DISK = 2 * MIB  # ledger rows and log lines of the calls themselves; the flood is five hundred times that


def test_p8_the_ring_keeps_a_quarter_of_a_mebibyte() -> None:
    assert RING_BYTES == 256 * 1024


@pytest.mark.parametrize("line", [0, 80, 1 << 20])
def test_p8_a_gibibyte_on_stderr_costs_neither_memory_nor_the_others(line: int) -> None:
    plan = Plan("gusher.py", calls=[("flood", {"size": GIB, "line": line}), ("echo", {"text": "still here"})])
    seen = run_alone(plan, timeout_s=280)
    assert seen.outcomes == ["flooded", "still here"]
    assert seen.grown < 16 * MIB
    assert seen.tail_bytes < RING_BYTES + 64 * 1024
    assert (seen.busy_s < 0.1, seen.lag_s < 0.1 * TENFOLD) == (True, True)
    assert (seen.restarts, seen.bystander_pids) == (0, 1)
    assert seen.bystander_calls > 0


def on_disk(gateway: Gateway) -> int:
    """Bytes of all that the daemon wrote: its state directory and its log."""

    def files() -> Iterator[Path]:
        yield from (path for path in gateway.state.rglob("*") if path.is_file())
        yield gateway.log

    return sum(path.stat().st_size for path in files())


def test_p8_a_gibibyte_on_stderr_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    server = python_server("gusher.py")
    command = json.dumps([server["command"], *server["args"]])
    # It floods and does nothing else meanwhile: a slow machine must not take that for a hang.
    config = f'[[server]]\nname = "gusher"\ncommand = {command}\n[server.health]\nIntervalSec = 3600\n'
    with running_gateway(tmp_path, config=config + "[server.limits]\ntimeout_s = 200\n") as gateway:
        gateway.wait_ready("gusher")
        before = on_disk(gateway)
        with Legacy(gateway.url, gateway.token) as client:
            client.http.timeout = 200
            half = {"size": GIB // 2}
            assert text_of(client.call("gusher__flood", {**half, "line": 0})) == "flooded"
            assert text_of(client.call("gusher__flood", {**half, "line": 80})) == "flooded"
        assert gateway.server("gusher")["restarts"] == 0
        assert on_disk(gateway) - before < ON_DISK


async def test_p8_a_secret_that_a_server_prints_is_blotted_out() -> None:
    secret = "hunter2-hunter2-hunter2"
    leaky = spec("a", "gusher.py", "--secret", "KEY", env={"KEY": "${secret:KEY}"})
    async with kept(leaky, secrets={"KEY": secret}) as (supervisor, heard):
        await heard.state("a", "ready")
        assert await call(supervisor, "a", "echo", text="x") == "x"
        told = "\n".join(supervisor.logs(ServerName("a")))
        assert "my key is" in told
        assert secret not in told
        assert secret not in repr(supervisor.status())
