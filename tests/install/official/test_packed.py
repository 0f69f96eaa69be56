"""One bundle of each kind, packed by the official tool: it installs, runs and answers a call."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.install.official.packer import official, pack
from tests.install.site import workshop
from tests.install.speaking import call
from tests.standins.bundles import manifest

pytestmark = [pytest.mark.process, pytest.mark.network, pytest.mark.timeout(300)]

SOURCES = Path(__file__).parents[2]
NOTES = SOURCES / "standins" / "bundled" / "notes.py"
ECHO = SOURCES / "standins" / "bundled" / "echo.js"
BINARY = SOURCES / "servers" / "binary.c"
SECRET = {"apiKey": "canary"}


def text_of(result: Any) -> str:
    return str(result["content"][0]["text"])


def node_archive(folder: Path) -> Path:
    found = manifest("echo", "node", "index.js", [{"name": "echo", "description": "Says the text back"}])
    return pack(folder / "echo", found, {"server/index.js": ECHO.read_bytes()})


async def test_a_node_bundle_answers_a_call(tmp_path: Path) -> None:
    archive = node_archive(tmp_path)
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}", secrets=SECRET, settings={"units": "us"})
    launch = result.spec.launch
    assert text_of(call(launch, "echo", {"text": "hello"}, SECRET)) == "hello"
    assert json.loads(text_of(call(launch, "settings", {}, SECRET)))["units"] == "us"


async def test_a_python_bundle_answers_a_call(tmp_path: Path) -> None:
    found = manifest("notes", "python", "main.py", [{"name": "add_note", "description": "Keeps a note"}])
    archive = pack(tmp_path / "notes", found, {"server/main.py": NOTES.read_bytes()})
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}", secrets=SECRET)
    assert text_of(call(result.spec.launch, "add_note", {"text": "x"}, SECRET)) == "1 notes"


async def test_a_uv_bundle_answers_a_call_with_its_dependencies_beside_it(tmp_path: Path) -> None:
    found = manifest("notes", "uv", "main.py", [{"name": "add_note", "description": "Keeps a note"}])
    found["manifest_version"] = "0.4"
    found["server"]["entry_point"] = "src/main.py"
    found["server"]["mcp_config"] |= {"command": "uv", "args": ["run", "--directory", "${__dirname}", "src/main.py"]}
    pyproject = (
        b'[project]\nname = "notes"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["six==1.16.0"]\n'
    )
    source = NOTES.read_text("utf-8").replace("import sys\n", "import sys\nimport six\n").encode()
    archive = pack(tmp_path / "notes", found, {"src/main.py": source, "pyproject.toml": pyproject})
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}", secrets=SECRET)
    assert b"import six" in (tmp_path / "notes/src/main.py").read_bytes()
    assert text_of(call(result.spec.launch, "add_note", {"text": "x"}, SECRET)) == "1 notes"


async def test_a_binary_bundle_answers_a_call(tmp_path: Path) -> None:
    program = tmp_path / "greeter"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", str(program), str(BINARY)], check=True, timeout=60)
    found = manifest("greeter", "node", "greeter", [{"name": "greet", "description": "Says the greeting"}])
    found["server"] |= {"type": "binary", "mcp_config": {
        "command": "${__dirname}/server/greeter", "env": {"GREETING": "${user_config.greeting}"},
    }}  # fmt: skip
    found["user_config"] = {"greeting": {"type": "string", "title": "Greeting", "description": "What to say"}}
    archive = pack(tmp_path / "bundle", found, {"server/greeter": program.read_bytes()}, ("server/greeter",))
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}", settings={"greeting": "good day"})
    assert text_of(call(result.spec.launch, "greet", {})) == "good day"


async def test_a_bundle_that_the_official_tool_signed_installs_and_says_that_nobody_verified_it(tmp_path: Path) -> None:
    archive = node_archive(tmp_path)
    official("sign", "--self-signed", "--cert", str(tmp_path / "c.pem"), "--key", str(tmp_path / "k.pem"), str(archive))
    assert archive.read_bytes().endswith(b"MCPB_SIG_END")
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(f"mcpb:{archive}", secrets=SECRET)
    assert "signature" in " ".join(result.warnings)
    assert text_of(call(result.spec.launch, "echo", {"text": "hello"}, SECRET)) == "hello"
