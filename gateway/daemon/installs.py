"""Installs that nobody has to ask for: the starter catalogue, `[[server]]` blocks with `from`, `[[discover]]` rules.

They run beside serving; each one that fails costs one clear line and is tried again later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import structlog

from gateway.config.server import ServerSection
from gateway.daemon.candidates import Candidates
from gateway.daemon.downtime import Downtime
from gateway.daemon.filling import Filler
from gateway.daemon.notes import Notes
from gateway.daemon.pending import FAILED, Pending
from gateway.daemon.specs import missing_installs
from gateway.daemon.survival import survived
from gateway.errors import GatewayError
from gateway.install.planning.starter import STARTER
from gateway.model import Origin, ServerName
from gateway.store.definitions import ITSELF
from gateway.store.installed import InstalledServer
from gateway.verbs.connecting.plan import DIRECT, via_of
from gateway.verbs.definitions import SERVER_ITSELF
from gateway.verbs.installing import install
from gateway.verbs.parts import Parts
from gateway.verbs.planning import Ask

STARTER_KEY = "starter"
RETRY_S = 300.0  # a registry or network that was down may be back
FIRST_RETRY_S = 20.0  # most of what fails at a start is a hiccup of the network
REFRESH_S = 3600.0  # rules are looked at again: registries ask to be read no more than hourly

Tell = Callable[[str, dict[str, Any]], None]
"""(server's name, progress step): shown to whoever watches the start."""


def retry_after_s(failed_rounds: int) -> float:
    """Return how long to wait after a round that left something undone; `failed_rounds` such ones came before it."""
    return min(FIRST_RETRY_S * 2.0 ** min(failed_rounds, 10), RETRY_S)


class Installs:
    """The installer's task in the daemon."""

    def __init__(self, parts: Parts, notes: Notes, filler: Filler, *, seeds_starter: bool, tell: Tell) -> None:
        self._parts = parts
        self._notes = notes
        self._filler = filler
        self._seeds_starter = seeds_starter
        self._tell = tell
        self._again = anyio.Event()
        self._pending = Pending()
        self.is_behind = True
        """Whether the last round left something undone that may work soon."""
        self._log = structlog.get_logger("install")

    async def keep_up(self) -> None:
        """Try again what failed, look at the rules again, and at once when the configuration changed."""
        failed_rounds = 0
        while True:
            wait_s = retry_after_s(failed_rounds) if self.is_behind else REFRESH_S
            failed_rounds = failed_rounds + 1 if self.is_behind else 0
            with anyio.move_on_after(wait_s):
                await self._again.wait()
            self._again = anyio.Event()
            await self.round()

    @property
    def vacancies(self) -> list[dict[str, Any]]:
        """What `[[discover]]` rules lack, each with its reasons."""
        return self._filler.vacancies

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What is wanted and not here yet, with what is being done or why it failed."""
        return self._pending.rows()

    def configuration_changed(self) -> None:
        """Look for missing installs now."""
        self._again.set()

    async def round(self) -> bool:
        """Install everything that is missing; returns whether nothing failed."""
        results: list[bool] = []

        async def do(ask: Ask) -> None:
            results.append(await self._install(ask))

        asks = [*self._starters(), *await self._configured()]
        self._pending.keep({ask.alias or ask.name for ask in asks})
        async with anyio.create_task_group() as tasks:
            for ask in asks:
                tasks.start_soon(do, ask)
        is_filled = await self._filler.round()
        self.is_behind = not (all(results) and is_filled)
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
            and not (
                self._has_values(here[ServerName(section.name)], _ask_of(section))
                and section.sha256 in {"", here[ServerName(section.name)].sha256}
            )
        ]
        return [_ask_of(section) for section in [*missing, *changed]]

    def _has_values(self, server: InstalledServer, ask: Ask) -> bool:
        if noted := self._notes.names(block_key(ask)):
            return noted == [values_digest(ask)]
        # Installed by somebody else, e.g. by a person who pasted `config show` afterwards.
        has = (server.settings, [*server.secret_keys], (), via_of(server.spec))
        return has == (ask.settings, sorted(ask.secret_keys), ask.args, ask.via)

    async def _install(self, ask: Ask) -> bool:
        name = ask.alias or ask.name
        self._pending.step(name, ask.name, "waiting for its turn")
        is_here = False
        with survived("install_broke", server=name, reference=ask.name):
            is_here = await self._try(name, ask)
        if not is_here and all(row["state"] != FAILED for row in self._pending.rows() if row["name"] == name):
            self._pending.failed(name, ask.name, "an internal error; the log has it", "Please report it.")
        return is_here

    async def _try(self, name: str, ask: Ask) -> bool:
        def tell(step: dict[str, Any]) -> None:
            self._pending.step(name, ask.name, f"{step['step']}: {step['message']}")
            self._tell(name, step)

        try:
            await self._expect(ask)
            await install(self._parts, ask, progress=tell)
        except GatewayError as exc:
            self._log.warning("install_failed", server=name, reference=ask.name, reason=exc.message, fix=exc.fix)
            self._tell(name, {"step": "failed", "message": exc.message, "done": None, "total": None})
            self._pending.failed(name, ask.name, exc.message, exc.fix)
            return False
        self._pending.done(name)
        if ask.origin is Origin.STARTER:
            self._note(self._notes.add, STARTER_KEY, name)
        else:
            self._note(self._notes.replace, block_key(ask), values_digest(ask))
        return True

    async def _expect(self, ask: Ask) -> None:
        """Pin the definitions that a block approves, before the server shows its own."""
        pins = next((s.pins for s in self._parts.config().server if s.name == ask.alias), {})
        if ask.origin is Origin.CONFIG and pins:
            named = {ITSELF if tool == SERVER_ITSELF else tool: pin for tool, pin in pins.items()}
            await self._parts.definitions.expect(ServerName(ask.alias or ""), named)

    def _note(self, write: Callable[[str, str], None], key: str, value: str) -> None:
        try:
            write(key, value)
        except OSError as exc:
            self._log.warning("note_not_kept", key=key, value=value, reason=exc.strerror or str(exc))


def build_installs(parts: Parts, root: Path, downtime: Downtime, *, seeds_starter: bool, tell: Tell) -> Installs:
    """Build the task of a daemon whose state lies below `root`."""
    notes = Notes(root / "notes.json")
    filler = Filler(
        parts,
        notes,
        Candidates(root / "candidates.json"),
        tell=tell,
        down_s=lambda name: downtime.seconds(name, parts.clock.wall()),
    )
    return Installs(parts, notes, filler, seeds_starter=seeds_starter, tell=tell)


def block_key(ask: Ask) -> str:
    """Name a `[[server]]` block, so that its values can be compared later."""
    return f"block:{ask.alias}"


def values_digest(ask: Ask) -> str:
    """What a block says besides where its server comes from, told apart without telling it."""
    said: list[Any] = [dict(ask.settings), sorted(ask.secret_keys), list(ask.args)]
    said += [ask.via] if ask.via != DIRECT else []
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _ask_of(section: ServerSection) -> Ask:
    return Ask(
        section.from_,
        alias=section.name,
        settings=section.config,
        secret_keys=section.secrets,
        args=section.args,
        origin=Origin.CONFIG,
        sha256=section.sha256,
        via=section.via,
    )
