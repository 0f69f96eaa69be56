"""config check, show, init, reload."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.app import run
from gateway.cli.config import _reloaded, example, packaged
from gateway.errors import GatewayError
from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("config show", "config_show", {}),
    ("config reload", "config_reload", {}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_configuration_file_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    first, again, forced = (run(["config", "init", str(file), *more]) for more in ([], [], ["--force"]))

    assert (first, again, forced) == (0, 2, 0)
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == example()


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "init", str(tmp_path / "nowhere" / "config.toml"), "--json"]) == 2

    assert "cannot be written" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_good_file_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[gateway]\nport = 9000\n")

    assert run(["config", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "ok": True, "problems": []}


def test_all_problems_of_a_bad_file_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[gateway]\nport = 'x'\n[nonsense]\na = 1\n")

    assert run(["config", "check", str(file), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["error"]["details"]["problems"]
    assert {problem["path"].split(".")[0] for problem in problems} == {"gateway", "nonsense"}


def test_a_file_that_an_installation_lacks_is_said() -> None:
    with pytest.raises(GatewayError, match=r"nothing\.txt is missing"):
        packaged("gateway.config", "nothing.txt", "nothing.txt")


def test_a_reload_that_read_no_file_says_so() -> None:
    assert "No configuration file was read" in list(_reloaded({"file": None, "unchanged": 7}))[-1]
    assert list(_reloaded({"file": "f", "unchanged": 7})) == ["unchanged: 7"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[gateway]\nport = " + b"9" * 10_000, "thousands of digits"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"#" * 2_000_000, "KiB"),
        (b'[[server]]\nname = "a"\ncommand = ["a\\u0000"]', "NUL"),
    ],
    ids=["digits", "bytes", "large", "NUL"],
)
def test_no_file_gives_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)

    assert run(["config", "check", str(file), "--json"]) == 2
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]
