"""What a process costs."""

from __future__ import annotations

import os

from gateway.supervisor.processes.figures import Figures, Looker


def test_our_own_figures_are_plausible() -> None:
    figures = Looker().look(os.getpid())
    assert (figures.rss_bytes or 0) > 1_000_000
    assert (figures.open_fds or 0) > 2
    assert figures.cpu_percent is not None


def test_nobody_and_somebody_gone_have_no_figures() -> None:
    looker = Looker()
    assert looker.look(None) == Figures()
    assert looker.look(2**22 + 1) == Figures()


def test_handles_of_the_gone_are_dropped() -> None:
    looker = Looker()
    looker.look(os.getpid())
    looker.forget_all_but(set())
    assert looker._known == {}
