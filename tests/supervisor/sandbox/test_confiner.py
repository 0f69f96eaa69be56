"""How starts are prepared, and what `status` shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SpawnFailed
from gateway.model import Origin, RemoteLaunch, SandboxPolicy, ServerName, ServerSpec, StdioLaunch
from gateway.supervisor.processes.orders import Orders, Prepared
from gateway.supervisor.processes.seccomp import AF_UNIX, OF_A_NETWORK_OF_ITS_OWN
from gateway.supervisor.sandbox.confiner import Confiner
from gateway.supervisor.sandbox.deciding import Host
from tests.supervisor.running import call, row
from tests.supervisor.sandbox.confined import Site, build, confined, installed, look, without_bwrap
from tests.supervisor.sandbox.hosts import host, no

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return build(tmp_path)


def confiner(site: Site, machine: Host, *, is_container: bool = False) -> Confiner:
    async def probe() -> Host:
        return machine

    return Confiner(site.layout, is_container=lambda _: is_container, probe=probe)


async def prepare(confine: Confiner, spec: ServerSpec) -> Prepared:
    launch = spec.launch
    assert isinstance(launch, StdioLaunch)
    return await confine(spec, launch.argv, launch.env, launch.cwd)


async def test_namespaces_start_the_program_by_bwrap(site: Site) -> None:
    spec = installed(site, "/bin/sh", str(site.content / "run"))
    found = await prepare(confiner(site, host()), spec)
    assert found.argv[0] == "/usr/bin/bwrap"
    assert found.argv[-2:] == ("/bin/sh", str(site.content / "run"))
    assert (found.is_wrapped, found.orders.no_network, found.cwd) == (True, False, str(site.data()))
    assert found.orders.landlock is not None
    assert not found.orders.landlock.files


async def test_landlock_starts_the_program_itself_with_orders(site: Site) -> None:
    found = await prepare(confiner(site, host(bwrap=no())), installed(site, "/bin/sh", "-c", "true"))
    assert (found.argv, found.is_wrapped) == (("/bin/sh", "-c", "true"), False)
    assert found.orders.landlock is not None
    assert str(site.data()) in found.orders.landlock.write
    assert found.env["TMP"] == f"{site.data()}/tmp"


@pytest.mark.parametrize(
    ("machine", "filtered", "families", "unshared"),
    [
        (host(), True, OF_A_NETWORK_OF_ITS_OWN, True),
        (host(filters=no()), False, OF_A_NETWORK_OF_ITS_OWN, True),
        (host(namespaces=("ipc",)), True, (AF_UNIX,), False),
        (host(bwrap=no()), True, (), False),
    ],
)
async def test_a_network_is_taken_away_by_whatever_can(
    site: Site, machine: Host, filtered: bool, families: tuple[int, ...], unshared: bool
) -> None:
    spec = installed(site, "/bin/sh", policy=SandboxPolicy(network="none"))
    found = await prepare(confiner(site, machine), spec)
    assert (found.orders.no_network, "--unshare-net" in found.argv) == (filtered, unshared)
    assert found.orders.families == families


async def test_nothing_is_changed_where_nothing_confines(site: Site) -> None:
    machine = host(bwrap=no(), landlock=no())
    spec = installed(site, "/bin/sh")
    assert await prepare(confiner(site, machine), spec) == Prepared(("/bin/sh",))
    assert await prepare(confiner(site, host(), is_container=True), spec) == Prepared(("/bin/sh",))
    own = installed(site, "/bin/sh", from_="command")
    assert await prepare(confiner(site, host()), own) == Prepared(("/bin/sh",), Orders())


async def test_what_cannot_be_had_fails_the_start_with_a_fix(site: Site) -> None:
    spec = installed(site, "/bin/sh", policy=SandboxPolicy("bwrap"))
    confine = confiner(site, host(bwrap=no("it is not installed", "apt install bubblewrap")))
    with pytest.raises(SpawnFailed) as caught:
        await prepare(confine, spec)
    assert caught.value.message == "spy cannot start: the level bwrap cannot be had here: it is not installed"
    assert caught.value.fix == "apt install bubblewrap"
    told = confine.row(spec)
    assert told is not None
    assert (told["level"], "not installed" in told["why"]) == (None, True)


async def test_a_program_that_is_missing_is_told_as_ever(site: Site) -> None:
    with pytest.raises(SpawnFailed, match="no-such-program is not installed"):
        await prepare(confiner(site, host()), installed(site, "no-such-program"))


async def test_an_own_folder_that_cannot_be_made_fails_the_start(site: Site) -> None:
    spec = installed(site, "/bin/sh", from_="command", policy=SandboxPolicy("landlock"))
    (site.state / "data" / "spy").write_text("a file is in the way")
    with pytest.raises(SpawnFailed, match="its own folder cannot be made"):
        await prepare(confiner(site, host()), spec)


async def test_the_machine_is_looked_at_once_and_again_when_bwrap_appears(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def probe() -> Host:
        asked.append(1)
        return host(bwrap=no())

    confine = Confiner(site.layout, is_container=lambda _: False, probe=probe)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for _ in range(3):
        await confine.host()
    assert len(asked) == 1
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    await confine.host()
    assert len(asked) == 2


async def test_the_row_tells_level_reason_gifts_and_notes(site: Site, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    words = (str(tmp_path / "files"), str(site.state))
    spec = installed(site, "/bin/sh", *words, granted=words)
    confine = confiner(site, host())
    assert confine.row(spec) is None
    await prepare(confine, spec)
    assert confine.row(spec) == {
        "level": "bwrap",
        "network": "host",
        "why": "namespaces of its own",
        "given": [str(tmp_path / "files")],
        "notes": [f"{site.state} is the gateway's own and is not given"],
    }


async def test_the_row_of_a_server_elsewhere_says_so(site: Site) -> None:
    confine = confiner(site, host())
    await confine.host()
    told = confine.row(ServerSpec(ServerName("far"), "url", Origin.CONFIG, RemoteLaunch("https://example.com/mcp")))
    assert told is not None
    assert (told["level"], told["why"]) == ("none", "it runs elsewhere")


@pytest.mark.process
async def test_auto_takes_landlock_where_bwrap_is_missing(site: Site) -> None:
    async with confined(site, installed(site), host=await without_bwrap()) as (supervisor, _):
        found = await look(supervisor, read=[str(site.state / "token")])
        told = row(supervisor, "spy")["sandbox"]
    assert told["level"] == "landlock"
    assert told["why"].startswith("bwrap: it is not installed")
    assert list(found["read"].values()) == ["EACCES"]


@pytest.mark.process
@pytest.mark.parametrize("level", ["landlock", "bwrap"])
async def test_a_folder_around_the_state_is_given_but_for_the_state(site: Site, level: str) -> None:
    home = site.root / "home"
    (home / "mine").write_text("mine")
    spec = installed(site, policy=SandboxPolicy(level, read_write_paths=(str(site.root),)))
    hidden = [site.state / "token", site.data("other") / "notes", site.root / "etc" / "config.toml"]
    async with confined(site, spec) as (supervisor, _):
        found = await look(supervisor, read=[str(home / "mine"), *map(str, hidden)], write=[str(home / "new")])
        about = row(supervisor, "spy")["sandbox"]
    assert [how == "done" for how in found["read"].values()] == [True, False, False, False]
    assert list(found["write"].values()) == ["done"]
    assert about["given"] == [str(site.root)]


@pytest.mark.process
@pytest.mark.parametrize("level", ["landlock", "bwrap"])
async def test_a_command_of_ones_own_runs_confined_when_that_is_asked_for(site: Site, level: str) -> None:
    script, home = site.root / "code" / "spy.py", site.layout.ours["HOME"]
    script.parent.mkdir()
    for name in ("spy.py", "speaking.py"):
        (script.parent / name).write_bytes((site.content / name).read_bytes())
    launch = installed(site).launch
    assert isinstance(launch, StdioLaunch)
    argv = (launch.argv[0], str(script))
    spec = installed(site, *argv, from_="command", policy=SandboxPolicy(level), env={"HOME": home})
    async with confined(site, spec) as (supervisor, _):
        found = await look(supervisor, read=[argv[1], f"{home}/.ssh/id_ed25519"], write=[argv[1], f"{site.data()}/x"])
        about = await call(supervisor, "spy", "myself")
    assert [how == "done" for how in found["read"].values()] == [True, False]
    assert [how == "done" for how in found["write"].values()] == [False, True]
    assert f'"HOME": "{site.data()}"' in about
