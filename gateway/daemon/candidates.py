"""Listings that a `[[discover]]` rule tried in vain: each waits longer after every failure, but not for ever."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.daemon.state import write_private

FIRST_WAIT_S = 3600.0
LONGEST_WAIT_S = 7 * 86_400.0


class Failure(msgspec.Struct, frozen=True):
    """How often a candidate failed, when it may be tried again (seconds since the epoch), and why."""

    tries: int
    until: float
    reason: str


class Candidates:
    """A JSON file of failures by reference; a damaged file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def waits(self, reference: str, now: float) -> Failure | None:
        """Return why a candidate must not be tried now, None when it may."""
        failure = self._read().get(reference)
        return failure if failure is not None and now < failure.until else None

    def failed(self, reference: str, now: float, reason: str) -> None:
        """Note a failure.

        Raises: OSError.
        """
        failures = self._read()
        before = failures.get(reference)
        tries = before.tries + 1 if before is not None else 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 32))
        self._write({**failures, reference: Failure(tries, now + wait_s, reason)})

    def worked(self, reference: str) -> None:
        """Forget a candidate's failures.

        Raises: OSError.
        """
        failures = self._read()
        if failures.pop(reference, None) is not None:
            self._write(failures)

    def _read(self) -> dict[str, Failure]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Failure])
        except (OSError, ValueError):  # ValueError: what msgspec raises for JSON, types and UTF-8
            return {}

    def _write(self, failures: dict[str, Failure]) -> None:
        write_private(self._path, msgspec.json.encode(failures))
