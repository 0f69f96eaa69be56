"""The command as a process: what it imports, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.admin.fakes import ADMIN_TOKEN, FakeVerbs, running_admin

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
HEAVY = {"mcp", "httpx", "msgspec", "anyio", "rich", "sqlalchemy", "starlette", "structlog", "numpy", "torch", "psutil"}


def command(
    *arguments: str, environ: Mapping[str, str] | None = None, flags: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    done = subprocess.run(
        [sys.executable, *flags, "-m", "gateway", *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), **(environ or {})},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=25,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_help_and_status_import_nothing_heavy() -> None:
    with running_admin(FakeVerbs()) as url:
        environ = {"MCP_GATEWAY_URL": url, "MCP_GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
        said = [command(*line, environ=environ, flags=("-X", "importtime")) for line in (["--help"], ["status"])]

    for status, out, err in said:
        imported = {line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time")}
        assert (status, bool(out)) == (0, True)
        assert "gateway.cli.app" in imported
        assert imported & HEAVY == set()


def test_status_as_json_is_one_value() -> None:
    with running_admin(FakeVerbs()) as url:
        status, out, err = command(
            "status", "--json", environ={"MCP_GATEWAY_URL": url, "MCP_GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
        )

    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 1
    assert json.loads(out)["servers"][0]["name"] == "time"


@pytest.mark.parametrize(("arguments", "expected"), [(["nonsense"], 2), (["status"], 3), (["--version"], 0), ([], 2)])
def test_the_exit_status_reaches_the_shell(arguments: list[str], expected: int, tmp_path: Path) -> None:
    assert command(*arguments, environ={"MCP_GATEWAY_STATE": str(tmp_path)})[0] == expected


def test_a_reader_that_has_seen_enough_hears_no_complaint() -> None:
    line = f'"{sys.executable}" -m gateway --help | true'
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_a_verb_without_a_daemon_does_not_wait_for_what_only_a_daemon_needs() -> None:
    code = "import sys, gateway.cli.offline; print(sorted({'mcp', 'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
