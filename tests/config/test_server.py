from __future__ import annotations

from typing import Any

import pytest

from gateway.config.limits import LimitsTable
from gateway.config.server import RestartTable, ServerSection


def problems(**members: Any) -> list[str]:
    return [f"{key}: {message}" for key, message in ServerSection(name="a", **members).problems()]


def test_one_way_to_run_is_enough() -> None:
    assert problems(command=("run",)) == problems(url="https://a.example/mcp") == problems(from_="npm:a@1.0.0") == []


def test_none_and_two_ways_to_run_are_told() -> None:
    assert "none is given" in problems()[0]
    assert "from and command are given" in problems(from_="npm:a@1.0.0", command=("run",))[0]


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"url": "https://a.example/mcp", "args": ("-x",)}, "elsewhere"),
        ({"command": ("run",), "headers": {"X": "1"}}, "headers"),
        ({"command": ("run",), "config": {"key": 1}}, "config"),
        ({"command": ("run",), "via": "connect"}, "Smithery Connect"),
        ({"url": "https://a.example/mcp", "via": "connect"}, "Smithery Connect"),
    ],
)
def test_what_does_not_belong_to_a_kind_of_server_is_told(members: dict[str, Any], word: str) -> None:
    assert any(word in problem for problem in problems(**members))


def test_delays_and_deadlines_must_not_be_above_their_maxima() -> None:
    assert [key for key, _ in RestartTable(RestartSec=9, RestartMaxDelaySec=3).problems()] == ["RestartSec"]
    assert [key for key, _ in LimitsTable(timeout_s=400, max_timeout_s=390).problems()] == ["timeout_s"]
