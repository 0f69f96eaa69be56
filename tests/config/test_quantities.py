"""Amounts in systemd's words."""

from __future__ import annotations

import pytest

from gateway.config import Config
from gateway.config.decoding import Decoder
from gateway.config.limits import LimitsTable
from gateway.config.quantities import (
    Amount,
    count,
    count_problem,
    cpus,
    cpus_problem,
    file_size_problem,
    seconds,
    size,
    size_problem,
)
from gateway.config.server import RestartTable


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1048576", Amount(2**20)),
        ("512M", Amount(512 * 2**20)),
        ("1.5G", Amount(3 * 2**29)),
        ("64 MiB", Amount(64 * 2**20)),
        ("50%", Amount(share=0.5)),
        ("infinity", Amount()),
        ("0", None),
        ("150%", None),
        ("much", None),
        ("-1", None),
        ("", None),
    ],
)
def test_sizes_are_bytes_shares_or_infinity(text: str, amount: Amount | None) -> None:
    assert size(text) == amount
    assert (size_problem(text) == "") is (amount is not None)


@pytest.mark.parametrize(
    ("text", "amount"), [("64", Amount(64)), ("infinity", Amount()), ("0", None), ("1.5", None), ("x", None)]
)
def test_counts_are_whole_numbers_or_infinity(text: str, amount: Amount | None) -> None:
    assert count(text) == amount
    assert (count_problem(text) == "") is (amount is not None)


@pytest.mark.parametrize(
    ("text", "amount"), [("50%", Amount(share=0.5)), ("250%", Amount(share=2.5)), ("0%", None), ("2", None)]
)
def test_processor_time_is_a_share_of_one_processor(text: str, amount: Amount | None) -> None:
    assert cpus(text) == amount
    assert (cpus_problem(text) == "") is (amount is not None)


def test_the_size_of_a_file_is_no_share() -> None:
    assert "bytes" in file_size_problem("50%")
    assert file_size_problem("10M") == ""


def test_an_amount_may_be_written_as_a_plain_number() -> None:
    decoder = Decoder()
    read = decoder.section(LimitsTable, {"MemoryMax": 67108864, "TasksMax": 20}, "limits")
    assert (read, decoder.problems) == (LimitsTable(MemoryMax="67108864", TasksMax="20"), [])


def test_a_wrong_amount_is_told_with_its_path() -> None:
    decoder = Decoder()
    decoder.section(Config, {"server": [{"name": "a", "command": ["x"], "limits": {"CPUQuota": 2}}]}, "")
    assert [(p.path, "one processor" in p.message) for p in decoder.problems] == [("server[0].limits.CPUQuota", True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", 5.0),
        ("500ms", 0.5),
        ("1min 30s", 90.0),
        ("2h", 7200.0),
        ("1.5 d", 129_600.0),
        ("5", None),
        ("soon", None),
        ("5s later", None),
        ("", None),
    ],
)
def test_time_spans_are_read_as_seconds(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


def test_a_key_in_seconds_may_be_written_as_a_time_span() -> None:
    decoder = Decoder()
    assert decoder.section(RestartTable, {"RestartSec": "2s", "RetryFailedSec": "5min"}, "restart") == RestartTable(
        RestartSec=2.0, RetryFailedSec=300.0
    )
    decoder.section(RestartTable, {"RestartSec": "soon"}, "restart")
    assert [(p.path, "number" in p.message) for p in decoder.problems] == [("restart.RestartSec", True)]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"command": ["x"], "sandbox": {"level": "none", "network": "none"}}, "server[0].sandbox.network"),
        ({"url": "https://a.example/mcp", "limits": {"MemoryMax": "1G"}}, "server[0].limits.MemoryMax"),
        ({"command": ["x"], "prestart": True}, "server[0].prestart"),
        ({"command": ["x"], "prestart": True, "start": "lazy", "session": "per-agent"}, "server[0].prestart"),
    ],
)
def test_what_could_never_work_is_told(keys: dict[str, object], path: str) -> None:
    decoder = Decoder()
    decoder.section(Config, {"server": [{"name": "a", **keys}]}, "")
    assert [problem.path for problem in decoder.problems] == [path]
