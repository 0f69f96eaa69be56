"""`config show`, `massgen config`, `token`, `doctor`: the gateway about itself."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.config.render import render_config
from gateway.config.server import ServerSection
from gateway.errors import UsageError
from gateway.install.planning.machine import Machine
from gateway.massgen.config import render_block
from gateway.model import ServerSpec
from gateway.verbs.parts import Parts

Json = dict[str, Any]
AGENTS = "token"


async def config_show(parts: Parts) -> Json:
    """The union of the file and the installed servers, as TOML that can be pasted."""
    config = parts.config()
    sections = {section.name: section for section in config.server}
    for server in await parts.installed.all():
        sections.setdefault(
            server.spec.name, installed_section(server.spec, server.from_ref, server.settings, server.secret_keys)
        )
    whole = replace(config, server=tuple(sections[name] for name in sorted(sections)))
    return {"toml": render_config(whole), "file": str(parts.config_file) if parts.config_file else None}


def installed_section(spec: ServerSpec, from_ref: str, settings: Json, secret_keys: Sequence[str]) -> ServerSection:
    """The `[[server]]` block that would install the same server."""
    return ServerSection(
        name=spec.name,
        from_=spec.from_ or from_ref,
        prefix=spec.prefix,
        required=spec.required,
        session=spec.session.value,
        config=dict(settings),
        secrets=tuple(secret_keys),
    )


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
    """What is missing on this machine, and what to do about it."""
    checks = [*program_checks(await parts.machine()), _torch_check(), _sandbox_check(), *await _store_checks(parts)]
    found = await parts.finder.search("", limit=1)
    for source in found.sources:
        state = "ok" if source.state == "ok" else "warning"
        fix = "" if state == "ok" else "Servers already installed keep working; see [smithery] and [registry]."
        checks.append(_check(f"source {source.name}", state, source.message or source.state, fix))
    return {"ok": all(check["state"] != "failed" for check in checks), "checks": checks}


def program_checks(machine: Machine) -> list[Json]:
    """The programs that servers need."""
    found = {
        "node": (
            machine.node,
            machine.missing_node(),
            "Install Node.js 20 or newer for servers from npm and Node bundles.",
        ),
        "npm": (machine.npm, machine.missing_npm(), "Install npm for servers from npm."),
        "python": (machine.python, machine.missing_python(), "Install Python 3.10 or newer."),
        "uv": (machine.uv, machine.missing_uv(), "Install the PyPI package uv for servers from PyPI."),
        "git": (machine.git, None if machine.git else "git is not installed", "Install git for the git server."),
    }
    return [
        _check(name, "ok", f"{program.shown} at {program.path}", "")
        if program and not why
        else _check(name, "warning", why or "", fix)
        for name, (program, why, fix) in found.items()
    ]


def _torch_check() -> Json:
    if importlib.util.find_spec("torch") is None:
        return _check(
            "torch", "warning", "not installed: the policy counts, but does not train.", "pip install 'torch>=2.13,<3'"
        )
    return _check("torch", "ok", "installed; only the learner's process imports it", "")


def _sandbox_check() -> Json:
    if sys.platform != "linux":
        return _check("sandbox", "warning", f"none on {sys.platform}: children run with your rights", "Run on Linux.")
    message = "none: children have an exact environment and their own process group, and your file access."
    return _check("sandbox", "warning", message, "Run the gateway as its own user (the systemd unit does).")


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


def _check(name: str, state: str, message: str, fix: str) -> Json:
    return {"name": name, "state": state, "message": message, "fix": "" if state == "ok" else fix}
