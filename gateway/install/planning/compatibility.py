"""Can this listing run on this machine, and by which of its connections? A verdict with reasons. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import InstallError, UsageError
from gateway.install.bundles.manifest import Manifest
from gateway.install.planning.inputs import why_runtime_argument_refused
from gateway.install.planning.machine import Machine
from gateway.install.planning.references import parse_reference
from gateway.install.planning.starter import NEEDS_GIT
from gateway.install.planning.versions import satisfies_minimum
from gateway.listing import (
    BundleConnection,
    Connection,
    Listing,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)
from gateway.model import Source

_UNSUPPORTED_REGISTRIES = {
    "oci": "it is a container image, and container runtimes are not supported yet",
    "nuget": "it is a .NET package, which has no runner here",
    "cargo": "it is a Rust crate, which would have to be compiled here",
    "go": "it is a Go module, which would have to be compiled here",
}


def verdict(listing: Listing, machine: Machine) -> tuple[bool, list[str]]:
    """Say whether the listing can be installed here, and why not (or what is not known yet)."""
    if listing.status == "deleted":
        return False, ["it was withdrawn from its registry"]
    if listing.connections is None:
        return True, ["only its search result is known so far; `show` reads the full record"]
    chosen, reasons = choose(listing, machine)
    return chosen is not None, reasons


def choose(listing: Listing, machine: Machine) -> tuple[Connection | None, list[str]]:
    """Return the first connection, in the publisher's order, that can run here; else every reason why none can."""
    reasons: list[str] = []
    if listing.source is Source.STARTER and listing.name in NEEDS_GIT and machine.git is None:
        return None, ["needs the `git` program, which is not installed"]
    for connection in listing.connections or ():
        why = why_not(connection, machine)
        if why is None:
            return connection, []
        if why not in reasons:
            reasons.append(why)
    return None, reasons or ["it is listed without any way to install or reach it"]


def require(listing: Listing, machine: Machine) -> Connection:
    """Return the connection to use.

    Raises: InstallError (step "check") with the reasons.
    """
    chosen, reasons = choose(listing, machine)
    if chosen is None:
        raise InstallError(
            f"{listing.name} cannot run here: {'; '.join(reasons)}",
            step="check",
            fix="`mcp-gateway doctor` tells what this machine lacks, `mcp-gateway search` finds other servers.",
        )
    return chosen


def why_not(connection: Connection, machine: Machine) -> str | None:
    """Say why one connection cannot be used here; None when it can."""
    match connection:
        case UnsupportedConnection():
            return f"{connection.kind}: {connection.reason}"
        case RemoteConnection():
            return None if connection.transport == "streamable-http" else "it only speaks the retired SSE transport"
        case BundleConnection():
            return _why_not_bundle(connection.runtime, machine)
        case PackageConnection():
            return _why_not_package(connection, machine)


def _why_not_bundle(runtime: str, machine: Machine) -> str | None:
    if runtime == "node":
        return machine.missing_node()
    if runtime == "python":
        return machine.missing_python()
    if runtime == "uv":
        return machine.missing_uv()
    if runtime == "bun":
        return "it needs bun, which is not supported"
    return None  # binary, or not said: the manifest decides


def _why_not_package(connection: PackageConnection, machine: Machine) -> str | None:
    if connection.registry not in {"npm", "pypi"}:
        return _UNSUPPORTED_REGISTRIES.get(
            connection.registry, f"the registry {connection.registry!r} is not supported"
        )
    if connection.transport != "stdio":
        return f"the package wants to be reached by {connection.transport}, only stdio is supported for packages"
    try:
        parse_reference(package_reference(connection))
    except UsageError as exc:
        return f"its package name or version is malformed: {exc.message}"
    refused = [why for spec in connection.runtime_arguments if (why := why_runtime_argument_refused(spec))]
    if refused:
        return refused[0]
    return machine.missing_npm() if connection.registry == "npm" else machine.missing_uv()


def package_reference(connection: PackageConnection) -> str:
    """Spell a listing's package as a reference, to be judged by the same grammar as a person's."""
    joint = "==" if connection.registry == "pypi" else "@"
    return f"{connection.registry}:{connection.identifier}" + (joint + connection.version if connection.version else "")


def why_manifest_not(manifest: Manifest, machine: Machine) -> Sequence[str]:
    """Every reason why a bundle with this manifest cannot run here."""
    reasons = []
    if manifest.platforms and machine.platform not in manifest.platforms:
        reasons.append(f"it is made for {', '.join(manifest.platforms)}, this is {machine.platform}")
    missing = {
        "node": machine.missing_node,
        "python": machine.missing_python,
        "uv": machine.missing_uv,
    }.get(manifest.kind)
    why = missing() if missing is not None else None
    if why is not None:
        reasons.append(why)
    programs = {"node": machine.node, "python": machine.python}
    for runtime, wanted in manifest.runtimes.items():
        program = programs.get(runtime)
        if program is not None and satisfies_minimum(program.version, wanted) is False:
            reasons.append(f"needs {runtime} {wanted[:40]}, this machine has {program.shown}")
    return reasons
