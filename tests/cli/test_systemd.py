"""The unit on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.cli.systemd import for_command, unit_text


def test_print_gives_the_unit_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["systemd", "print"]) == 0

    assert capsys.readouterr().out == unit_text()
    assert "Type=notify" in unit_text()


def test_install_writes_the_unit_for_this_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["systemd", "install", "--directory", str(tmp_path), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    written = Path(told["file"]).read_text()
    assert f"ExecStart={told['command'][0]}" in written
    assert written.count("ExecStart=") == unit_text().count("ExecStart=") == 1


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["systemd", "install", "--directory", str(tmp_path / "nowhere"), "--json"]) == 2

    assert "sudo" in json.loads(capsys.readouterr().out)["error"]["fix"]


def test_a_path_with_spaces_and_percent_signs_is_spelled_for_systemd() -> None:
    unit = for_command("ExecStart=/usr/bin/env mcp-gateway serve\n", ["/opt/a b/100%/mcp-gateway"])

    assert unit == "ExecStart='/opt/a b/100%%/mcp-gateway' serve\n"
