"""npm packages: a lock of our own, installed without running any script, started by node and an absolute path."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import anyio

from gateway.errors import InstallError, NotFound, RefusedByPolicy
from gateway.install.build import Built, Site, package_launch
from gateway.install.content import Receipt
from gateway.install.packages import commands
from gateway.install.packages.locks import NpmLock, read_npm_lock
from gateway.install.planning.blueprint import InstallPlan, PackageSource
from gateway.install.planning.rules import ALLOW_FRESH, check_age, newest_allowed, parse_time
from gateway.install.runner import Finished

_SCRIPT_SUFFIXES = (".js", ".mjs", ".cjs")


async def build_npm(plan: InstallPlan, source: PackageSource, site: Site) -> Built:
    """Install one npm package, or find it already here.

    Raises: InstallError, RefusedByPolicy, NotFound.
    """
    known = site.store.find(_reference(source, source.version)) if source.version else None
    if known is not None:
        digest, found = known
        site.report("reuse", f"{found.reference} is already here")
        return _built(plan, site, digest, found)
    with site.store.work_folder() as work:
        version, note = await _choose_version(plan, source, site, work)
        lock = await _lock(plan, source.package, version, site, work)
        warnings = _warnings(note, lock)
        receipt = site.store.receipt(lock.digest)
        if receipt is None:
            program = await _install(source, lock, site, work)
            receipt = Receipt(_reference(source, version), version, program, warnings)
            await site.keep(work, lock.digest, receipt)
        return _built(plan, site, lock.digest, receipt)


def _reference(source: PackageSource, version: str | None) -> str:
    return f"npm:{source.package}@{version}"


async def _choose_version(plan: InstallPlan, source: PackageSource, site: Site, work: Path) -> tuple[str, str | None]:
    """Return the version to install and a note about its cool-down."""
    site.report("versions", f"asking the registry about {source.package}")
    facts = await _view(source.package, site, work)
    times, versions, latest = facts["times"], facts["versions"], facts["latest"]
    rules = plan.rules
    if source.version is None:
        version = newest_allowed(rules, source.package, versions, times, now=site.now, latest=latest)
        return version, "the cool-down was waived (allow-fresh)" if rules.allow_fresh else None
    if source.version not in versions:
        shown = ", ".join(versions[-5:])
        raise NotFound(f"{source.package} has no version {source.version}", fix=f"Its last versions are: {shown}.")
    published = parse_time(times.get(source.version))
    return source.version, check_age(rules, f"{source.package}@{source.version}", published, site.now)


async def _view(package: str, site: Site, work: Path) -> dict[str, Any]:
    npm = _program(site)
    finished = await site.run("versions", commands.npm_view(npm, package), work, check=False)
    try:
        answer = json.loads(finished.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "error" in answer or finished.exit_code != 0:
        _raise_view_failed(package, answer, finished.exit_code, finished.tail)
    versions = answer.get("versions", [])
    times, tags = answer.get("time"), answer.get("dist-tags")
    return {
        "versions": [versions] if isinstance(versions, str) else list(versions),
        "times": times if isinstance(times, dict) else {},
        "latest": tags.get("latest") if isinstance(tags, dict) else None,
    }


def _raise_view_failed(package: str, answer: Any, exit_code: int, tail: tuple[str, ...]) -> None:
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and error.get("code") == "E404":
        raise NotFound(f"npm knows no package {package}", fix="Check its spelling.")
    raise InstallError(
        f"npm could not say which versions of {package} there are",
        step="versions",
        exit_code=exit_code,
        tail=tail,
        fix="Check the network and npm's registry setting, and try again.",
    )


def _program(site: Site) -> str:
    if site.machine.npm is None or site.machine.node is None:
        raise InstallError(f"this {site.machine.missing_npm()}", step="check", fix="Install Node.js.")
    return site.machine.npm.path


async def _lock(plan: InstallPlan, package: str, version: str, site: Site, work: Path) -> NpmLock:
    site.report("lock", f"resolving what {package}@{version} needs")
    own = {"name": "installed-server", "version": "0.0.0", "private": True, "dependencies": {package: version}}
    await anyio.Path(work / "package.json").write_text(json.dumps(own))
    finished = await site.run("lock", commands.npm_lock(_program(site), plan.before), work, check=False)
    if finished.exit_code != 0:
        await _explain_failure(plan, f"{package}@{version}", site, work, finished)
    return read_npm_lock(await _read(work / commands.NPM_LOCK), package)


async def _explain_failure(plan: InstallPlan, shown: str, site: Site, work: Path, finished: Finished) -> None:
    """Say whether a rule of ours was the reason, told by npm's error codes and by asking again without the cool-down.

    Raises: RefusedByPolicy, InstallError.
    """
    code, summary = npm_error(finished.stdout)
    if code.startswith("EALLOW"):
        raise RefusedByPolicy(
            f"{shown} (or something it needs) is to be fetched from elsewhere than the package registry: {summary}",
            fix="Choose another server: code from a repository, a web address or a folder is not installed.",
            code="not_from_registry",
        )
    if plan.before is not None and code in {"ETARGET", "ENOVERSIONS"}:
        again = await site.run("lock", commands.npm_lock(_program(site), None), work, check=False)
        if again.exit_code == 0:
            days = f"{plan.rules.cooldown_days:g}"
            raise RefusedByPolicy(
                f"{shown} needs something that was published less than {days} days ago (the cool-down): {summary}",
                fix=f"Wait, choose an older version, or: {ALLOW_FRESH}",
                code="too_fresh",
            )
    raise InstallError(
        f"npm could not resolve what {shown} needs: {summary or code or 'it did not say why'}",
        step="lock",
        exit_code=finished.exit_code,
        tail=finished.tail,
        fix="Check the network and npm's registry setting, and try again.",
    )


def npm_error(stdout: bytes) -> tuple[str, str]:
    """Return the code and the summary of npm's JSON error; both "" when there is none."""
    try:
        answer = json.loads(stdout)
    except ValueError:
        return "", ""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return "", ""
    summary = "".join(char if char.isprintable() else " " for char in str(error.get("summary", "")))
    return str(error.get("code", ""))[:40], summary[:300]


async def _read(path: Path) -> bytes:
    try:
        return await anyio.Path(path).read_bytes()
    except OSError as exc:
        raise InstallError(f"npm did not write {path.name}", step="lock") from exc


def _warnings(note: str | None, lock: NpmLock) -> tuple[str, ...]:
    notes = [note] if note else []
    if lock.with_scripts:
        notes.append(f"install scripts were not run: {', '.join(lock.with_scripts[:5])}")
    return tuple(notes)


async def _install(source: PackageSource, lock: NpmLock, site: Site, work: Path) -> str:
    site.report("install", f"installing {lock.packages} packages, running none of their scripts")
    finished = await site.run("install", commands.npm_ci(_program(site)), work, check=False)
    if finished.exit_code != 0:
        _raise_install_failed(source.package, finished)
    return await anyio.to_thread.run_sync(find_program, work, source.package)


def _raise_install_failed(package: str, finished: Finished) -> None:
    code, summary = npm_error(finished.stdout)
    if code == "EINTEGRITY":
        raise RefusedByPolicy(
            f"a file of {package} has another content than its registry promised: {summary}",
            fix="Do not install it; ask its publisher, or whoever runs the registry or mirror.",
            code="integrity",
        )
    raise InstallError(
        f"npm could not install {package}: {summary or code or 'it did not say why'}",
        step="install",
        exit_code=finished.exit_code,
        tail=finished.tail,
        fix="See the last lines of its output; try again if the network was the cause.",
    )


def find_program(root: Path, package: str) -> str:
    """Return the path (below `root`) of the JavaScript file that the package's `bin` names.

    Raises: InstallError when there is none, or none that node can run.
    """
    folder = root / "node_modules" / package
    try:
        described = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError) as exc:
        raise InstallError(f"{package} was installed without a readable package.json", step="program") from exc
    chosen = _choose_bin(package, described.get("bin") if isinstance(described, dict) else None)
    parts = PurePosixPath(chosen).parts
    path = folder.joinpath(*parts)
    if not parts or PurePosixPath(chosen).is_absolute() or ".." in parts or not path.is_file():
        raise InstallError(f"the program of {package} is missing: {chosen[:100]!a}", step="program")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InstallError(f"the program of {package} lies outside of it", step="program")
    if not chosen.endswith(_SCRIPT_SUFFIXES) and b"node" not in path.read_bytes()[:200].split(b"\n", 1)[0]:
        raise InstallError(f"the program of {package} is not JavaScript for node", step="program")
    return str(path.relative_to(root))


def _choose_bin(package: str, bins: object) -> str:
    if isinstance(bins, str):
        return bins
    short = package.rpartition("/")[2]
    if isinstance(bins, dict):
        named = {str(name): str(place) for name, place in bins.items()}
        if short in named:
            return named[short]
        if len(set(named.values())) == 1:
            return next(iter(named.values()))
        if named:
            raise InstallError(f"{package} has several programs: {', '.join(sorted(named)[:8])}", step="program")
    raise InstallError(f"{package} has no program to start (no `bin`)", step="program", fix="It may be a library.")


def _built(plan: InstallPlan, site: Site, digest: str, receipt: Receipt) -> Built:
    content = site.store.content / digest
    _program(site)
    node = site.machine.node
    argv = (node.path if node else "node", str(content / receipt.program))
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
