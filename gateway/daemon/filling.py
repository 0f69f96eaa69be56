"""Keeps `[[discover]]` rules filled: the best listings that install without anybody's help, into vacancies only.

A rule's server that has not been ready for long leaves a vacancy to the next best, and stays: it may come back. A
server whose rule is gone, or wants it no longer, stays as well, and `list` says so: nothing that works is taken away
without a person's word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from gateway.clock import rfc3339
from gateway.config.registries import DiscoverRule
from gateway.daemon.candidates import Candidates
from gateway.daemon.discover import ORPHAN, adopted, installed_names, rule_key, vacancy
from gateway.daemon.notes import Notes
from gateway.discovery.finder import SearchResult
from gateway.errors import ChildError, GatewayError, InstallError, StoreError
from gateway.model import Origin, ServerName
from gateway.store.installed import InstalledServer
from gateway.verbs.installing import install
from gateway.verbs.parts import Parts
from gateway.verbs.planning import Ask

CANDIDATES = 20
LOST_S = 1800.0  # not ready for so long: the supervisor gave it several new chances meanwhile
AWAY = frozenset({"down", "stale"})

Json = dict[str, Any]
Tell = Callable[[str, Json], None]


class Filler:
    """Fills the rules' vacancies, and remembers why one stays open."""

    def __init__(
        self, parts: Parts, notes: Notes, candidates: Candidates, *, tell: Tell, down_s: Callable[[ServerName], float]
    ) -> None:
        self._parts = parts
        self._notes = notes
        self._candidates = candidates
        self._tell = tell
        self._down_s = down_s
        self.vacancies: list[Json] = []
        """What `status` and `doctor` show: `{"need", "wanted", "have", "missing", "reasons"}` of each open rule."""
        self._log = structlog.get_logger("install")

    async def round(self) -> bool:
        """Look at every rule; returns whether looking again soon would change nothing."""
        rules = self._parts.config().discover
        open_: list[Json] = []
        settled = [await self._fill(rule, open_) for rule in rules]
        self.vacancies = open_
        await self._mark_orphans(rules)
        return all(settled)

    async def _fill(self, rule: DiscoverRule, open_: list[Json]) -> bool:
        """Fill one rule; what stays open is added to `open_`."""
        settled = False
        try:
            settled = await self._fill_now(rule, open_)
        except* GatewayError as several:  # sources are asked side by side
            reasons = [str(exc) for exc in several.exceptions]
            self._log.warning("discover_failed", need=rule.query, reasons=reasons)
            open_.append(_told(rule, 0, reasons))
        except* Exception:  # noqa: BLE001 - a listing that breaks us must not end the daemon
            self._log.exception("discover_broke", need=rule.query)
            open_.append(_told(rule, 0, ["an internal error; the log has it"]))
        return settled

    async def _fill_now(self, rule: DiscoverRule, open_: list[Json]) -> bool:
        here = await self._parts.installed.all()
        mine = [server for server in here if server.spec.name in self._notes.names(rule_key(rule))]
        lost = {server.spec.name: self._down_s(server.spec.name) for server in mine}
        lost = {name: down_s for name, down_s in lost.items() if down_s > LOST_S}
        have = len(mine) - len(lost)
        if have >= rule.limit:
            return True
        reasons = [f"{name} has not been ready for {down_s / 60:.0f} min" for name, down_s in lost.items()]
        if len(mine) >= 2 * rule.limit:  # so many went bad that the next will do the same
            open_.append(self._warned(rule, have, [*reasons, "as many again were tried; remove those that fail"]))
            return True
        found = await self._parts.finder.search(rule.query, limit=CANDIDATES)
        have += self._adopt(rule, here, found)
        have += await self._install(rule, here, found, have, reasons)
        if have >= rule.limit:
            return True
        away = [f"{state.name} is {state.state}: {state.message}" for state in found.sources if state.state in AWAY]
        open_.append(self._warned(rule, have, [*reasons, *away] or [_nothing(rule)]))
        return not away

    def _adopt(self, rule: DiscoverRule, here: Sequence[InstalledServer], found: SearchResult) -> int:
        """Count servers that another (changed, deleted) rule installed and this one wants."""
        owned = self._owned(self._parts.config().discover)
        names = adopted(rule, here, owned, [item.listing for item in found.items])
        for name in names:
            self._note(lambda name=name: self._notes.add(rule_key(rule), name))  # type: ignore[misc]
        return len(names)

    def _owned(self, rules: Sequence[DiscoverRule]) -> set[str]:
        return {name for rule in rules for name in self._notes.names(rule_key(rule))}

    async def _install(
        self, rule: DiscoverRule, here: Sequence[InstalledServer], found: SearchResult, have: int, reasons: list[str]
    ) -> int:
        """Install what fits, best first; returns how many, and adds why others were left out."""
        open_ = vacancy(rule, [item.listing for item in found.items], have, installed_names(here))
        filled = 0
        for listing in open_.listings:
            if filled >= open_.count:
                break
            reference = f"{listing.source.value}:{listing.name}"
            if failure := self._candidates.waits(reference, self._parts.clock.wall()):
                reasons.append(f"{reference} failed and waits until {rfc3339(failure.until)}: {failure.reason}")
                continue
            reason = await self._try(rule, reference)
            if reason:
                reasons.append(f"{reference}: {reason}")
            else:
                filled += 1
        return filled

    async def _try(self, rule: DiscoverRule, reference: str) -> str:
        """Install one candidate; returns "" or why it was left out."""
        try:
            ask = Ask(reference, origin=Origin.DISCOVER)
            done = await install(self._parts, ask, progress=lambda step: self._tell(reference, step))
        except StoreError:
            raise  # not the listing's fault: looked at again soon
        except GatewayError as exc:
            self._log.info("discover_skipped", need=rule.query, reference=reference, reason=exc.message)
            if isinstance(exc, InstallError | ChildError):
                now, why = self._parts.clock.wall(), exc.message
                self._note(lambda: self._candidates.failed(reference, now, why))
            return exc.message
        self._note(lambda: self._candidates.worked(reference))
        self._note(lambda: self._notes.add(rule_key(rule), done["name"]))
        return ""

    async def _mark_orphans(self, rules: Sequence[DiscoverRule]) -> None:
        """Say at servers that no rule wants any more that this is so, and at others no longer."""
        owned = self._owned(rules)
        for server in await self._parts.installed.all():
            is_orphan = server.spec.origin is Origin.DISCOVER and server.spec.name not in owned
            if is_orphan == (server.note == ORPHAN) or (is_orphan and server.note):
                continue
            note = ORPHAN if is_orphan else ""
            if is_orphan:
                name = server.spec.name
                self._log.info("discover_no_longer_wanted", server=name, fix=f"mcp-gateway remove {name}")
            await self._parts.installed.put(msgspec.structs.replace(server, note=note))

    def _warned(self, rule: DiscoverRule, have: int, reasons: Sequence[str]) -> Json:
        told = _told(rule, have, reasons)
        self._log.warning("discover_unfilled", **told)
        return told

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as exc:
            self._log.warning("note_not_kept", reason=exc.strerror or str(exc))


def _told(rule: DiscoverRule, have: int, reasons: Sequence[str]) -> Json:
    return {
        "need": rule.query,
        "wanted": rule.limit,
        "have": have,
        "missing": rule.limit - have,
        "reasons": list(reasons),
    }


def _nothing(rule: DiscoverRule) -> str:
    verified = "verified " if rule.verified_only else ""
    return f"no other {verified}server was found that the rule allows"
