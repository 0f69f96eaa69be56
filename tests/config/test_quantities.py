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
    size,
    size_problem,
)


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
