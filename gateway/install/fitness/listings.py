"""The verdict on a listing: its registry, its connections and its tools, and which connection to use. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway.install.fitness.connections import judge_connection
from gateway.install.fitness.runtimes import runtime_check
from gateway.install.fitness.tools import tool_checks
from gateway.install.fitness.verdict import Check, Topic, Verdict, failed, ok, unknown, verdict_of, warning
from gateway.install.planning.machine import Machine
from gateway.install.planning.references import suggest_name
from gateway.install.planning.starter import NEEDS_GIT
from gateway.listing import Connection, Listing
from gateway.model import Source
from gateway.protocol.codes import LEGACY_REVISIONS, MODERN_REVISIONS

NOTHING_LISTED = "it is listed without any way to install or reach it"


@dataclass(frozen=True, slots=True)
class Fitness:
    """The verdict, one verdict per connection in the publisher's order, and the first connection that can be used.

    `verdict` speaks of the chosen connection, or of all of them when none can be used.
    """

    verdict: Verdict
    connections: tuple[Verdict, ...] = ()
    chosen: Connection | None = None


def judge(listing: Listing, machine: Machine, *, name: str = "", allowed: Collection[str] = ()) -> Fitness:
    """Judge a listing for this machine.

    `name` is what the server would be called here (default: as an installation would call it); names in `allowed` are
    trusted although their registry's scan failed.
    """
    about = list(_registry_checks(listing, allowed))
    if listing.connections is None:
        whole = verdict_of(about)
        return Fitness(Verdict(whole.compatible and None, whole.checks))
    trusted = listing.source is Source.STARTER
    about += _own_needs(listing, machine)
    judged = tuple(judge_connection(connection, machine, trusted=trusted) for connection in listing.connections)
    usable = [pair for pair in zip(listing.connections, judged, strict=True) if pair[1].compatible]
    chosen, ways = (usable[0][0], [usable[0][1]]) if usable else (None, list(judged))
    checks = [*about, *(check for way in ways for check in way.checks)]
    checks += [_protocol_check(), *tool_checks(listing.tools, name or suggest_name(listing.name))]
    return Fitness(verdict_of(dict.fromkeys(checks)), judged, chosen)


def _registry_checks(listing: Listing, allowed: Collection[str]) -> Iterator[Check]:
    if listing.status == "deleted":
        when = f" on {listing.status_changed_at[:10]}" if listing.status_changed_at else ""
        said = f": {listing.status_message[:200]}" if listing.status_message else ""
        yield failed(Topic.REGISTRY, f"it was withdrawn from its registry{when}{said}", "Choose another server.")
    elif listing.status == "deprecated":
        said = f": {listing.status_message[:200]}" if listing.status_message else ""
        yield warning(Topic.REGISTRY, f"its publisher calls it deprecated{said}", "Look for its successor.")
    if listing.connections is None:
        fix = f"mcp-gateway show {listing.source.value}:{listing.name}"
        yield unknown(Topic.REGISTRY, "only its search result is known so far; `show` reads the full record", fix)
    elif not listing.connections:
        fix = "Its publisher must publish it again; if it has an npm or PyPI package, install that by name."
        yield failed(Topic.REGISTRY, NOTHING_LISTED, fix)
    yield from _scan_checks(listing, allowed)


def _scan_checks(listing: Listing, allowed: Collection[str]) -> Iterator[Check]:
    if listing.scan_passed is True:
        yield ok(Topic.REGISTRY, "it passed its registry's security scan (undated)")
    elif listing.scan_passed is False and listing.name in allowed:
        message = "it did not pass its registry's security scan, but [install] allow names it"
        yield warning(Topic.REGISTRY, message, "Look at what it does.")
    elif listing.scan_passed is False:
        fix = f"If you trust it all the same, name it in [install] allow: {listing.name!r}."
        yield failed(Topic.REGISTRY, "it did not pass its registry's security scan", fix)
    elif listing.source is Source.SMITHERY and listing.connections is not None:
        yield unknown(Topic.REGISTRY, "its registry does not say whether it passed a security scan")


def _own_needs(listing: Listing, machine: Machine) -> list[Check]:
    if listing.source is Source.STARTER and listing.name in NEEDS_GIT:
        return [runtime_check("git", machine)]
    return []


def _protocol_check() -> Check:
    oldest, newest = LEGACY_REVISIONS[-1], MODERN_REVISIONS[0]
    return unknown(
        Topic.PROTOCOL, f"registries do not say which revision it speaks; {oldest} to {newest} are understood"
    )
