"""Progress of long verbs."""

from __future__ import annotations

import io
import sys

import pytest

from gateway.cli.progress import PlainLines, amount, described, progress_shown


def test_a_line_says_step_and_message_without_control_characters() -> None:
    assert described({"progress": {"step": "fetch", "message": "a\x1b[2Jb"}}) == "fetch: a [2Jb"
    assert described({"progress": {"step": "fetch", "message": ""}}) == "fetch"
    assert described({}) == ""


def test_a_counter_alone_makes_no_new_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    for done in range(5):
        lines.tell({"progress": {"step": "fetch", "message": "x", "done": done, "total": 5}})
    lines.tell({"progress": {"step": "pin", "message": ""}})

    assert capsys.readouterr().err.splitlines() == ["fetch: x", "pin"]


@pytest.mark.parametrize(("as_json", "expected"), [(True, ""), (False, "fetch: x\n")])
def test_with_json_nothing_is_shown(as_json: bool, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown(as_json=as_json) as tell:
        tell({"progress": {"step": "fetch", "message": "x"}})

    assert capsys.readouterr() == ("", expected)


def test_each_of_several_servers_has_its_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    for server in ("a", "b", "a"):
        lines.tell({"progress": {"step": "fetch", "message": "x", "server": server}})

    assert capsys.readouterr().err.splitlines() == ["a: fetch: x", "b: fetch: x"]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"step": "fetch", "done": 2048, "total": 4096}, "2.0 KiB of 4.0 KiB"),
        ({"step": "fetch", "done": 2048}, "2.0 KiB"),
        ({"step": "install", "done": 2048, "total": 4096}, ""),
        ({"step": "fetch"}, ""),
    ],
)
def test_a_download_tells_its_bytes(step: dict[str, object], text: str) -> None:
    assert amount({"progress": step}) == text


def test_on_a_terminal_each_server_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_shown(as_json=False) as tell:
        for server in ("one", "two"):
            tell({"progress": {"step": "fetch", "message": "x", "done": 1024, "total": 4096, "server": server}})
            tell({"progress": {"step": "done", "message": "", "server": server}})
    assert "one" in terminal.getvalue()
    assert "two" in terminal.getvalue()


class Terminal(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        """Whether a person watches."""
        return True
