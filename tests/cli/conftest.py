"""The command line in this process, against the real API over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.app import run
from tests.admin.fakes import ADMIN_TOKEN, FakeVerbs, running_admin
from tests.cli.lines import Cli


@pytest.fixture(name="verbs")
def _verbs() -> FakeVerbs:
    """What stands behind the API."""
    return FakeVerbs()


@pytest.fixture(name="cli")
def _cli(
    verbs: FakeVerbs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Cli]:
    """Carries out a command line; gives exit status, stdout and stderr."""
    with running_admin(verbs) as url:
        monkeypatch.setenv("MCP_GATEWAY_URL", url)
        monkeypatch.setenv("MCP_GATEWAY_ADMIN_TOKEN", ADMIN_TOKEN)
        monkeypatch.setenv("MCP_GATEWAY_STATE", str(tmp_path))

        def call(*arguments: str) -> tuple[int, str, str]:
            status = run(arguments)
            said = capsys.readouterr()
            return status, said.out, said.err

        yield call
