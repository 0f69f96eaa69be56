"""TOML text → a validated `Config`, or one error that lists every problem with its path. No I/O."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from typing import Any

from gateway.config.decoding import Decoder
from gateway.config.rules import problems_of
from gateway.config.sections import Config
from gateway.config.unfit import DEEP, is_dotted_without_end, unfit_values
from gateway.errors import ConfigError, Problem

MOST_TOLD = 100


def load_config(text: str, *, file: str = "config.toml", installed: Collection[str] | None = None) -> Config:
    """Read a configuration; `installed` names servers that are here without being in the file (for profiles).

    Raises: ConfigError with all problems.
    """
    table = _table(text, file)
    if unfit := unfit_values(table):
        raise ConfigError(unfit, file=file)
    decoder = Decoder()
    config = decoder.section(Config, table, "")
    found = decoder.problems
    if config is not None:
        found = found + problems_of(config, installed, dropped=decoder.dropped)
    if found or config is None:
        raise ConfigError(_told(sorted(found, key=lambda problem: problem.path)), file=file)
    return config


def _told(found: list[Problem]) -> list[Problem]:
    """Keep what a person can read: a foreign file has a problem in each line."""
    if len(found) <= MOST_TOLD:
        return found
    return [*found[:MOST_TOLD], Problem("…", f"and {len(found) - MOST_TOLD} more")]


def _table(text: str, file: str) -> dict[str, Any]:
    if is_dotted_without_end(text):
        raise ConfigError([Problem("TOML", DEEP)], file=file)
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ConfigError([Problem("TOML", DEEP)], file=file) from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([Problem("TOML", str(exc))], file=file) from None
    except ValueError:  # the parser's own, of a number that Python does not read
        raise ConfigError([Problem("TOML", "has a number of thousands of digits")], file=file) from None
