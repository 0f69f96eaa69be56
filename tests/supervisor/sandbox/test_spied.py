"""What a spy finds out at each level: a real server, real canaries, and exactly what it may and may not do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model import SandboxPolicy
from gateway.supervisor.sandbox import machine
from tests.supervisor.running import SERVERS, call, row
from tests.supervisor.sandbox.confined import CANARY, SECRET_FILES, Site, build, confined, installed, look

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

LEVELS = ("landlock", "bwrap")
NODE = shutil.which("node") or "node"
ENVIRONMENT_CANARY = {"API_KEY": "${secret:API_KEY}"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return build(tmp_path)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on which somebody of this machine listens: for the server, that may be the gateway."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def abstract() -> Iterator[str]:
    """A local socket without a file."""
    name = f"spied-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"\0{name}")
        server.listen()
        yield name


def kept(found: dict[str, str]) -> set[str]:
    """What could be done although it must not be."""
    return {item for item, how in found.items() if how == "done"}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", [(sys.executable, "spy.py"), (NODE, "spy.mjs")], ids=["python", "node"])
async def test_no_canary_can_be_read_and_nothing_but_its_own_folder_be_changed(
    site: Site, level: str, program: tuple[str, str]
) -> None:
    secret = [str(site.root / name) for name in SECRET_FILES]
    own, package = str(site.data() / "mine"), site.content
    strange = ["/usr/lib/spied", "/etc/spied", str(site.root / "spied"), str(site.data("other") / "spied")]
    argv = (program[0], str(package / program[1]))
    async with confined(site, installed(site, *argv, policy=SandboxPolicy(level))) as (supervisor, _):
        found = await look(
            supervisor,
            read=[*secret, str(package / program[1]), "/etc/hostname"],
            write=[own, f"{own}.tmp", str(package / program[1]), str(package / "new"), *strange],
        )
        assert row(supervisor, "spy")["sandbox"]["level"] == level
    assert kept(found["read"]) == {json.dumps(str(package / program[1])), '"/etc/hostname"'}
    # bwrap gives it a /tmp of its own, in which it may do what it likes: nobody else sees that.
    in_own_tmp = {json.dumps(strange[2])} if level == "bwrap" else set()
    assert kept(found["write"]) == {json.dumps(own), json.dumps(f"{own}.tmp")} | in_own_tmp
    assert Path(own).read_text() == "spied\n"
    assert [Path(name).exists() for name in strange] == [False] * len(strange)


async def test_without_a_sandbox_all_of_that_is_possible(site: Site) -> None:
    secret = [str(site.root / name) for name in SECRET_FILES]
    async with confined(site, installed(site, policy=SandboxPolicy("none"))) as (supervisor, _):
        found = await look(supervisor, read=secret, write=[str(site.content / "new")], kill=[os.getpid()])
    assert [kept(tried) for tried in found.values()] == [
        {*map(json.dumps, secret)},
        {*found["write"]},
        {*found["kill"]},
    ]


@pytest.mark.parametrize("level", LEVELS)
async def test_no_other_environment_can_be_read(site: Site, level: str) -> None:
    os.environ["GATEWAYS_OWN"] = f"ours-{CANARY}"
    spy = installed(site, policy=SandboxPolicy(level), env={"OF_ITS_OWN": "seen"})
    other = installed(site, name="other", policy=SandboxPolicy("none"), env=ENVIRONMENT_CANARY)
    try:
        async with confined(site, spy, other, secrets={"API_KEY": CANARY}) as (supervisor, heard):
            await heard.state("other", "ready")
            seen = json.loads(await call(supervisor, "spy", "environments"))
            process_one = await look(supervisor, read=["/proc/1/environ", f"/proc/{os.getpid()}/environ"])
            seen_without = json.loads(await call(supervisor, "other", "environments"))
    finally:
        del os.environ["GATEWAYS_OWN"]
    assert any("OF_ITS_OWN=seen" in text for text in seen.values())
    assert [pid for pid, text in seen.items() if CANARY in text] == []
    # Of bwrap's process 1 it sees its own environment; of ours nothing.
    assert kept(process_one["read"]) == ({'"/proc/1/environ"'} if level == "bwrap" else set())
    assert any(CANARY in text for text in seen_without.values()), "the test would not notice a canary"


@pytest.mark.parametrize("level", LEVELS)
async def test_nobody_outside_can_be_signalled_or_traced(site: Site, level: str) -> None:
    spies = [installed(site, policy=SandboxPolicy(level)), installed(site, name="other", policy=SandboxPolicy(level))]
    async with confined(site, *spies) as (supervisor, heard):
        await heard.state("other", "ready")
        victims = [os.getpid(), os.getppid(), row(supervisor, "other")["pid"]]
        found = await look(supervisor, kill=victims, ptrace=victims)
    assert [kept(tried) for tried in found.values()] == [set(), set()]


@pytest.mark.parametrize("level", LEVELS)
async def test_it_has_the_network_but_no_local_sockets_without_a_file(
    site: Site, level: str, listener: int, abstract: str
) -> None:
    async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, _):
        found = await look(supervisor, connect=[["tcp", "127.0.0.1", listener]], abstract=[abstract])
        assert row(supervisor, "spy")["sandbox"]["network"] == "host"
    assert [list(tried.values()) for tried in found.values()] == [
        ["done"],
        ["EPERM" if level == "landlock" else found["abstract"][json.dumps(abstract)]],
    ]
    assert kept(found["abstract"]) == set()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", [(sys.executable, "spy.py"), (NODE, "spy.mjs")], ids=["python", "node"])
async def test_without_a_network_it_reaches_nobody(
    site: Site, level: str, listener: int, program: tuple[str, str]
) -> None:
    ways = [["tcp", "127.0.0.1", listener], ["tcp", "192.0.2.1", 80]]
    if program[0] != NODE:
        ways += [["tcp6", "::1", listener], ["udp", "127.0.0.1", listener], ["udp", "192.0.2.1", 53]]
        ways += [["packet", "", 0], ["vsock", "", 0]]
    argv = (program[0], str(site.content / program[1]))
    policy = SandboxPolicy(level, network="none")
    async with confined(site, installed(site, *argv, policy=policy)) as (supervisor, _):
        found = await look(supervisor, connect=ways)
        assert row(supervisor, "spy")["sandbox"]["network"] == "none"
    reached = kept(found["connect"])
    # In a network of its own it may talk to itself: a datagram to nobody is no error there.
    assert reached <= ({json.dumps(["udp", "127.0.0.1", listener])} if level == "bwrap" else set())


@pytest.mark.parametrize("level", LEVELS)
async def test_it_has_no_powers_of_root_and_can_gain_none(site: Site, level: str) -> None:
    async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, _):
        about = json.loads(await call(supervisor, "spy", "myself"))
        found = await look(supervisor, read=["/etc/shadow", "/dev/mem", "/proc/kcore"], list=["/var/log"])
    assert (about["capabilities"], about["no_new_privileges"]) == (0, True)
    assert [kept(tried) for tried in found.values()] == [set(), set()]


@pytest.mark.parametrize("level", LEVELS)
async def test_its_environment_is_exactly_its_own_and_its_places_are_its_own(site: Site, level: str) -> None:
    spec = installed(site, policy=SandboxPolicy(level), env={"OF_ITS_OWN": "1"})
    async with confined(site, spec) as (supervisor, _):
        about = json.loads(await call(supervisor, "spy", "myself"))
    data = str(site.data())
    environment = {key: value for key, value in about["environment"].items() if key not in {"LC_CTYPE", "PWD"}}
    assert {key: value for key, value in environment.items() if key.startswith("MCP_GATEWAY") is False} == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OF_ITS_OWN": "1",
        "HOME": data,
        **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), f"{data}/tmp"),
    }
    assert about["cwd"] == data


@pytest.mark.parametrize("level", LEVELS)
async def test_a_native_program_runs_confined(site: Site, level: str) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is missing: install the package `build-essential`"
    program = site.content / "binary"
    os.spawnv(os.P_WAIT, compiler, [compiler, "-O1", "-o", str(program), str(SERVERS / "binary.c")])
    spec = installed(site, str(program), policy=SandboxPolicy(level), env={"GREETING": "confined"})
    async with confined(site, spec) as (supervisor, _):
        assert await call(supervisor, "spy", "greet") == "confined"


@pytest.mark.parametrize("level", LEVELS)
async def test_a_bundle_with_an_environment_of_its_own_runs_confined(site: Site, level: str) -> None:
    venv.create(site.content / "venv", symlinks=True)
    files = site.content / "files"
    files.mkdir()
    shutil.move(site.content / "spy.py", files / "main.py")
    shutil.move(site.content / "speaking.py", files / "speaking.py")
    argv = (str(site.content / "venv" / "bin" / "python"), str(files / "main.py"))
    spec = installed(site, *argv, from_="mcpb:bundle", cwd=str(files), policy=SandboxPolicy(level))
    async with confined(site, spec) as (supervisor, _):
        about = json.loads(await call(supervisor, "spy", "myself"))
        found = await look(supervisor, write=[str(files / "new")], read=[str(site.state / "token")])
    assert about["cwd"] == str(files)
    assert [kept(tried) for tried in found.values()] == [set(), set()]


@pytest.mark.parametrize(("level", "reached"), [("landlock", "done"), ("bwrap", "ENOENT")])
async def test_a_socket_with_a_file_is_what_landlock_leaves_open(site: Site, level: str, reached: str) -> None:
    """The documentation says so: closing it takes a right that the kernel has learned only lately."""
    path = site.root / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, _):
            found = await look(supervisor, local=[str(path)])
    assert list(found["local"].values()) == [reached]


@pytest.mark.parametrize(("level", "reached"), [("landlock", "EAFNOSUPPORT"), ("bwrap", "ENOENT")])
async def test_without_a_network_a_socket_with_a_file_is_out_of_reach(site: Site, level: str, reached: str) -> None:
    path = site.root / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        async with confined(site, installed(site, policy=SandboxPolicy(level, network="none"))) as (supervisor, _):
            found = await look(supervisor, local=[str(path)])
    assert list(found["local"].values()) == [reached]


@pytest.mark.parametrize("level", LEVELS)
async def test_the_machines_settings_cannot_be_changed_not_even_by_root(site: Site, level: str) -> None:
    """What is written is what stands there already: the machine is the same whether this is refused or not."""
    settings = ["/proc/sys/vm/swappiness", "/proc/sys/kernel/pid_max", "/proc/sys/kernel/core_pattern"]
    async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, _):
        found = await look(supervisor, same=settings, list=["/proc/self/fd"])
    assert set(found["same"].values()) <= {"EROFS", "EACCES"}
    assert list(found["list"].values()) == ["done"]


@pytest.mark.parametrize("level", LEVELS)
async def test_what_only_its_owner_may_read_among_the_systems_files_is_hidden(
    site: Site, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opt = tmp_path / "opt"
    opt.mkdir()
    (opt / "app").mkdir(mode=0o700)
    (opt / "app" / "env").write_text(CANARY)
    (opt / "readme").write_text("for all")
    monkeypatch.setattr(machine, "SYSTEM", (*machine.SYSTEM, str(opt)))
    monkeypatch.setattr(machine.private_settings, "__defaults__", ({**machine.PRIVATE_IN, str(opt): 3},))
    secret = str(opt / "app" / "env")
    async with confined(site, installed(site, policy=SandboxPolicy(level))) as (supervisor, _):
        found = await look(supervisor, read=[secret, str(opt / "readme")])
    assert kept(found["read"]) == {json.dumps(str(opt / "readme"))}
    policy = SandboxPolicy(level, read_only_paths=(str(opt / "app"),))
    async with confined(site, installed(site, policy=policy)) as (supervisor, _):
        found = await look(supervisor, read=[secret])
    assert kept(found["read"]) == {json.dumps(secret)}


@pytest.mark.parametrize("level", LEVELS)
async def test_a_publishers_own_argument_opens_nothing(site: Site, level: str) -> None:
    private = site.root / "home" / ".ssh"
    argv = (sys.executable, str(site.content / "spy.py"), str(private), "/")
    async with confined(site, installed(site, *argv, policy=SandboxPolicy(level))) as (supervisor, _):
        found = await look(
            supervisor, read=[str(private / "id_ed25519")], write=[str(private / "authorized_keys"), "/root/spied"]
        )
        assert row(supervisor, "spy")["sandbox"]["given"] == []
    assert [kept(tried) for tried in found.values()] == [set(), set()]
