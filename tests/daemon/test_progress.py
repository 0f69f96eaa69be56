from __future__ import annotations

import io
from typing import Any

import pytest

from gateway.daemon.progress import InstallDisplay, spelled


class FakeTerminal(io.StringIO):
    """A terminal, or a file, that remembers."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self._tty


def step(name: str, message: str = "", done: int | None = None, total: int | None = None) -> dict[str, Any]:
    return {"step": name, "message": message, "done": done, "total": total}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (step("fetch", "downloading", 50, 200), "fetch 25 % downloading"),
        (step("fetch", "downloading", 50), "fetch downloading"),
        (step("done", "", 1, 1), "done"),
        (step("failed", "line one\nline two"), "failed line one line two"),
        ({}, ""),
    ],
)
def test_a_step_is_one_short_line(told: dict[str, Any], text: str) -> None:
    assert spelled(told) == text


def test_a_message_is_cut_to_a_line() -> None:
    assert len(spelled(step("failed", "x" * 500))) < 100


def test_elsewhere_each_step_is_one_line_and_progress_within_a_step_none() -> None:
    out = FakeTerminal(tty=False)
    display = InstallDisplay(out)
    for told in (step("fetch", "a", 1, 9), step("fetch", "a", 5, 9), step("install", "b"), step("install", "b")):
        display("time", told)
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["time", "fetch", "11", "%", "a"],
        ["time", "install", "b"],
    ]
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_each_server_keeps_its_line() -> None:
    out = FakeTerminal(tty=True)
    display = InstallDisplay(out)
    display("time", step("fetch"))
    display("git", step("fetch"))
    display("time", step("done"))
    assert screen(out.getvalue()) == ["  time           done", "  git            fetch"]


def test_an_unchanged_step_is_not_drawn_again() -> None:
    out = FakeTerminal(tty=True)
    display = InstallDisplay(out)
    display("time", step("fetch"))
    drawn = out.getvalue()
    display("time", step("fetch"))
    assert out.getvalue() == drawn


def test_the_log_appears_above_the_table() -> None:
    out = FakeTerminal(tty=True)
    display = InstallDisplay(out)
    display("time", step("fetch"))
    assert display.write("a log line\n") == len("a log line\n")
    display("time", step("done"))
    assert screen(out.getvalue()) == ["a log line", "  time           done"]


def test_a_finished_table_stays_and_what_comes_next_is_written_below() -> None:
    out = FakeTerminal(tty=True)
    display = InstallDisplay(out)
    display("time", step("done"))
    display.finish()
    display.write("a log line\n")
    display("git", step("fetch"))
    assert screen(out.getvalue()) == ["  time           done", "a log line", "  git            fetch"]


def test_elsewhere_the_log_passes_through_as_it_is() -> None:
    out = FakeTerminal(tty=False)
    display = InstallDisplay(out)
    display("time", step("fetch"))
    display.write("a log line\n")
    display.flush()
    assert out.getvalue().splitlines()[1] == "a log line"
    assert not display.isatty()


def screen(written: str) -> list[str]:
    """What a terminal shows that understands the three controls we send."""
    lines: list[str] = [""]
    row = 0
    rest = written
    while rest:
        if rest.startswith("\x1b["):
            number, control, rest = _control(rest[2:])
            if control == "A":
                row -= int(number)
            elif control == "J":
                lines[row:] = [""]
            else:
                lines[row] = ""
            continue
        char, rest = rest[0], rest[1:]
        if char == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] += char
    return [line for line in lines if line]


def _control(text: str) -> tuple[str, str, str]:
    end = next(i for i, char in enumerate(text) if char.isalpha())
    return text[:end], text[end], text[end + 1 :]
