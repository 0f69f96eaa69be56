"""`massgen config`, `token`, `doctor`: the gateway about itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any

from gateway.errors import UsageError
from gateway.install.planning.machine import FIXES, Machine, Program
from gateway.massgen.config import render_block
from gateway.model import ServerSpec, StdioLaunch
from gateway.supervisor.sandbox.deciding import Host, Level, summary
from gateway.supervisor.sandbox.probing import probe_host
from gateway.verbs.parts import Parts
from gateway.verbs.registry_checks import check as _check
from gateway.verbs.registry_checks import registry_checks

Json = dict[str, Any]
AGENTS = "token"


async def massgen_block(parts: Parts, agents: Sequence[str] = ()) -> Json:
    """The YAML block that MassGen accepts as it is."""
    return {"yaml": massgen_text(parts, agents), "url": parts.url}


def massgen_text(parts: Parts, agents: Sequence[str] = ()) -> str:
    """The block as text; its closing hint reads the token from the file in which it lies."""
    place = parts.tokens.load(AGENTS).place
    return render_block(parts.url, agents, token_file=place if place.startswith("/") else None)


async def token_show(parts: Parts, which: str = AGENTS) -> Json:
    """A token and where it lies."""
    if which not in {AGENTS, "admin-token"}:
        raise UsageError(f"there is no token {which!r}", fix="Say token (the agents') or admin-token.")
    token = parts.tokens.load(which)
    return {"which": which, "token": token.value, "file": token.place if token.place.startswith("/") else None}


async def token_rotate(parts: Parts, which: str = AGENTS) -> Json:
    """Replace a token; the old one stops working at once."""
    token = parts.tokens.rotate(which)
    return {"which": which, "token": token.value, "file": token.place}


async def doctor(parts: Parts) -> Json:
    """What is missing on this machine, and what to do about it. The machine is looked at afresh."""
    parts.installer.forget_machine()
    checks = [
        *program_checks(await parts.machine(), programs_used(await parts.wanted())),
        _torch_check(),
        sandbox_check(await probe_host()),
        *await _store_checks(parts),
    ]
    checks += await registry_checks(parts)
    checks += [_vacancy_check(row) for row in parts.vacancies()]
    return {"ok": all(check["state"] != "failed" for check in checks), "checks": checks}


def _vacancy_check(row: Json) -> Json:
    fix = "Loosen the rule, or install one yourself: mcp-gateway search; mcp-gateway install NAME"
    why = "; ".join(row["reasons"])
    return _check(f"discover {row['need']!r}", "warning", f"{row['missing']} of {row['wanted']} missing: {why}", fix)


def program_checks(machine: Machine, needed: Collection[str] = ()) -> list[Json]:
    """The programs that servers need; `needed` are those that some server here uses beside what the starter needs."""
    return [_program_check(name, program, machine, needed) for name, program in machine.programs().items()]


def _program_check(name: str, program: Program | None, machine: Machine, needed: Collection[str]) -> Json:
    why = machine.missing(name)
    place = f"{program.shown} at {program.path}" if program else "not installed"
    if why is None:
        engine = f", engine {machine.docker_engine}" if name == "docker" else ""
        return _check(name, "ok", f"{place}{engine}", "")
    if name in _ONLY_FOR and name not in needed:
        state = f"{place}, but its engine does not answer" if program else place
        return _check(name, "ok", f"{state}; only {_ONLY_FOR[name]} need it", "")
    return _check(name, "warning", why, FIXES[name])


_ONLY_FOR = {"bun": "bundles made for bun", "docker": "servers from container images"}


def programs_used(specs: Iterable[ServerSpec]) -> set[str]:
    """The names of the programs that start these servers."""
    return {PurePath(spec.launch.argv[0]).name for spec in specs if isinstance(spec.launch, StdioLaunch)}


def _torch_check() -> Json:
    if importlib.util.find_spec("torch") is None:
        return _check(
            "torch", "warning", "not installed: the policy counts, but does not train.", "pip install 'torch>=2.13,<3'"
        )
    return _check("torch", "ok", "installed; only the learner's process imports it", "")


def sandbox_check(host: Host) -> Json:
    """Which level confines installed servers here, and why not more; what would give more is told with it."""
    found = summary(host)
    if found.level is Level.NONE:
        return _check("sandbox", "warning", found.message, found.fix)
    return _check("sandbox", "ok", f"{found.message}. {found.fix}" if found.fix else found.message, "")


async def _store_checks(parts: Parts) -> list[Json]:
    problems = await parts.db.integrity()
    writable = await parts.db.is_writable()
    return [
        _check(
            "store",
            "failed" if problems else "ok",
            "; ".join(problems) or "intact",
            "Restore a copy of the state directory.",
        ),
        _check(
            "store writable",
            "ok" if writable else "failed",
            "yes" if writable else "no",
            "Free disk space, check permissions.",
        ),
    ]
