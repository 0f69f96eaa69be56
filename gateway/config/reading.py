"""TOML text → a validated `Config`, or one error that lists every problem with its path. No I/O."""

from __future__ import annotations

import tomllib
from collections.abc import Collection

from gateway.config.decoding import Decoder
from gateway.config.rules import problems_of
from gateway.config.sections import Config
from gateway.errors import ConfigError, Problem


def load_config(text: str, *, file: str = "config.toml", installed: Collection[str] | None = None) -> Config:
    """Read a configuration; `installed` names servers that are here without being in the file (for profiles).

    Raises: ConfigError with all problems.
    """
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([Problem("TOML", str(exc))], file=file) from None
    except RecursionError:
        raise ConfigError([Problem("TOML", "is nested too deeply")], file=file) from None
    decoder = Decoder()
    config = decoder.section(Config, table, "")
    found = decoder.problems
    if config is not None:
        found = found + problems_of(config, installed, dropped=decoder.dropped)
    if found or config is None:
        raise ConfigError(sorted(found, key=lambda problem: problem.path), file=file)
    return config
