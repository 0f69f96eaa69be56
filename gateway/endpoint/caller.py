"""Who is calling, from headers and query: claims, percent-encoded, the header wins. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote

from gateway.errors import UsageError
from gateway.model import Caller

TASK_CHARS = 1000
NAME_CHARS = 200
TOKEN_PARAMETERS = frozenset({"token", "access_token", "api_key", "apikey", "authorization", "bearer"})
DEFAULT_RUN = "default-"
_TRUE = frozenset({"1", "true", "yes", "on"})


def read_caller(
    headers: Iterable[tuple[bytes, bytes]], query: bytes, *, principal: str, profile: str, wall: float
) -> Caller:
    """Read who calls; `wall` (seconds since the epoch) names the default run.

    A task that is too long is cut; the names of agent and run are refused when they are too long, because cut names
    could be somebody else's.

    Raises: UsageError.
    """
    given = _first(headers)
    asked = query_values(query)

    def claim(name: str) -> str:
        header = given.get(f"x-mcp-{name}")
        return _clean(unquote(header) if header is not None else asked.get(name, ""))

    agent, run = claim("agent"), claim("run")
    for name, value in (("agent", agent), ("run", run)):
        if len(value) > NAME_CHARS:
            raise UsageError(f"the {name}'s name is longer than {NAME_CHARS} characters", fix="Send a shorter one.")
    return Caller(
        principal=principal,
        agent=agent,
        run=run or default_run(wall),
        task=claim("task")[:TASK_CHARS],
        profile=profile,
        result_text=(given.get("x-mcp-text") or asked.get("text", "")).strip().lower() in _TRUE,
    )


def default_run(wall: float) -> str:
    """The run of callers that name none; `wall` is seconds since the epoch."""
    return f"{DEFAULT_RUN}{datetime.fromtimestamp(wall, UTC).date().isoformat()}"


def query_values(query: bytes) -> dict[str, str]:
    """The query's parameters; of a repeated one the first."""
    values: dict[str, str] = {}
    for key, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace"):
        values.setdefault(key, value)
    return values


def carries_token(query: bytes) -> bool:
    """Whether the URL holds what looks like a token: it would end up in logs and histories."""
    return any(key.lower() in TOKEN_PARAMETERS for key in query_values(query))


def _first(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, value in headers:
        found.setdefault(key.decode("latin-1").lower(), _text(value))
    return found


def _text(value: bytes) -> str:
    """A header should be percent-encoded ASCII; some clients send UTF-8 as it is."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()
