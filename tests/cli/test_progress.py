"""Progress of long verbs."""

from __future__ import annotations

import pytest

from gateway.cli.progress import PlainLines, described, progress_shown


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
