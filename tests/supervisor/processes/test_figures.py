"""What a process costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.supervisor.processes import procfs
from gateway.supervisor.processes.figures import Figures, glance


def check_ours() -> None:
    figures = glance(os.getpid())
    assert (figures.rss_bytes or 0) > 1_000_000
    assert figures.memory_peak_bytes == figures.rss_bytes
    assert (figures.open_fds or 0) > 2
    assert (figures.tasks or 0) >= 1
    assert figures.cpu_percent == 0.0


def test_our_own_figures_are_plausible() -> None:
    check_ours()


def test_they_are_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    check_ours()


def test_nobody_and_somebody_gone_have_no_figures() -> None:
    assert glance(None) == Figures()
    assert glance(2**22 + 1) == Figures()
