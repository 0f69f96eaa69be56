"""Images, from a name to a server that answers; the engine is an imitation, the processes are real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.containers.docker import state_key
from gateway.install.installer import Fetched, Installer
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.model import ServerName, StdioLaunch
from tests.install.containers.world import DIGEST, IMAGE, DockerWorld
from tests.install.speaking import speak

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

NAME = ServerName("weather")
OTHER = "c" * 64


class NoNetwork:
    """Images are fetched by the engine."""

    async def fetch(self, url: str, **_: Any) -> str:
        raise AssertionError(url)


class Harbour:
    """An installer whose machine has the imitated docker."""

    def __init__(self, folder: Path) -> None:
        self.world = DockerWorld(folder / "docker")
        self.state = folder / "state"
        self.told: list[dict[str, Any]] = []
        self.installer = Installer(self.state, NoNetwork(), SystemClock(), environ=self.world.environ, timeout_s=60.0)

    async def fetch(self, reference: str, rules: Rules | None = None, **more: Any) -> Fetched:
        wish: dict[str, Any] = {"settings": {}, "rules": rules or Rules(), "now": SystemClock().wall()} | more
        machine = await self.installer.machine()
        plan = make_plan(parse_reference(reference), name=NAME, machine=machine, **wish)
        async with self.installer.working(NAME):
            return await self.installer.fetch(plan, self.told.append)


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def launch_of(fetched: Fetched) -> StdioLaunch:
    assert isinstance(fetched.result.spec.launch, StdioLaunch)
    return fetched.result.spec.launch


async def test_a_tag_is_pulled_pinned_by_its_digest_and_answers(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1.2.3")
    fetched = await harbour.fetch(f"oci:{IMAGE}:1.2.3")
    assert (fetched.result.sha256, fetched.result.version, fetched.result.files) == (DIGEST, "1.2.3", None)
    assert launch_of(fetched).argv[-1] == f"{IMAGE}@sha256:{DIGEST}"
    harbour.world.take_back()  # a start asks nobody
    initialized, listed = speak(launch_of(fetched))
    assert (initialized["serverInfo"]["name"], listed["tools"][0]["name"]) == ("contained", "look")
    assert harbour.world.words == ["pull", "image", "run"]


async def test_the_secrets_value_is_in_the_environment_of_the_client_and_on_no_command_line(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1.2.3")
    fetched = await harbour.fetch(f"oci:{IMAGE}:1.2.3", settings={"UNITS": "si"}, secrets={"ACME_KEY": "canary-value"})
    launch = launch_of(fetched)
    assert dict(fetched.secrets) == {"ACME_KEY": "canary-value"}
    speak(launch, {"ACME_KEY": "canary-value"})
    ran = harbour.world.log[-1]
    assert ran["argv"] == [*launch.argv[1:]]
    assert "canary-value" not in json.dumps([entry["argv"] for entry in harbour.world.log])
    assert ran["env"]["ACME_KEY"] == "canary-value"
    assert "canary-value" not in json.dumps([entry["env"] for entry in harbour.world.log[:-1]])
    assert set(ran["env"]) - {"LC_CTYPE"} == {
        "PATH", "HOME", "LANG", "TMPDIR", "DOCKER_CONFIG", "ACME_KEY", "UNITS",
    }  # fmt: skip


async def test_the_container_carries_the_names_of_its_server_and_its_state(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1.2.3")
    launch = launch_of(await harbour.fetch(f"oci:{IMAGE}:1.2.3"))
    assert f"--label=io.mcp-gateway.server={NAME}" in launch.argv
    assert f"--label=io.mcp-gateway.state={state_key(harbour.state)}" in launch.argv


async def test_a_pinned_image_that_is_here_is_not_pulled_again(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}@sha256:{DIGEST}")
    await harbour.fetch(f"oci:{IMAGE}@sha256:{DIGEST}")
    harbour.world.take_back()
    await harbour.fetch(f"oci:{IMAGE}@sha256:{DIGEST}")
    assert harbour.world.words == ["image", "pull", "image", "image"]


async def test_a_name_of_docker_hub_is_found_under_its_short_spelling(harbour: Harbour) -> None:
    harbour.world.offer("docker.io/acme/x:1", repository="acme/x")
    fetched = await harbour.fetch("oci:docker.io/acme/x:1")
    assert launch_of(fetched).argv[-1] == f"docker.io/acme/x@sha256:{DIGEST}"
    assert speak(launch_of(fetched))[0]["serverInfo"]["name"] == "contained"


async def test_another_image_than_the_named_digest_is_refused(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}@sha256:{OTHER}", digest=DIGEST)
    with pytest.raises(InstallError, match="another image") as caught:
        await harbour.fetch(f"oci:{IMAGE}@sha256:{OTHER}")
    assert caught.value.fix


async def test_an_image_without_a_digest_cannot_be_pinned(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1", RepoDigests=[])
    with pytest.raises(InstallError, match="cannot be pinned") as caught:
        await harbour.fetch(f"oci:{IMAGE}:1")
    assert caught.value.fix


async def test_an_image_that_is_not_there_is_told_with_dockers_last_words(harbour: Harbour) -> None:
    with pytest.raises(InstallError, match="pull failed") as caught:
        await harbour.fetch(f"oci:{IMAGE}:9.9.9")
    assert "not found" in caught.value.tail[-1]


@pytest.mark.parametrize("more", [{"Architecture": "s390x"}, {"Os": "windows"}])
async def test_an_image_of_another_platform_is_refused(harbour: Harbour, more: dict[str, str]) -> None:
    harbour.world.offer(f"{IMAGE}:1", **more)
    with pytest.raises(InstallError, match="is made for"):
        await harbour.fetch(f"oci:{IMAGE}:1")


async def test_an_image_that_says_itself_that_it_is_fresh_is_refused_or_recorded(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1", Created="2999-01-01T00:00:00.123456789Z")
    with pytest.raises(RefusedByPolicy) as caught:
        await harbour.fetch(f"oci:{IMAGE}:1")
    assert caught.value.code == "too_fresh"
    fetched = await harbour.fetch(f"oci:{IMAGE}:1", Rules(allow_fresh=True))
    assert "waived" in " ".join(fetched.result.warnings)


async def test_a_container_whose_client_was_killed_is_swept_and_those_of_others_are_not(harbour: Harbour) -> None:
    harbour.world.offer(f"{IMAGE}:1.2.3")
    launch = launch_of(await harbour.fetch(f"oci:{IMAGE}:1.2.3"))
    child = subprocess.Popen(launch.argv, env=launch.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    child.stdin.flush()
    assert child.stdout.readline()  # it runs
    child.kill()
    child.communicate()
    (left,) = harbour.world.containers
    foreign = harbour.world.folder / "containers" / "foreign"
    foreign.write_text(json.dumps({"labels": ["io.mcp-gateway.server=weather", "io.mcp-gateway.state=another"]}))
    assert await harbour.installer.sweep_containers(ServerName("else")) == 0
    assert left in harbour.world.containers
    assert await harbour.installer.sweep_containers() == 1
    assert set(harbour.world.containers) == {"foreign"}


async def test_without_an_engine_nothing_is_swept_and_nothing_fails(harbour: Harbour) -> None:
    (harbour.world.folder / "engine-is-down").touch()
    assert await harbour.installer.sweep_containers() == 0
    with pytest.raises(InstallError, match="does not answer"):
        await harbour.fetch(f"oci:{IMAGE}:1.2.3")
