"""Installs that nobody has to ask for: the starter catalogue, `[[server]]` blocks with `from`, `[[discover]]` rules.

They run beside serving; each one that fails costs one clear line and is tried again later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import anyio
import structlog

from gateway.config.registries import DiscoverRule
from gateway.config.server import ServerSection
from gateway.daemon.discover import rule_key, vacancy
from gateway.daemon.notes import Notes
from gateway.daemon.specs import missing_installs
from gateway.errors import GatewayError, StoreError
from gateway.install.planning.starter import STARTER
from gateway.model import Origin, ServerName
from gateway.store.installed import InstalledServer
from gateway.verbs.installing import install
from gateway.verbs.parts import Parts
from gateway.verbs.planning import Ask

STARTER_KEY = "starter"
RETRY_S = 300.0  # a registry or network that was down may be back
REFRESH_S = 3600.0  # rules are looked at again: registries ask to be read no more than hourly
CANDIDATES = 20

Tell = Callable[[str, dict[str, Any]], None]
"""(server's name, progress step): shown to whoever watches the start."""


class Installs:
    """The installer's task in the daemon."""

    def __init__(self, parts: Parts, notes: Notes, *, seeds_starter: bool, tell: Tell) -> None:
        self._parts = parts
        self._notes = notes
        self._seeds_starter = seeds_starter
        self._tell = tell
        self._again = anyio.Event()
        self.is_behind = True
        """Whether the last round left something undone that may work soon."""
        self._log = structlog.get_logger("install")

    async def keep_up(self) -> None:
        """Try again what failed, look at the rules again, and at once when the configuration changed."""
        while True:
            wait_s = RETRY_S if self.is_behind else REFRESH_S
            with anyio.move_on_after(wait_s):
                await self._again.wait()
            self._again = anyio.Event()
            await self.round()

    def configuration_changed(self) -> None:
        """Look for missing installs now."""
        self._again.set()

    async def round(self) -> bool:
        """Install everything that is missing; returns whether nothing failed."""
        results: list[bool] = []

        async def do(ask: Ask) -> None:
            results.append(await self._install(ask))

        async with anyio.create_task_group() as tasks:
            for ask in [*self._starters(), *await self._configured()]:
                tasks.start_soon(do, ask)
        filled = [await self._fill(rule) for rule in self._parts.config().discover]
        self.is_behind = not (all(results) and all(filled))
        return not self.is_behind

    def _starters(self) -> list[Ask]:
        if not self._seeds_starter:
            return []
        seeded = self._notes.names(STARTER_KEY)
        return [Ask(f"starter:{s.name}", s.name, origin=Origin.STARTER) for s in STARTER if s.name not in seeded]

    async def _configured(self) -> list[Ask]:
        """The blocks whose content is not here, and those whose values are not the ones it was installed with."""
        config, here = self._parts.config(), {server.spec.name: server for server in await self._parts.installed.all()}
        missing = missing_installs(config, [server.spec for server in here.values()])
        changed = [
            section
            for section in config.server
            if section.from_
            and section not in missing
            and not self._has_values(here[ServerName(section.name)], _ask_of(section))
        ]
        return [_ask_of(section) for section in [*missing, *changed]]

    def _has_values(self, server: InstalledServer, ask: Ask) -> bool:
        if noted := self._notes.names(block_key(ask)):
            return noted == [values_digest(ask)]
        # Installed by somebody else, e.g. by a person who pasted `config show` afterwards.
        return (server.settings, [*server.secret_keys], ()) == (ask.settings, sorted(ask.secret_keys), ask.args)

    async def _install(self, ask: Ask) -> bool:
        name = ask.alias or ask.name
        try:
            await install(self._parts, ask, progress=lambda step: self._tell(name, step))
        except GatewayError as exc:
            self._log.warning("install_failed", server=name, reference=ask.name, reason=exc.message, fix=exc.fix)
            self._tell(name, {"step": "failed", "message": exc.message, "done": None, "total": None})
            return False
        if ask.origin is Origin.STARTER:
            self._note(self._notes.add, STARTER_KEY, name)
        else:
            self._note(self._notes.replace, block_key(ask), values_digest(ask))
        return True

    async def _fill(self, rule: DiscoverRule) -> bool:
        """Fill a rule's vacancy; returns whether looking again soon would change nothing."""
        filled = False
        try:
            filled = await self._fill_now(rule)
        except* GatewayError as several:  # sources are asked side by side
            self._log.warning("discover_failed", need=rule.query, reasons=[str(exc) for exc in several.exceptions])
        return filled

    async def _fill_now(self, rule: DiscoverRule) -> bool:
        """Take the best listings that install without anybody's help."""
        here = await self._parts.installed.all()
        mine = [server for server in here if server.spec.name in self._notes.names(rule_key(rule))]
        if len(mine) >= rule.limit:
            return True
        found = await self._parts.finder.search(rule.query, limit=CANDIDATES)
        names = {server.from_ref.partition(":")[2] for server in here}
        open_ = vacancy(rule, [item.listing for item in found.items], len(mine), names)
        filled = 0
        for listing in open_.listings:
            if filled >= open_.count:
                break
            filled += await self._try(rule, f"{listing.source}:{listing.name}")
        if filled >= open_.count:
            return True
        away = [state.name for state in found.sources if state.state in {"down", "stale"}]
        self._log.warning("discover_unfilled", need=rule.query, missing=open_.count - filled, away=away)
        return not away

    async def _try(self, rule: DiscoverRule, reference: str) -> bool:
        try:
            done = await install(
                self._parts,
                Ask(reference, origin=Origin.DISCOVER),
                progress=lambda step: self._tell(reference, step),
            )
        except StoreError:
            raise  # not the listing's fault: looked at again soon
        except GatewayError as exc:
            self._log.info("discover_skipped", need=rule.query, reference=reference, reason=exc.message)
            return False
        self._note(self._notes.add, rule_key(rule), done["name"])
        return True

    def _note(self, write: Callable[[str, str], None], key: str, value: str) -> None:
        try:
            write(key, value)
        except OSError as exc:
            self._log.warning("note_not_kept", key=key, value=value, reason=exc.strerror or str(exc))


def block_key(ask: Ask) -> str:
    """Name a `[[server]]` block, so that its values can be compared later."""
    return f"block:{ask.alias}"


def values_digest(ask: Ask) -> str:
    """What a block says besides where its server comes from, told apart without telling it."""
    said = [dict(ask.settings), sorted(ask.secret_keys), list(ask.args)]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _ask_of(section: ServerSection) -> Ask:
    return Ask(
        section.from_,
        alias=section.name,
        settings=section.config,
        secret_keys=section.secrets,
        args=section.args,
        origin=Origin.CONFIG,
    )
