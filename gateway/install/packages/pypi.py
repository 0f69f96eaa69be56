"""PyPI packages: a hashed lock of wheels only, in a virtual environment of their own, started by an absolute path."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

import anyio

from gateway.errors import InstallError, NotFound, RefusedByPolicy
from gateway.install.build import Built, Site, package_launch
from gateway.install.content import Receipt
from gateway.install.packages import commands
from gateway.install.packages.locks import UvLock, normalised, read_uploads, read_uv_lock
from gateway.install.planning.blueprint import InstallPlan, PackageSource
from gateway.install.planning.machine import Program
from gateway.install.planning.rules import ALLOW_FRESH, DAY_S, age_words
from gateway.install.runner import Finished


async def build_pypi(plan: InstallPlan, source: PackageSource, site: Site) -> Built:
    """Install one PyPI package, or find it already here.

    Raises: InstallError, RefusedByPolicy, NotFound.
    """
    known = site.store.find(_reference(source, source.version, site)) if source.version else None
    if known is not None:
        digest, found = known
        site.report("reuse", f"{source.package} {found.version} is already here")
        return _built(plan, site, digest, found)
    with site.store.work_folder() as work:
        lock = await lock_requirements([requirement(source)], source.package, plan, site, work)
        if lock.version is None:
            raise InstallError(f"uv made no usable lock for {source.package}", step="lock")
        receipt = site.store.receipt(lock.digest)
        if receipt is None:
            await make_environment(lock, site, work)
            program = await anyio.to_thread.run_sync(find_script, work / commands.VENV, source.package)
            notes = ("the cool-down was waived (allow-fresh)",) if plan.rules.allow_fresh else ()
            name = _reference(source, lock.version, site)
            receipt = Receipt(name, lock.version, f"{commands.VENV}/bin/{program}", notes)
            await site.keep(work, lock.digest, receipt)
        return _built(plan, site, lock.digest, receipt)


def requirement(source: PackageSource) -> str:
    """Spell the package for uv."""
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    return source.package + extras + (f"=={source.version}" if source.version else "")


def _reference(source: PackageSource, version: str | None, site: Site) -> str:
    # A virtual environment belongs to one Python; after an upgrade of Python it is made anew.
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    return f"pypi:{normalised(source.package)}{extras}=={version} {_salt(site)}"


def _salt(site: Site) -> str:
    python, _ = _programs(site)
    return f"python {python.shown} {python.path} {site.machine.platform} {site.machine.arch}"


def _programs(site: Site) -> tuple[Program, Program]:
    if site.machine.python is None or site.machine.uv is None:
        raise InstallError(f"this {site.machine.missing_uv()}", step="check", fix="Install uv.")
    return site.machine.python, site.machine.uv


async def lock_requirements(requirements: list[str], shown: str, plan: InstallPlan, site: Site, work: Path) -> UvLock:
    """Resolve requirements into a checked lock beside them in `work`.

    Raises: RefusedByPolicy when they can be had, but only by releases that are too fresh or of unknown age;
    InstallError otherwise.
    """
    site.report("lock", f"resolving what {shown} needs (wheels only)")
    python, uv = _programs(site)
    await anyio.Path(work / commands.UV_INPUT).write_text("\n".join(requirements) + "\n")
    finished = await site.run("lock", commands.uv_compile(uv.path, python.path, plan.before), work, check=False)
    if finished.exit_code != 0:
        await _explain_failure(shown, plan, site, work, finished)
    try:
        text = await anyio.Path(work / commands.UV_LOCK).read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise InstallError(f"uv wrote no lock for {shown}", step="lock") from exc
    return read_uv_lock(text, shown, salt=_salt(site))


async def _explain_failure(shown: str, plan: InstallPlan, site: Site, work: Path, finished: Finished) -> None:
    """Find out by asking again whether the cool-down was the reason, rather than by reading uv's words."""
    python, uv = _programs(site)
    if plan.before is not None:
        again = await site.run("lock", commands.uv_explain(uv.path, python.path), work, check=False)
        if again.exit_code == 0:
            text = await anyio.to_thread.run_sync((work / commands.UV_EXPLAINED).read_text)
            raise _too_fresh(shown, plan, read_uploads(text), site.now)
    raise InstallError(
        f"{shown} cannot be installed from wheels alone",
        step="lock",
        exit_code=finished.exit_code,
        tail=finished.tail,
        fix="Check name and version; packages that must be built here are not installed.",
    )


def _too_fresh(shown: str, plan: InstallPlan, uploads: Mapping[str, float | None], now: float) -> RefusedByPolicy:
    """Name what is too young, and how young; or what nobody knows the age of."""
    days = f"{plan.rules.cooldown_days:g} days"
    ages = sorted((now - at, what) for what, at in uploads.items() if at is not None)
    young = {what: age_words(age / DAY_S) for age, what in ages if age < plan.rules.cooldown_s}
    unknown = [what for what, at in uploads.items() if at is None]
    own = [what for what in young if what.partition(" ")[0] == normalised(re.split(r"[\[=]", shown)[0])]
    if own:
        said = f"{own[0]} was published {young[own[0]]} ago, less than {days} (the cool-down)"
        return RefusedByPolicy(said, fix=f"Wait, choose an older version, or: {ALLOW_FRESH}", code="too_fresh")
    if young or not unknown:
        named = ", ".join(f"{what} ({age} ago)" for what, age in [*young.items()][:5]) or "nothing any more"
        return RefusedByPolicy(
            f"{shown} needs something that was published less than {days} (the cool-down) ago; so young is: {named}",
            fix=f"Wait, choose an older version, or: {ALLOW_FRESH}",
            code="too_fresh",
        )
    return RefusedByPolicy(
        f"the index does not say when {', '.join(unknown[:5])} was published: the cool-down ({days}) cannot be checked",
        fix=ALLOW_FRESH[0].upper() + ALLOW_FRESH[1:],
        code="age_unknown",
    )


async def make_environment(lock: UvLock, site: Site, work: Path) -> None:
    """Make the virtual environment `venv` in `work` from the lock in it.

    Raises: InstallError.
    """
    python, uv = _programs(site)
    await site.run("venv", commands.uv_venv(uv.path, python.path), work)
    site.report("install", f"installing {lock.packages} wheels, each checked by its hash")
    finished = await site.run("install", commands.uv_sync(uv.path), work, check=False)
    if finished.exit_code != 0:
        raise InstallError(
            f"the {lock.packages} wheels could not be installed with the content that their index promised",
            step="install",
            exit_code=finished.exit_code,
            tail=finished.tail,
            fix="If a hash differs, do not install it; try again if the network was the cause.",
        )
    site.report("compile", "compiling for a quick start")
    # Some packages carry files that do not compile; they would not be imported either.
    await site.run("compile", commands.compile_bytecode(python.path), work, check=False)


def find_script(venv: Path, package: str) -> str:
    """Return the name of the console script that starts the package.

    Raises: InstallError when there is none, or several and none is called like the package.
    """
    scripts = _console_scripts(venv, package)
    for name in scripts:
        if normalised(name) == normalised(package):
            return name
    if len(scripts) != 1:
        what = f"has several programs: {', '.join(sorted(scripts)[:8])}" if scripts else "has no program to start"
        raise InstallError(f"{package} {what}", step="program", fix="It may be a library.")
    return scripts[0]


def _console_scripts(venv: Path, package: str) -> list[str]:
    for info in venv.glob("lib/python*/site-packages/*.dist-info"):
        if normalised(info.name.removesuffix(".dist-info").rpartition("-")[0]) != normalised(package):
            continue
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of programs keep their case
        try:
            parser.read_string((info / "entry_points.txt").read_text("utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            return []
        names = parser.options("console_scripts") if parser.has_section("console_scripts") else []
        return [name for name in names if "/" not in name and (venv / "bin" / name).is_file()]
    raise NotFound(f"{package} was not installed")


def _built(plan: InstallPlan, site: Site, digest: str, receipt: Receipt) -> Built:
    content = site.store.content / digest
    argv = (str(content / commands.VENV_PYTHON), str(content / receipt.program))
    return Built(
        digest=digest,
        sha256=digest,
        version=receipt.version,
        launch=package_launch(plan, site, argv, content),
        warnings=receipt.warnings,
        settings=plan.settings,
        secrets=plan.given_secrets,
        secret_keys=plan.secret_keys,
    )
