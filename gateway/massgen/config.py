"""Our endpoint as the YAML that MassGen accepts: one `mcp_servers` entry per agent, its validator's traps avoided.

Strings only, no YAML library and no I/O. It does not start MassGen and does not know the token, only where to find it.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from gateway.errors import UsageError

SERVER_NAME = "gateway"
"""Our name inside MassGen. The bound on exposed names (50) counts on the length of `mcp__gateway__`."""

DEFAULT_AGENTS = ("agent_a", "agent_b")
FORBIDDEN_PORTS = frozenset({22, 23, 25, 53, 135, 139, 445, 1433, 1521, 3306, 3389, 5432, 6379})
"""MassGen refuses a server on one of these ports, whatever its `security` says."""

MAX_URL_LENGTH = 2048
MAX_AGENT_NAME_LENGTH = 64
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_TOKEN_KEYS = frozenset({"token", "access_token", "api_key", "apikey", "authorization", "bearer"})
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  addresses to listen on, not to connect to


def render_block(
    url: str,
    agents: Sequence[str] = (),
    *,
    token_env: str = "MCP_GATEWAY_TOKEN",  # noqa: S107  a variable's name
    run_env: str | None = None,
    token_file: str | None = None,
    backend: str = "openai",
) -> str:
    """Return the YAML text for these agents (none: `DEFAULT_AGENTS`); it is a valid MassGen configuration by itself.

    `token_env` is the only variable that the text refers to, because MassGen goes on without any tools (and ends with
    status 0) when a variable is not set. `run_env` adds one more, for a launcher that sets it. `token_file` makes the
    closing hint read the token from there. `backend` is the placeholder for each agent's own type.

    Raises: UsageError for an address, an agent's name or a variable that MassGen would refuse or misread.
    """
    address = _checked_url(url)
    names = _checked_agents(agents)
    for variable in (token_env, *([run_env] if run_env else [])):
        _check_variable(variable)
    target = _as_reachable(address)
    lines = [
        "# mcp-gateway for MassGen. Each agent has its own entry: X-MCP-Agent tells the gateway who is calling.",
        "# Keep your own `type`, `model` and other backend keys; copy `mcp_servers` into each agent's `backend`.",
        "agents:",
    ]
    for name in names:
        lines += _agent(name, target, token_env, run_env, backend)
    lines += ["", "# Before MassGen starts (an unset variable would mean: no tools, and no error):"]
    lines.append(f"# export {token_env}={_token_source(token_file)}")
    return "\n".join(lines) + "\n"


def _agent(name: str, address: SplitResult, token_env: str, run_env: str | None, backend: str) -> list[str]:
    headers = {"Authorization": f"Bearer ${{{token_env}}}", "X-MCP-Agent": quote(name, safe=""), "X-MCP-Text": "1"}
    if run_env:
        headers["X-MCP-Run"] = f"${{{run_env}}}"
    return [
        f"  - id: {_quoted(name)}",
        "    backend:",
        f"      type: {_quoted(backend)}",
        "      mcp_servers:",
        f"        - name: {_quoted(SERVER_NAME)}",
        '          type: "streamable-http"',
        f"          url: {_quoted(address.geturl())}",
        "          headers:",
        *(f"            {key}: {_quoted(value)}" for key, value in headers.items()),
        "          security:",
        '            level: "permissive"',
        *(f"            {key}: true" for key in _permissions(address.hostname or "")),
    ]


def _permissions(host: str) -> list[str]:
    """What MassGen's `security` must allow for this host: it refuses loopback and private addresses by default."""
    address = _ip(host)
    if address is not None and not address.is_loopback and not address.is_global:
        return ["allow_localhost", "allow_private_ips"]
    return ["allow_localhost"]


def _checked_url(url: str) -> SplitResult:
    problem = _url_problem(url)
    if problem:
        raise UsageError(
            f"MassGen cannot use the gateway at {url!r}: {problem}",
            fix="Give an address such as http://127.0.0.1:8808/mcp; `mcp-gateway serve --port` sets the port.",
        )
    return urlsplit(url)


def _url_problem(url: str) -> str | None:
    if len(url) > MAX_URL_LENGTH:
        return f"the address is longer than {MAX_URL_LENGTH} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "${" in url:
        return "it holds characters that do not belong into an address"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        return str(exc)
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.hostname or ""):
        return "it must begin with http:// or https:// and name a host"
    if port == 0 or port in FORBIDDEN_PORTS:
        return f"it refuses servers on port {port}"
    if parts.username or parts.password or any(key.lower() in _TOKEN_KEYS for key, _ in parse_qsl(parts.query)):
        return "a token belongs into the Authorization header, never into the address"
    return None


def _as_reachable(address: SplitResult) -> SplitResult:
    """Replace an address that means "every interface" by the loopback address of its family."""
    host = _WILDCARDS.get(address.hostname or "")
    if host is None:
        return address
    netloc = f"[{host}]" if ":" in host else host
    return address._replace(netloc=netloc if address.port is None else f"{netloc}:{address.port}")


def _checked_agents(agents: Iterable[str]) -> tuple[str, ...]:
    names = tuple(agents) or DEFAULT_AGENTS
    for name in names:
        if not _is_agent_name(name):
            raise UsageError(
                f"{name!r} is not a usable agent name",
                fix=f"Use up to {MAX_AGENT_NAME_LENGTH} letters, digits, '_', '-', '.'; begin with a letter or digit.",
            )
        if names.count(name) > 1:
            raise UsageError(f"the agent {name!r} is named twice", fix="Give each agent a name of its own.")
    return names


def _is_agent_name(name: str) -> bool:
    spelled = all(letter.isalnum() or letter in "_-." for letter in name)
    return bool(name) and name[0].isalnum() and spelled and len(name) <= MAX_AGENT_NAME_LENGTH


def _check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a variable that MassGen fills in",
            fix="Use capital letters, digits and '_', not beginning with a digit.",
        )


def _token_source(token_file: str | None) -> str:
    command = f"cat {shlex.quote(token_file)}" if token_file else "mcp-gateway token show"
    return f'"$({command})"'


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    """Spell a string as YAML's double-quoted scalar, which JSON's strings are."""
    return json.dumps(text, ensure_ascii=False)
