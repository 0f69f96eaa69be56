"""Joining the two views a registry has of one server: its full record and its entry in a search. No I/O."""

from __future__ import annotations

import msgspec

from gateway.listing import Listing


def with_claims(record: Listing, claim: Listing | None) -> Listing:
    """Add to a full record what only searches tell: verified, uses, owner, home page, age."""
    if claim is None:
        return record
    return msgspec.structs.replace(
        record,
        verified=claim.verified,
        use_count=claim.use_count if claim.use_count is not None else record.use_count,
        remote=record.remote if record.remote is not None else claim.remote,
        owner=record.owner or claim.owner,
        homepage=record.homepage or claim.homepage,
        repository=record.repository or claim.repository,
        created_at=record.created_at or claim.created_at,
        score=claim.score if claim.score is not None else record.score,
    )


def with_details(item: Listing, remembered: Listing | None) -> Listing:
    """Add to a search's entry the connections, tools and scan that an earlier full record had."""
    if item.connections is not None or remembered is None or remembered.connections is None:
        return item
    return msgspec.structs.replace(
        item,
        connections=remembered.connections,
        tools=remembered.tools,
        scan_passed=remembered.scan_passed,
        # Version and connections belong together: a plan is made from both.
        version=remembered.version,
    )
