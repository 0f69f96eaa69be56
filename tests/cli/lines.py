"""What every verb's command line must do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from tests.admin.fakes import FakeVerbs

Cli = Callable[..., tuple[int, str, str]]
Line = tuple[str, str, dict[str, Any]]
"""A command line, the verb that it means, and that verb's keywords."""


def check(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    """The verb is asked for with exactly these keywords; people get text, programs exactly one JSON value."""
    words, verb, given = line
    status, out, err = cli(*shlex.split(words))
    assert (status, err.startswith("error")) == (0, False), err
    assert verbs.asked[-1] == (verb, given)
    assert out.strip()
    assert "None" not in out

    status, out, err = cli(*shlex.split(words), "--json")
    assert (status, err) == (0, "")
    assert isinstance(json.loads(out), dict)


def json_error(answer: tuple[int, str, str], status: int, code: str) -> dict[str, Any]:
    """The error that a --json line must have ended in."""
    got, out, err = answer
    error: dict[str, Any] = json.loads(out)["error"]
    assert (got, error["code"], err) == (status, code, "")
    assert error["message"]
    assert error["fix"]
    return error
