"""What a person may write to name a server: strict, because these words reach command lines and URLs. No I/O."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import UsageError
from gateway.install.containers.names import read_image_name
from gateway.model import RESERVED_SERVER_NAME, ServerName

MAX_NAME = 200
MAX_BUNDLE = 2000  # a bundle's URL or path may be longer than a name
MAX_IMAGE = 400  # registry, path, tag and digest


class RefKind(StrEnum):
    """The schemes of a reference; `LISTING` is a bare name, to be looked up in every source."""

    NPM = "npm"
    PYPI = "pypi"
    MCPB = "mcpb"
    OCI = "oci"
    SMITHERY = "smithery"
    REGISTRY = "registry"
    STARTER = "starter"
    LISTING = "listing"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference. `version` None means: the newest that the rules allow; `extras` only for PyPI.

    Of an image `identifier` is registry and path, `version` the tag, `sha256` the digest.
    """

    kind: RefKind
    identifier: str
    version: str | None = None
    sha256: str | None = None
    extras: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reference in its one canonical spelling."""
        if self.kind is RefKind.LISTING:
            return self.identifier
        if self.kind is RefKind.OCI:
            tag, digest = f":{self.version}" if self.version else "", f"@sha256:{self.sha256}" if self.sha256 else ""
            return f"oci:{self.identifier}{tag}{digest}"
        name = self.identifier + (f"[{','.join(self.extras)}]" if self.extras else "")
        if self.version is not None:
            name += ("==" if self.kind is RefKind.PYPI else "@") + self.version
        if self.sha256 is not None:
            name += f"#sha256={self.sha256}"
        return f"{self.kind.value}:{name}"


_NPM_PART = r"[a-z0-9][a-z0-9._~-]*"
_NPM = re.compile(rf"(?P<name>(?:@{_NPM_PART}/)?{_NPM_PART})(?:@(?P<version>.+))?", re.ASCII)
_SEMVER = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z][0-9A-Za-z.-]{0,60})?", re.ASCII
)
_PYPI_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PYPI = re.compile(
    rf"(?P<name>{_PYPI_NAME})(?:\[(?P<extras>{_PYPI_NAME}(?:,{_PYPI_NAME})*)\])?(?:==(?P<version>.+))?", re.ASCII
)
_PEP440 = re.compile(r"(\d{1,4}!)?\d{1,9}(\.\d{1,9}){0,5}((a|b|rc)\d{1,6})?(\.post\d{1,6})?(\.dev\d{1,8})?", re.ASCII)
_SMITHERY_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
_SMITHERY = re.compile(rf"@?(?P<name>{_SMITHERY_PART}(?:/{_SMITHERY_PART})?)", re.ASCII)
_REGISTRY = re.compile(
    r"(?P<name>[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?/[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?)(?:@(?P<version>[0-9A-Za-z][0-9A-Za-z.+_-]{0,80}))?",
    re.ASCII,
)
_STARTER = re.compile(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", re.ASCII)
_BUNDLE = re.compile(r"(?P<place>[^#]+)(?:#sha256=(?P<sha256>[0-9a-fA-F]{64}))?")
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?P<rest>.*)", re.ASCII | re.DOTALL)
_FOREIGN = {
    "git",
    "git+https",
    "git+ssh",
    "git+http",
    "git+file",
    "file",
    "http",
    "https",
    "link",
    "workspace",
    "github",
}


def parse_reference(text: str) -> Reference:
    """Read a reference such as `npm:pkg@1.2.3`, `pypi:pkg==1.2.3`, `mcpb:FILE-OR-URL#sha256=…`, `smithery:acme/echo`,
    `oci:ghcr.io/acme/x:1.2.3`, `registry:io.github.a/b`, `starter:time`, or a bare name.

    Raises: UsageError saying what is wrong and how it is written.
    """
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match["scheme"], match["rest"]) if match else ("", text)
    _check_characters(text, scheme)
    if scheme in _FOREIGN:
        raise _malformed(text, f"{scheme}: names a place, not a published package")
    if scheme == "openapi":
        raise UsageError(
            f"{scheme}: servers are not supported yet", fix="Use its npm, PyPI or MCPB form, if it has one."
        )
    parse = _PARSERS.get(scheme)
    if parse is None:
        raise _malformed(text, f"{scheme}: is not a known scheme")
    return parse(rest)


def _check_characters(text: str, scheme: str) -> None:
    bundle = scheme == RefKind.MCPB
    limit = {"mcpb": MAX_BUNDLE, "oci": MAX_IMAGE}.get(scheme, MAX_NAME)
    if not text.strip():
        raise UsageError("the name is empty", fix=_FIX)
    if len(text) > limit:
        raise UsageError(f"the name has {len(text)} characters, more than {limit}", fix=_FIX)
    for char in text:
        if char.isascii() and char.isprintable() and (char != " " or bundle):
            continue
        if bundle and char.isprintable():  # a path in somebody's home may be written in any script
            continue
        raise UsageError(
            f"the name contains U+{ord(char):04X} ({unicodedata.name(char, 'a control character')}), "
            "which does not belong into a name; it may only look like an ordinary letter",
            fix="Type the name by hand, in plain ASCII.",
        )
    if text.startswith("-"):
        raise _malformed(text, "it starts with '-', as options do")


_FIX = (
    "Write npm:PACKAGE[@VERSION], pypi:PACKAGE[==VERSION], mcpb:FILE-OR-URL[#sha256=…], "
    "oci:REGISTRY/IMAGE:TAG[@sha256:…], smithery:OWNER/NAME, registry:NAME, starter:NAME, "
    "or the name that `search` shows."
)


def _malformed(text: str, why: str) -> UsageError:
    return UsageError(f"{text[:80]!a} is not a name of a server: {why}", fix=_FIX)


def _npm(rest: str) -> Reference:
    match = _NPM.fullmatch(rest)
    if match is None or ":" in rest or ".." in rest:
        raise _malformed(f"npm:{rest}", "npm names are lower case, as in npm:@scope/name@1.2.3")
    return Reference(RefKind.NPM, match["name"], exact_npm_version(match["version"], rest))


def exact_npm_version(version: str | None, shown: str) -> str | None:
    """Return the version if it is exact.

    Raises: UsageError for ranges and tags.
    """
    if version is not None and _SEMVER.fullmatch(version) is None:
        raise _malformed(
            f"npm:{shown}", "its version is not exact (like 1.2.3); leave it out to get the newest allowed one"
        )
    return version


def _pypi(rest: str) -> Reference:
    match = _PYPI.fullmatch(rest)
    if match is None:
        raise _malformed(f"pypi:{rest}", "write pypi:name or pypi:name==1.2.3; extras as in name[extra]")
    extras = tuple(sorted(match["extras"].split(","))) if match["extras"] else ()
    return Reference(RefKind.PYPI, match["name"], exact_pypi_version(match["version"], rest), extras=extras)


def exact_pypi_version(version: str | None, shown: str) -> str | None:
    """Return the version if it is exact.

    Raises: UsageError for ranges, wildcards and local versions.
    """
    if version is not None and _PEP440.fullmatch(version) is None:
        raise _malformed(
            f"pypi:{shown}", "its version is not exact (like 1.2.3); leave it out to get the newest allowed one"
        )
    return version


def _mcpb(rest: str) -> Reference:
    match = _BUNDLE.fullmatch(rest)
    if match is None:
        raise _malformed(f"mcpb:{rest}", "write mcpb:FILE-OR-URL#sha256= and 64 hex digits")
    place = match["place"]
    if place.startswith("-"):
        raise _malformed(f"mcpb:{rest}", "it starts with '-', as options do")
    if "://" in place and not place.startswith(("https://", "http://")):
        raise _malformed(f"mcpb:{rest}", "bundles are fetched by https only")
    return Reference(RefKind.MCPB, place, sha256=match["sha256"].lower() if match["sha256"] else None)


def _oci(rest: str) -> Reference:
    found = read_image_name(rest)
    if isinstance(found, str):
        raise _malformed(f"oci:{rest}", found)
    return Reference(RefKind.OCI, found.repository, found.tag, sha256=found.digest)


def _smithery(rest: str) -> Reference:
    return Reference(RefKind.SMITHERY, _qualified(rest, f"smithery:{rest}"))


def _qualified(rest: str, shown: str) -> str:
    match = _SMITHERY.fullmatch(rest)
    if match is None or ".." in rest:
        raise _malformed(shown, "write OWNER/NAME")
    return match["name"]


def _registry(rest: str) -> Reference:
    match = _REGISTRY.fullmatch(rest)
    if match is None or ".." in match["name"]:
        raise _malformed(f"registry:{rest}", "write registry:io.github.owner/name")
    return Reference(RefKind.REGISTRY, match["name"], match["version"])


def _starter(rest: str) -> Reference:
    if _STARTER.fullmatch(rest) is None:
        raise _malformed(f"starter:{rest}", "starter names are single words such as starter:time")
    return Reference(RefKind.STARTER, rest)


def _bare(rest: str) -> Reference:
    return Reference(RefKind.LISTING, _qualified(rest, rest))


_PARSERS = {
    "": _bare,
    "npm": _npm,
    "pypi": _pypi,
    "mcpb": _mcpb,
    "oci": _oci,
    "smithery": _smithery,
    "registry": _registry,
    "starter": _starter,
}

_DECORATIONS = re.compile(r"^(mcp[-_.]server[-_.]|server[-_.]|mcp[-_.])|([-_.]mcp[-_.]server|[-_.]server|[-_.]mcp)$")


_SAYS_NOTHING = {"", "mcp", "server", "mcp-server", "mcp-servers", RESERVED_SERVER_NAME}


def suggest_name(identifier: str) -> ServerName:
    """Make our own short server name out of a package's, a bundle's or a registry's name.

    The last part decides, unless it says nothing (`acme/mcp-server`): then it is the part before.
    """
    place = re.sub(r"\.(mcpb|dxt|zip)$", "", re.split(r"[?#]", identifier, maxsplit=1)[0].lower().rstrip("/"))
    for part in reversed(place.split("/")):
        bare = _DECORATIONS.sub("", _DECORATIONS.sub("", part)) or part
        name = re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:24].strip("-")
        if name not in _SAYS_NOTHING:
            return ServerName(name)
    return ServerName("server")
