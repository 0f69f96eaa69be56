"""Checks of single values: each returns what is wrong with a value, or "" when nothing is. No I/O."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from gateway.model import RESERVED_SERVER_NAME, SERVER_NAME_PATTERN

_RATE = re.compile(r"^(?P<count>\d+(?:\.\d+)?)\s*/\s*(?P<unit>s|m|h|sec|min|hour)$")
_RATE_UNITS_S = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0}
_DEVICE = re.compile(r"^(cpu|auto|cuda(:\d{1,3})?)$")
_ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_SECRET_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")
_HEADER_NAME = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_OUR_HEADERS = {
    "authorization", "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
    "accept-encoding", "if-none-match", "cookie",
}  # fmt: skip
FROM_KINDS = ("smithery:", "registry:", "npm:", "pypi:", "mcpb:", "oci:", "starter:")
LATER_KINDS = ("openapi:",)


def parse_rate(text: str) -> float | None:
    """Read "5/s", "300/m" as events per second; None when it is not a rate above zero."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match["count"]) / _RATE_UNITS_S[match["unit"]] if match else 0.0
    return rate if rate > 0 else None


def is_loopback(host: str) -> bool:
    """Can only this machine reach a socket bound to `host`?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def rate(text: str) -> str:
    """A rate such as "5/s"."""
    return "" if parse_rate(text) is not None else 'must be a rate above zero such as "5/s" or "300/m"'


def namespace(text: str) -> str:
    """A namespace of Smithery Connect, or nothing."""
    good = not text or _NAMESPACE.fullmatch(text)
    return "" if good else "must be letters, digits, _ and -, beginning with a letter or a digit"


def absolute_paths(paths: tuple[str, ...]) -> str:
    """Paths that mean the same wherever we run."""
    bad = [path for path in paths if not path.startswith("/") or "\0" in path]
    return f"must be absolute paths; {bad[0]!r} is not" if bad else ""


def device(text: str) -> str:
    """A torch device that we know how to use."""
    return "" if _DEVICE.fullmatch(text) else 'must be "cpu", "cuda", "cuda:N" or "auto"'


def name(text: str) -> str:
    """A server's or profile's name."""
    if text == RESERVED_SERVER_NAME:
        return f'"{RESERVED_SERVER_NAME}" is reserved for the gateway itself; choose another name'
    if SERVER_NAME_PATTERN.fullmatch(text):
        return ""
    return "must be 1 to 24 of a-z, 0-9 and -, and neither begin nor end with -"


def prefix(text: str) -> str:
    """A prefix of exposed names: anything but our own tools'."""
    if text == RESERVED_SERVER_NAME:
        return f'"{RESERVED_SERVER_NAME}" is the prefix of the gateway\'s own tools; choose another one'
    return "" if len(text) <= 40 else "must be at most 40 characters"


def http_url(text: str) -> str:
    """An http(s) URL with a host and without a password, or nothing."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError as exc:
        return f"is not a URL: {exc}"
    if not usable or any(character.isspace() for character in text):
        return 'must be a URL such as "https://example.com"'
    return "put no user or password into a URL" if "@" in parts.netloc else ""


def origins(values: tuple[str, ...]) -> str:
    """Origins: scheme, host and port, no path."""
    for value in values:
        if not value or http_url(value) or urlsplit(value).path not in {"", "/"}:
            return f'{value!r} is not an origin such as "https://example.com:8443"'
    return ""


def store_url(text: str) -> str:
    """Nothing, or an SQLite file by its absolute path."""
    if not text or (text.startswith("sqlite:///") and text.removeprefix("sqlite:///").strip("/")):
        return ""
    if text.startswith("postgresql"):
        return "PostgreSQL comes with a later version; leave it empty for SQLite in the state directory"
    return 'must be "sqlite:////absolute/path/gateway.db", or empty for a file in the state directory'


def reference(text: str) -> str:
    """What `from` may say: a kind that can be installed, or a bare registry name."""
    if not text:
        return ""
    if text.startswith(LATER_KINDS):
        return (
            f"{text.partition(':')[0]}: servers cannot be installed by this version; use one of {', '.join(FROM_KINDS)}"
        )
    if any(character.isspace() or not character.isprintable() for character in text):
        return "must not hold spaces or control characters"
    kind, colon, rest = text.partition(":")
    if colon and f"{kind}:" not in FROM_KINDS:
        return f"{kind}: is not a kind of server; use one of {', '.join(FROM_KINDS)}"
    return "" if not colon or rest else "names nothing to install"


def sha256(text: str) -> str:
    """A SHA-256 in hexadecimal, or nothing."""
    return "" if not text or _SHA256.fullmatch(text) else "must be 64 hexadecimal digits, in lower case"


def pins(values: dict[str, str]) -> str:
    """Hashes of tool definitions by tool; @server stands for what the server says of itself."""
    bad = [tool for tool, digest in values.items() if not tool or not _SHA256.fullmatch(digest)]
    return f"the pin of {bad[0][:60]!r} must be 64 hexadecimal digits, in lower case" if bad else ""


def environment(values: dict[str, str]) -> str:
    """Environment variables."""
    bad = [key for key in values if not _ENV_NAME.fullmatch(key)]
    if bad:
        return f"{bad[0]!r} is not a name of an environment variable"
    return "values must not hold NUL" if any("\0" in value for value in values.values()) else ""


def secret_names(values: tuple[str, ...]) -> str:
    """Names under which secrets are kept: environment variables, or keys of what the server wants configured."""
    bad = [value for value in values if not _SECRET_NAME.fullmatch(value)]
    return f"{bad[0]!r} is not a name for a secret: letters, digits, _ . and -, beginning with a letter" if bad else ""


def headers(values: dict[str, str]) -> str:
    """HTTP headers."""
    for key, value in values.items():
        if not _HEADER_NAME.fullmatch(key):
            return f"{key!r} is not a name of an HTTP header"
        if any(character in value for character in "\r\n\0"):
            return f"the value of {key} must be one line"
    return ""


def registry_headers(values: dict[str, str]) -> str:
    """HTTP headers that an operator may add to requests to a registry: none of those that we set ourselves."""
    taken = [key for key in values if key.lower() in _OUR_HEADERS]
    if taken:
        return f"{taken[0]} is set by the gateway itself"
    if not all(value.isascii() and value.isprintable() for value in values.values()):
        return "values must be printable ASCII characters"
    return headers(values)


def argv(values: tuple[str, ...]) -> str:
    """A command line: no empty program, no NUL."""
    if values and not values[0].strip():
        return "the first item is the program and must not be empty"
    return "items must not hold NUL" if any("\0" in value for value in values) else ""


def filled(text: str) -> str:
    """Anything but blanks."""
    return "" if text.strip() else "must not be empty"
