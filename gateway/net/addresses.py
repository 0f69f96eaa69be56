"""Which network addresses and origins are public: an explicit list of ours, because `ipaddress.is_global` is too kind.

Python calls 6to4, NAT64 and site-local addresses global although they lead into private networks. No I/O here.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_DENIED_V4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local (cloud metadata)",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
# Only 2000::/3 is handed out as global unicast; these parts of it are not ordinary addresses.
_DENIED_V6 = {
    "2001::/23": "protocol assignments (Teredo, ORCHID)",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4, carries an IPv4 address",
    "3fff::/20": "documentation",
}
_NAMED_V6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",
    "::ffff:0:0:0/96": "IPv4-translated",
    "::/96": "IPv4-compatible",
    "64:ff9b::/96": "NAT64, carries an IPv4 address",
    "64:ff9b:1::/48": "local NAT64",
    "100::/64": "discard",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_V4 = [(ipaddress.IPv4Network(net), why) for net, why in _DENIED_V4.items()]
_V6 = [(ipaddress.IPv6Network(net), why) for net, why in (_DENIED_V6 | _NAMED_V6).items()]
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")

DEFAULT_PORTS = {"http": 80, "https": 443}


def why_not_public(address: str) -> str | None:
    """Say why this IP address must not be dialled for a stranger; None when it is an ordinary public one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "not an IP address"
    if isinstance(ip, ipaddress.IPv4Address):
        return next((why for net, why in _V4 if ip in net), None)
    if ip.scope_id is not None:
        return "has a zone"
    named = next((why for net, why in _V6 if ip in net), None)
    if named is not None:
        return named
    return None if ip in _GLOBAL_V6 else "not global unicast"


def origin_of(url: str) -> str | None:
    """Return `scheme://host:port` in lower case, the port always spelled; None when the URL has no proper origin."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme.lower())
    except ValueError:
        return None
    if not parts.hostname or port is None:
        return None
    host = parts.hostname.lower()
    return f"{parts.scheme.lower()}://{f'[{host}]' if ':' in host else host}:{port}"


def why_not_fetchable(url: str, trusted_origins: frozenset[str]) -> str | None:
    """Say why this URL must not be fetched, looking at its spelling only; None when it may be tried.

    `trusted_origins` are normalised by `origin_of`; they may be http and may lie in the local network.
    """
    if any(ord(char) < 33 or ord(char) == 127 for char in url):
        return "it contains blanks or control characters"
    origin = origin_of(url)
    if origin is None:
        return "it is not an absolute http(s) URL"
    if "@" in urlsplit(url).netloc:
        return "it contains a user name or password"
    if origin in trusted_origins:
        return None
    if not origin.startswith("https://"):
        return "only https is fetched from origins that are not trusted"
    return _why_not_public_host(urlsplit(url).hostname or "")


# Names that by their definition lead to this machine or into the network around it.
_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "home.arpa")


def _why_not_public_host(host: str) -> str | None:
    """Judge a host before anything is looked up: what is no public name or address needs no resolver to be refused."""
    try:
        ascii_host = host.encode("ascii").decode() if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        return "its host is not a proper name"
    bare = ascii_host.rstrip(".").lower()
    if ":" in bare or _is_dotted(bare):
        why = why_not_public(bare)
        return f"it leads to {bare[:60]} ({why}), which is not a public address" if why else None
    last = bare.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        return "its host is a number that programs take for different addresses"
    if "." not in bare:
        return "its host is a name of the local network"
    if any(bare == name or bare.endswith(f".{name}") for name in _LOCAL_NAMES):
        return "its host is a name of this machine or the local network"
    return None


def _is_dotted(host: str) -> bool:
    """Whether a host is an IPv4 address in its one proper spelling; `127.1` and `0177.0.0.1` are not."""
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def normalise_origins(urls: tuple[str, ...] | list[str]) -> frozenset[str]:
    """Return the origins of these base URLs, for `why_not_fetchable` and the guard; malformed ones are left out."""
    return frozenset(origin for origin in map(origin_of, urls) if origin is not None)
