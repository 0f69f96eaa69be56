"""Bundles, from a file or an address to a server that answers."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import SettingsError
from gateway.listing import BundleConnection
from gateway.model import Source, StdioLaunch
from tests.install.site import workshop
from tests.install.speaking import speak
from tests.install.values import listing
from tests.install.zips import EXE, NODE_SERVER, PYTHON_SERVER, manifest, write_bundle, write_zip
from tests.net.web import Page, serving

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

OPTIONS: dict[str, Any] = {
    "apiKey": {"type": "string", "title": "API key", "sensitive": True, "required": True},
    "dirs": {"type": "directory", "multiple": True, "default": ["${HOME}/inbox"]},
    "loud": {"type": "boolean", "default": False},
}
CONFIG = {
    "args": ["${__dirname}/server/index.js", "${user_config.dirs}", "--loud=${user_config.loud}"],
    "env": {"API_KEY": "${user_config.apiKey}"},
}


def node_bundle(folder: Path, **more: Any) -> Path:
    found = manifest(mcp_config=CONFIG, user_config=OPTIONS, **more)
    return write_bundle(folder / "echo.mcpb", found, {"server/index.js": NODE_SERVER})


async def test_a_node_bundle_is_installed_and_answers_with_exactly_its_environment(tmp_path: Path) -> None:
    archive = node_bundle(tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    async with workshop(tmp_path / "state") as shop:
        given = {"dirs": f"{one},{two}"}
        result = await shop.install(f"mcpb:{archive}", settings=given, secrets={"apiKey": "canary"})
        initialized, listed = speak(result.spec.launch, shop.installer.secrets.get("thing"))
    assert initialized["serverInfo"]["name"] == "node-echo"
    assert listed["seen"]["argv"] == [str(one), str(two), "--loud=false"]
    assert set(listed["seen"]["env"]) == {"PATH", "HOME", "LANG", "TMPDIR", "API_KEY"}
    assert listed["seen"]["env"]["API_KEY"] == "canary"
    assert listed["seen"]["env"]["HOME"] == str(tmp_path / "state/data/thing")
    assert (result.version, result.files) == ("1.2.3", hashlib.sha256(archive.read_bytes()).hexdigest())


async def test_a_sensitive_value_given_in_the_open_ends_in_the_secret_store_and_nowhere_else(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{node_bundle(tmp_path)}", settings={"apiKey": "canary-value"})
        assert dict(shop.installer.secrets.get("thing")) == {"apiKey": "canary-value"}
    assert (result.settings, result.secret_keys) == ({}, ("apiKey",))
    holders = [
        path for path in (tmp_path / "state").rglob("*") if path.is_file() and b"canary-value" in path.read_bytes()
    ]
    assert holders == [tmp_path / "state/secrets/thing/apiKey"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    assert "canary-value" not in repr(result) + json.dumps(shop.told)


async def test_a_default_folder_lies_in_the_servers_own_home(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{node_bundle(tmp_path)}", secrets={"apiKey": "x"})
    assert result.spec.launch.argv[2] == str(tmp_path / "state/data/thing/inbox")  # type: ignore[union-attr]
    assert (tmp_path / "state/data/thing/inbox").is_dir()


@pytest.mark.parametrize("given", ["relative/folder", "/nowhere/at/all", "~/x"])
async def test_a_folder_that_is_not_there_is_named_by_its_title_before_anything_is_unpacked(
    tmp_path: Path, given: str
) -> None:
    found = manifest(user_config={"d": {"type": "directory", "title": "Notes folder", "required": True}})
    archive = write_bundle(tmp_path / "b.mcpb", found, {"server/index.js": NODE_SERVER})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(SettingsError, match="'Notes folder'"):
            await shop.install(f"mcpb:{archive}", settings={"d": given})
    assert list((tmp_path / "state/content").iterdir()) == []


async def test_a_missing_required_value_is_named_by_its_title_and_nothing_is_left(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(SettingsError, match="'API key'") as caught:
            await shop.install(f"mcpb:{node_bundle(tmp_path)}")
    assert caught.value.missing_secrets == ("apiKey",)
    assert list((tmp_path / "state/content").iterdir()) == []


async def test_a_python_bundle_with_its_own_libraries_answers(tmp_path: Path) -> None:
    found = manifest("python", "src/main.py", mcp_config={"env": {"PYTHONPATH": "${__dirname}/lib"}})
    files = {"src/main.py": "import vendored\n" + PYTHON_SERVER, "lib/vendored.py": ""}
    archive = write_bundle(tmp_path / "py.mcpb", found, files)
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}")
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"


async def test_a_binary_bundle_answers(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        assert shop.machine.python is not None
        program = f"#!{shop.machine.python.path}\n{PYTHON_SERVER}"
        archive = write_bundle(
            tmp_path / "b.mcpb", manifest("binary", "bin/echo"), {"bin/echo": program}, {"bin/echo": EXE}
        )
        result = await shop.install(f"mcpb:{archive}")
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"


async def test_a_program_whose_zip_lost_its_mode_is_executable_all_the_same(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        assert shop.machine.python is not None
        program = f"#!{shop.machine.python.path}\n{PYTHON_SERVER}"
        archive = write_bundle(tmp_path / "b.mcpb", manifest("binary", "bin/echo"), {"bin/echo": program})
        result = await shop.install(f"mcpb:{archive}")
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (b"MZ" + bytes(100), "for win32"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), "for darwin"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x16\x00" + bytes(60), "for s390x"),
        (b"just text", "not a program"),
    ],
)
async def test_a_program_of_another_machine_is_refused_with_the_reason(
    tmp_path: Path, program: bytes, says: str
) -> None:
    archive = write_bundle(tmp_path / "b.mcpb", manifest("binary", "bin/echo"), {"bin/echo": program})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match=says) as caught:
            await shop.install(f"mcpb:{archive}")
    assert caught.value.fix
    assert list((tmp_path / "state/content").iterdir()) == []


async def test_a_uv_bundle_without_dependencies_answers(tmp_path: Path) -> None:
    files = {"src/s.py": PYTHON_SERVER, "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = []\n'}
    archive = write_bundle(tmp_path / "u.mcpb", manifest("uv", "src/s.py", manifest_version="0.4"), files)
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}")
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"
    assert result.files != result.sha256


async def test_a_uv_bundle_finds_its_own_package_and_a_second_name_makes_no_second_environment(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "x"\nversion = "1"\n[project.scripts]\nsrv = "own.main:main"\n'
    files = {
        "pyproject.toml": pyproject,
        "src/own/__init__.py": "",
        "src/own/main.py": "def main():\n" + "".join(f"    {line}\n" for line in PYTHON_SERVER.splitlines()),
    }
    found = manifest("uv", "src/own/main.py", mcp_config={"args": ["run", "srv", "--fast"]}, manifest_version="0.4")
    archive = write_bundle(tmp_path / "u.mcpb", found, files)
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}")
        initialized, listed = speak(result.spec.launch)
        shop.told.clear()
        again = await shop.install(f"mcpb:{archive}", "other")
    assert (initialized["serverInfo"]["name"], listed["seen"]["argv"]) == ("py", ["--fast"])
    assert (again.files, "venv" in shop.steps, "reuse" in shop.steps) == (result.files, False, True)


@pytest.mark.network
async def test_a_uv_bundle_gets_the_versions_of_its_own_lock_and_only_its_files(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n'
    wheel = "sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    lock = (
        'version = 1\n[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'
        '[[package]]\nname = "six"\nversion = "1.16.0"\nsource = { registry = "https://pypi.org/simple" }\n'
        f'wheels = [{{ hash = "{wheel}" }}]\n'
    )
    server = "import six\nassert six.__version__ == '1.16.0'\n" + PYTHON_SERVER
    files = {"s.py": server, "pyproject.toml": pyproject, "uv.lock": lock}
    found = manifest("uv", "s.py", manifest_version="0.4")
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{write_bundle(tmp_path / 'u.mcpb', found, files)}")
        assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"
        evil = {**files, "uv.lock": lock.replace("8abb", "dead")}
        with pytest.raises(RefusedByPolicy, match="other files of six"):
            await shop.install(f"mcpb:{write_bundle(tmp_path / 'evil.mcpb', found, evil)}", "evil")


@pytest.mark.network
async def test_a_uv_bundle_gets_its_dependencies_as_wheels(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "x"\nversion = "1"\ndependencies = ["six==1.16.0"]\n'
    files = {"s.py": "import six\n" + PYTHON_SERVER, "pyproject.toml": pyproject}
    archive = write_bundle(tmp_path / "u.mcpb", manifest("uv", "s.py", manifest_version="0.4"), files)
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}")
    assert speak(result.spec.launch)[0]["serverInfo"]["name"] == "py"


async def test_a_listed_bundle_is_fetched_with_the_registrys_token_and_the_listings_settings(tmp_path: Path) -> None:
    archive = node_bundle(tmp_path).read_bytes()
    schema = {"required": ["apiKey"], "properties": {"apiKey": {"type": "string"}, "gone": {"default": "x"}}}
    with serving({"/servers/acme%2Fecho/download": Page(body=archive)}) as web:
        connection = BundleConnection(
            url=f"{web.url}/servers/acme%2Fecho/download", runtime="node", config_schema=schema, authorize=True
        )
        target = listing(connection, source=Source.SMITHERY, name="acme/echo", description="Echoes")
        tokens = {web.url: {"Authorization": "Bearer k"}}
        async with workshop(tmp_path / "state", trusted=(web.url,), tokens=tokens) as shop:
            rules = Rules(trusted_origins=(web.url,))
            result = await shop.install(target, "echo", settings={"apiKey": "s"}, rules=rules)
        assert web.seen[0][1]["authorization"] == "Bearer k"
    assert (result.from_ref, result.spec.description) == ("smithery:acme/echo", "Echoes")
    assert speak(result.spec.launch, {"apiKey": "s"})[0]["serverInfo"]["name"] == "node-echo"  # the registry is gone


async def test_a_bundle_of_another_hash_is_refused(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="another content"):
            await shop.install(f"mcpb:{node_bundle(tmp_path)}#sha256={'0' * 64}", secrets={"apiKey": "x"})


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="cannot be read"):
            await shop.install(f"mcpb:{tmp_path}/none.mcpb")


async def test_a_bundle_whose_program_is_missing_fails_at_install_and_not_at_start(tmp_path: Path) -> None:
    archive = write_bundle(tmp_path / "b.mcpb", manifest(), {"other.js": ""})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match=r"'server/index\.js' is missing"):
            await shop.install(f"mcpb:{archive}")


async def test_a_bundle_for_other_platforms_is_refused_with_the_reason(tmp_path: Path) -> None:
    found = manifest(compatibility={"platforms": ["darwin"]})
    archive = write_bundle(tmp_path / "b.mcpb", found, {"server/index.js": ""})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="made for darwin"):
            await shop.install(f"mcpb:{archive}")


async def test_a_node_bundle_on_a_machine_without_node_is_refused_with_the_reason(tmp_path: Path) -> None:
    archive = write_bundle(tmp_path / "b.mcpb", manifest(), {"server/index.js": ""})
    async with workshop(tmp_path / "state") as shop:
        shop.installer._machine = replace(shop.machine, node=None)
        with pytest.raises(InstallError, match=r"needs Node\.js"):
            await shop.install(f"mcpb:{archive}")


async def test_an_attacking_bundle_leaves_the_installed_one_as_it_was(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        good = await shop.install(f"mcpb:{node_bundle(tmp_path)}", secrets={"apiKey": "x"})
        files = {"manifest.json": json.dumps(manifest()), "server/index.js": "", "../../evil.txt": "x"}
        with pytest.raises(InstallError, match="climbs out"):
            await shop.install(f"mcpb:{write_zip(tmp_path / 'evil.mcpb', files)}")
        assert good.files is not None
        assert (tmp_path / "state/servers/thing").resolve().name == good.files
    assert not list(tmp_path.rglob("evil.txt"))
    assert speak(good.spec.launch, {"apiKey": "x"})[0]["serverInfo"]["name"] == "node-echo"


async def test_a_bundle_that_wants_npx_is_refused(tmp_path: Path) -> None:
    archive = write_bundle(tmp_path / "b.mcpb", manifest(mcp_config={"command": "npx", "args": ["-y", "x"]}), {})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(RefusedByPolicy, match="downloads code at every start"):
            await shop.install(f"mcpb:{archive}")


async def test_a_pipe_is_no_bundle_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mcpb")
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="is not a file"):
            await shop.install(f"mcpb:{tmp_path}/pipe.mcpb")


@pytest.mark.parametrize("name", ["x" * 5000 + ".js", "a/" * 2500 + "x.js"])
async def test_a_program_of_an_impossible_name_is_missing(tmp_path: Path, name: str) -> None:
    found = manifest(mcp_config={"command": "node", "args": ["${__dirname}/" + name]})
    archive = write_bundle(tmp_path / "echo.mcpb", found, {"server/index.js": NODE_SERVER})
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="is missing") as caught:
            await shop.install(f"mcpb:{archive}")
    assert caught.value.step == "program"


async def test_a_manifests_own_paths_grant_nothing_and_a_persons_do(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    config = {
        "args": ["${__dirname}/server/index.js", "/root/.ssh", "${user_config.dirs}"],
        "env": {"ROOT": "/", "TO": "${user_config.to}"},
    }
    options = {
        "dirs": {"type": "directory", "multiple": True, "default": ["/etc"]},
        "to": {"type": "directory", "default": "/var"},
    }
    made = manifest(mcp_config=config, user_config=options)
    archive = write_bundle(tmp_path / "echo.mcpb", made, {"server/index.js": NODE_SERVER})
    async with workshop(tmp_path / "state") as shop:
        defaults = await shop.install(f"mcpb:{archive}", "one")
        given = await shop.install(f"mcpb:{archive}", "two", settings={"dirs": [str(mine)]})
    for result, expected in ((defaults, ()), (given, (str(mine),))):
        launch = result.spec.launch
        assert isinstance(launch, StdioLaunch)
        assert (launch.granted, "/root/.ssh" in launch.argv) == (expected, True)
