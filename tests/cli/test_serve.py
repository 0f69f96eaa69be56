"""serve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.cli.serve import serve
from gateway.daemon.options import ServeOptions


def test_every_option_of_serve_is_one_of_the_daemons() -> None:
    options = {parameter.name for parameter in serve.params} - {"as_json"}

    assert options == set(ServeOptions.__dataclass_fields__)


@pytest.mark.parametrize(
    "line", [["--config", "/nowhere"], ["--mcp-servers", "/nowhere"], ["--log-format", "x"], ["--port", "-1"]]
)
def test_a_wrong_option_ends_before_anything_is_started(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["serve", "--state-dir", str(tmp_path / "state"), *line, "--json"])

    assert (status, json.loads(capsys.readouterr().out)["error"]["code"]) == (2, "usage")
    assert not (tmp_path / "state").exists()
