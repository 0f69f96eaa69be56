"""Can one connection of a listing be used on this machine? Each thing that was looked at is one check. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.errors import UsageError
from gateway.install.containers.planning import why_container_argument_refused
from gateway.install.fitness.configuration import configuration_check
from gateway.install.fitness.runtimes import runtime_check
from gateway.install.fitness.verdict import Check, Topic, Verdict, failed, ok, unknown, verdict_of
from gateway.install.planning.inputs import why_runtime_argument_refused
from gateway.install.planning.machine import Machine
from gateway.install.planning.references import parse_reference
from gateway.listing import (
    BundleConnection,
    Connection,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)

MAX_BUNDLE_MIB = 256  # of the download; what it unpacks to has caps of its own
_RUNTIMES = {"npm": "npm", "pypi": "uv", "oci": "docker"}
_UNSUPPORTED_REGISTRIES = {
    "nuget": "it is a .NET package, which has no runner here",
    "cargo": "it is a Rust crate, which would have to be compiled here",
    "go": "it is a Go module, which would have to be compiled here",
}
_OTHER_FORM = "Ask its publisher for an npm, PyPI or MCPB form or a container image, or choose another server."
_TELL = "Tell its publisher, or choose another server."


def judge_connection(connection: Connection, machine: Machine, *, trusted: bool = False) -> Verdict:
    """Judge one way to install or reach a server; `trusted`: the listing is our own."""
    match connection:
        case UnsupportedConnection():
            topic = Topic.REGISTRY if connection.kind == "none" else Topic.RUNTIME
            return verdict_of([failed(topic, f"{connection.kind}: {connection.reason}", _OTHER_FORM)])
        case RemoteConnection():
            checks = list(_remote_checks(connection))
        case BundleConnection():
            checks = list(_bundle_checks(connection, machine))
        case PackageConnection():
            checks = list(_package_checks(connection, machine))
    return verdict_of([*checks, configuration_check(connection, trusted=trusted)])


def _remote_checks(connection: RemoteConnection) -> Iterator[Check]:
    if connection.transport == "streamable-http":
        yield ok(Topic.TRANSPORT, "Streamable HTTP")
    else:
        message = "it only speaks the retired SSE transport"
        yield failed(Topic.TRANSPORT, message, "Ask its publisher for a Streamable HTTP address.")
    yield ok(Topic.SIZE, "it runs elsewhere: nothing is downloaded")


def _bundle_checks(connection: BundleConnection, machine: Machine) -> Iterator[Check]:
    if connection.runtime in {"node", "python", "uv", "bun"}:
        yield runtime_check(connection.runtime, machine)
    else:
        said = connection.runtime[:40] or "nothing"
        yield unknown(Topic.RUNTIME, f"its registry says {said}; the bundle's manifest decides")
    yield unknown(Topic.PLATFORM, "the bundle's manifest decides, before anything is unpacked")
    yield ok(Topic.TRANSPORT, "stdio")
    yield unknown(Topic.SIZE, f"its registry does not say; more than {MAX_BUNDLE_MIB} MiB is refused")


def _package_checks(connection: PackageConnection, machine: Machine) -> Iterator[Check]:
    runtime = _RUNTIMES.get(connection.registry)
    if runtime is None:
        unsupported = f"the registry {connection.registry[:40]!r} is not supported"
        yield failed(Topic.RUNTIME, _UNSUPPORTED_REGISTRIES.get(connection.registry, unsupported), _OTHER_FORM)
        return
    yield runtime_check(runtime, machine)
    if connection.transport == "stdio":
        yield ok(Topic.TRANSPORT, "stdio")
    else:
        message = (
            f"the package wants to be reached by {connection.transport[:40]}, only stdio is supported for packages"
        )
        yield failed(Topic.TRANSPORT, message, "Start it yourself, and name its address as url of a [[server]].")
    try:
        parse_reference(package_reference(connection))
    except UsageError as exc:
        yield failed(Topic.REGISTRY, f"its package name or version is malformed: {exc.message}", _TELL)
    why_refused = why_container_argument_refused if runtime == "docker" else why_runtime_argument_refused
    for why in [why for spec in connection.runtime_arguments if (why := why_refused(spec))]:
        yield failed(Topic.RUNTIME, why, _TELL)
    yield unknown(Topic.SIZE, "its registry does not say")


def package_reference(connection: PackageConnection) -> str:
    """Spell a listing's package as a reference, to be judged by the same grammar as a person's."""
    if connection.registry == "oci":  # the identifier is the whole name; older listings give the tag apart
        says_which = "@" in connection.identifier or ":" in connection.identifier.rpartition("/")[2]
        tag = f":{connection.version}" if connection.version and not says_which else ""
        return f"oci:{connection.identifier}{tag}"
    joint = "==" if connection.registry == "pypi" else "@"
    return f"{connection.registry}:{connection.identifier}" + (joint + connection.version if connection.version else "")
