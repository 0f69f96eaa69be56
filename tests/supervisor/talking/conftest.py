"""Remote servers for the tests beside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.supervisor.talking.remotes import Remotes


@pytest.fixture
def remote() -> Iterator[Remotes]:
    """Starts remote servers; they are gone after the test."""
    remotes = Remotes()
    yield remotes
    remotes.stop()
