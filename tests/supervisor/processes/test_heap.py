"""Freed memory goes back to the system."""

from __future__ import annotations

import platform
import sys

import psutil
import pytest

from gateway.supervisor.processes.heap import give_back

MIB = 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other library can be told")
def test_what_lies_between_pieces_in_use_is_given_back() -> None:
    pieces = [bytes(100_000) for _ in range(1000)]
    kept = pieces[::16]
    del pieces
    before = psutil.Process().memory_info().rss
    assert give_back()
    assert before - psutil.Process().memory_info().rss > 40 * MIB
    assert len(kept) == 63


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back()
