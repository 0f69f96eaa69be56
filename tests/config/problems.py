"""Asks the reader for the problems of a text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import load_config
from gateway.errors import ConfigError


def problems(text: str, *, installed: tuple[str, ...] | None = None) -> dict[str, str]:
    """Path → message of every problem of a config.toml text."""
    return raised(lambda: load_config(text, installed=installed))


def raised(read: Callable[[], object]) -> dict[str, str]:
    """Path → message of every problem that `read` raises."""
    with pytest.raises(ConfigError) as caught:
        read()
    return {problem.path: problem.message for problem in caught.value.problems}
