"""P11: memory, processes, descriptors, processor and disk of each server are bounded; only the offender dies."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.model import ResourceLimits
from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

MIB = 1 << 20


def config(limits: str) -> str:
    """A greedy server under these limits, and one that must not notice."""
    found = []
    for name, script, more in (("greedy", "greedy.py", f"[server.limits]\n{limits}\n"), ("good", "echo.py", "")):
        server = python_server(script)
        command = json.dumps([server["command"], *server["args"]])
        found.append(f'[[server]]\nname = "{name}"\ncommand = {command}\n{more}')
    return "\n".join(found)


@contextlib.contextmanager
def limited(folder: Path, limits: str) -> Iterator[tuple[Gateway, Legacy]]:
    """Around the offence: the other server keeps its process, and answers afterwards."""
    with running_gateway(folder, config=config(limits)) as gateway:
        gateway.wait_ready("greedy", "good")
        pid = gateway.server("good")["pid"]
        with Legacy(gateway.url, gateway.token) as client:
            client.http.timeout = 100
            yield gateway, client
            assert text_of(client.call("good__echo", {"text": "fine"})) == "fine"
        assert (gateway.server("good")["pid"], gateway.server("good")["restarts"]) == (pid, 0)


def ended(gateway: Gateway) -> dict[str, Any]:
    """The greedy server's row, once it has ended and is back."""
    return dict(
        wait_until(
            lambda: (row := gateway.server("greedy"))["restarts"] >= 1 and row["state"] == "ready" and row,
            within=60,
            what="the offender was ended and is back",
        )
    )


def test_p11_what_is_bounded_without_being_asked() -> None:
    assert ResourceLimits() == ResourceLimits(
        memory_max_bytes=None, memory_max_share=0.5, tasks_max=1024, cpu_quota=None, nofile=8192, fsize_bytes=None,
        runtime_max_sec=None,
    )  # fmt: skip


def test_p11_a_memory_hog_is_ended_and_nobody_else(tmp_path: Path) -> None:
    with limited(tmp_path, 'MemoryMax = "128M"') as (gateway, client):
        result = client.call("greedy__eat", {"count": 4096})
        assert result["isError"] is True
        assert "oom" in ended(gateway)["last_exit"]["reason"]


def test_p11_a_fork_bomb_under_a_cap_of_twenty_is_refused_or_ended_and_nobody_else_notices(tmp_path: Path) -> None:
    with limited(tmp_path, 'TasksMax = "20"') as (gateway, client):
        born, _, error = text_of(client.call("greedy__fork", {"count": 500})).partition(" then ")
        if error == "EAGAIN":  # the kernel counts: the twenty-first is refused
            assert int(born) <= 20
        else:  # nothing refuses a fork here: the one that has too many is ended with all of them, in mid-call or after
            assert "tasks" in ended(gateway)["last_exit"]["reason"]
        wait_until(lambda: len(gateway.tree()) < 100, within=30, what="its hundreds are gone")


def test_p11_a_leak_of_descriptors_meets_its_limit(tmp_path: Path) -> None:
    with limited(tmp_path, 'LimitNOFILE = "64"') as (gateway, client):
        opened, _, error = text_of(client.call("greedy__open_files", {"count": 500})).partition(" then ")
        assert (int(opened) < 64, error) == (True, "EMFILE")
        assert gateway.server("greedy")["restarts"] == 0


def test_p11_a_file_that_grows_meets_its_limit(tmp_path: Path) -> None:
    with limited(tmp_path, 'LimitFSIZE = "1M"') as (_, client):
        said = text_of(client.call("greedy__fill", {"count": 8, "path": str(tmp_path / "large")}))
        assert said == f"{MIB} then EFBIG"
        assert (tmp_path / "large").stat().st_size == MIB


def test_p11_a_processor_hog_does_not_keep_others_from_their_calls(tmp_path: Path) -> None:
    with limited(tmp_path, "timeout_s = 3") as (gateway, client):
        assert client.call("greedy__burn")["isError"] is True
        assert gateway.server("good")["state"] == "ready"


class SmallDisk:
    """A file system of four mebibytes in memory; where mounting is not ours to do, files that may not grow."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        options = ["-t", "tmpfs", "-o", "size=4m"]
        done = subprocess.run(["mount", *options, "tmpfs", str(folder)], capture_output=True, check=False)
        self.is_mounted = done.returncode == 0

    @property
    def never_fits(self) -> Path:
        """A file on it that cannot hold eight mebibytes."""
        return self.folder / "x" if self.is_mounted else Path("/dev/full")

    def fill(self, pid: int) -> None:
        """From now on nothing fits any more (for that process)."""
        if self.is_mounted:
            with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as ballast:
                while True:
                    ballast.write(b"\x01" * 4096)
        else:
            largest = max(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        """Now it does."""
        if self.is_mounted:
            (self.folder / "ballast").unlink()
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "small")
    yield small
    if small.is_mounted:
        subprocess.run(["umount", "-l", str(small.folder)], check=True)


def test_p11_a_full_disk_is_the_servers_trouble_and_nobody_elses(tmp_path: Path, disk: SmallDisk) -> None:
    with limited(tmp_path, "") as (gateway, client):
        said = text_of(client.call("greedy__fill", {"count": 8, "path": str(disk.never_fits)}))
        written, _, error = said.partition(" then ")
        assert (int(written) <= 4 * MIB, error) == (True, "ENOSPC")
        assert text_of(client.call("greedy__echo", {"text": "still here"})) == "still here"
        assert gateway.server("greedy")["restarts"] == 0


def test_p11_with_its_own_disk_full_the_gateway_stays_up_says_so_and_recovers(tmp_path: Path, disk: SmallDisk) -> None:
    state = disk.folder / "state"
    elsewhere = {"MCP_GATEWAY_STATE": str(state)}
    with running_gateway(
        tmp_path, config=config(""), arguments=("--state-dir", str(state)), environment=elsewhere
    ) as gateway:
        gateway.state = state
        gateway.wait_ready("good")
        daemon, pid = gateway.pid(), gateway.server("good")["pid"]
        disk.fill(daemon)
        with Legacy(gateway.url, gateway.token) as client:
            for number in range(400):  # each leaves a row in the ledger
                assert text_of(client.call("good__echo", {"text": str(number)})) == str(number)
            wait_until(lambda: ready(gateway) == 503, within=60, what="it says that it cannot write")
            assert text_of(client.call("good__echo", {"text": "full"})) == "full"
            disk.free(daemon)
            wait_until(lambda: ready(gateway) == 200, within=90, what="it says that it can write again")
            assert text_of(client.call("good__echo", {"text": "again"})) == "again"
        assert (gateway.server("good")["pid"], gateway.server("good")["restarts"]) == (pid, 0)
        assert gateway.pid() == daemon
        told = gateway.log.read_text()
        assert "ledger_unavailable" in told
        assert "ledger_available_again" in told
        rows = gateway.cli("calls", "--limit", "1000")["calls"]
        assert len(rows) == 402  # what could not be written then is written now


def ready(gateway: Gateway) -> int:
    """The HTTP status of /readyz."""
    return httpx.get(f"http://127.0.0.1:{gateway.port}/readyz", timeout=10).status_code
