"""MCPB bundles: fetched, checked by hash, unpacked by our own extractor, started as their manifest says."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import anyio

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.build import Built, Site
from gateway.install.bundles.extractor import extract, read_member
from gateway.install.bundles.launch import bundle_launch, inside, option_values
from gateway.install.bundles.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from gateway.install.content import Receipt
from gateway.install.packages import commands, pypi
from gateway.install.packages.locks import combined_digest
from gateway.install.planning.blueprint import BundleSource, InstallPlan
from gateway.install.planning.compatibility import why_manifest_not
from gateway.install.planning.inputs import split_secrets
from gateway.model import StdioLaunch

MAX_BUNDLE_BYTES = 256 * 1024 * 1024
_FILES = "files"
_HASH_CHUNK = 1024 * 1024


async def build_bundle(plan: InstallPlan, source: BundleSource, site: Site) -> Built:
    """Install one bundle.

    Raises: InstallError, RefusedByPolicy, SettingsError.
    """
    with site.store.work_folder() as work:
        archive = work / "bundle.mcpb"
        sha256 = await _obtain(source, site, archive)
        manifest = parse_manifest(
            await anyio.to_thread.run_sync(read_member, archive, "manifest.json", MAX_MANIFEST_BYTES),
            site.machine.platform,
        )
        _check(manifest, site)
        built = _planned(plan, source, manifest, site, sha256)
        if site.store.receipt(sha256) is None or manifest.kind == "uv":
            built = await _unpack(plan, manifest, site, work, built)
        await anyio.to_thread.run_sync(_check_program, built.launch)
        return built


async def _obtain(source: BundleSource, site: Site, archive: Path) -> str:
    if source.path:
        site.report("fetch", "reading the bundle")
        return await anyio.to_thread.run_sync(_copy_file, source.path, archive, source.sha256)
    site.report("fetch", "downloading the bundle")
    return await site.fetch.fetch(
        source.url,
        to=archive,
        max_bytes=MAX_BUNDLE_BYTES,
        sha256=source.sha256,
        authorize=source.authorize,
        progress=lambda done, total: site.report("fetch", "downloading the bundle", done, total),
    )


def _copy_file(path: str, archive: Path, expected: str | None) -> str:
    """Copy and hash in one pass, so that what is hashed is what will be unpacked."""
    place = Path(path).expanduser()
    digest = hashlib.sha256()
    size = 0
    try:
        with place.open("rb") as source, archive.open("wb") as target:
            while chunk := source.read(_HASH_CHUNK):
                size += len(chunk)
                if size > MAX_BUNDLE_BYTES:
                    raise RefusedByPolicy(f"{place.name} is larger than {MAX_BUNDLE_BYTES} bytes", code="too_large")
                digest.update(chunk)
                target.write(chunk)
    except OSError as exc:
        raise InstallError(
            f"the bundle {place} cannot be read: {exc.strerror or exc}", step="fetch", fix="Check the path."
        ) from exc
    found = digest.hexdigest()
    if expected is not None and found != expected:
        raise InstallError(
            f"{place.name} has another content than expected: sha256 {found}, not {expected}",
            step="fetch",
            fix="Do not install it; ask where it came from.",
        )
    return found


def _check(manifest: Manifest, site: Site) -> None:
    reasons = why_manifest_not(manifest, site.machine)
    if reasons:
        raise InstallError(
            f"{manifest.name} cannot run here: {'; '.join(reasons)}", step="check", fix="See `mcp-gateway doctor`."
        )


def _planned(plan: InstallPlan, source: BundleSource, manifest: Manifest, site: Site, sha256: str) -> Built:
    """Decide launch and values before anything is unpacked: a missing value must cost nothing."""
    sensitive = {key for key, option in manifest.options.items() if option.sensitive}
    settings, moved = split_secrets(plan.settings, sensitive)
    secrets = {**moved, **plan.given_secrets}
    keys = tuple(sorted({*plan.secret_keys, *secrets}))
    options = option_values(manifest, settings, keys, source.schema_keys)
    content = site.store.content / sha256
    launch = bundle_launch(
        manifest,
        options,
        site.machine,
        files=str(content / _FILES),
        content=str(content),
        data=str(site.store.data / plan.name),
    )
    receipt = site.store.receipt(sha256)
    return Built(
        digest=sha256,
        sha256=sha256,
        version=manifest.version,
        launch=launch,
        warnings=receipt.warnings if receipt else (),
        settings=settings,
        secrets=secrets,
        secret_keys=keys,
    )


async def _unpack(plan: InstallPlan, manifest: Manifest, site: Site, work: Path, built: Built) -> Built:
    site.report("unpack", f"unpacking {manifest.name} {manifest.version}")
    home = work / "content"
    home.mkdir()
    await anyio.to_thread.run_sync(extract, work / "bundle.mcpb", home / _FILES)
    digest, launch = built.digest, built.launch
    if manifest.kind == "uv":
        digest = await _uv_environment(plan, manifest, site, home, built.digest)
        launch = _moved(launch, site.store.content / built.digest, site.store.content / digest)
    await anyio.to_thread.run_sync(_check_program, _moved(launch, site.store.content / digest, home))
    await site.keep(home, digest, Receipt(f"mcpb:{built.sha256}", manifest.version))
    return Built(
        digest=digest,
        sha256=built.sha256,
        version=built.version,
        launch=launch,
        warnings=built.warnings,
        settings=built.settings,
        secrets=built.secrets,
        secret_keys=built.secret_keys,
    )


def _moved(launch: StdioLaunch, old: Path, new: Path) -> StdioLaunch:
    def moved(text: str) -> str:
        return text.replace(str(old), str(new))

    return StdioLaunch(
        argv=tuple(moved(part) for part in launch.argv),
        env={key: moved(value) for key, value in launch.env.items()},
        cwd=moved(launch.cwd) if launch.cwd else None,
    )


def _check_program(launch: StdioLaunch) -> None:
    """A bundle whose program is missing shall fail here, not at its first start."""
    program = Path(launch.argv[0])
    if not program.is_file():
        raise InstallError(f"the bundle's program {program.name} is missing", step="program", fix="Tell its publisher.")
    scripts = [part for part in launch.argv[1:2] if launch.cwd and part.startswith(launch.cwd + "/")]
    for script in scripts:
        if not Path(script).is_file():
            raise InstallError(
                f"the bundle's program {script.removeprefix(launch.cwd + '/')!a} is missing",  # type: ignore[operator]
                step="program",
                fix="Tell its publisher.",
            )


_PLAIN_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]*\])?[^@/\\;]*(;.*)?", re.ASCII)


async def _uv_environment(plan: InstallPlan, manifest: Manifest, site: Site, home: Path, sha256: str) -> str:
    """Make the environment of a `uv` bundle from its dependencies; returns the digest of bundle and lock together."""
    inside(str(home / _FILES), manifest.entry_point)
    requirements = await anyio.to_thread.run_sync(simple_requirements, home / _FILES / "pyproject.toml")
    if not requirements:
        await site.run("venv", commands.uv_venv(*_uv_and_python(site)), home)
        return combined_digest(sha256)
    lock = await pypi.lock_requirements(requirements, manifest.name, plan, site, home)
    await pypi.make_environment(lock, site, home)
    return combined_digest(sha256, lock.digest)


def _uv_and_python(site: Site) -> tuple[str, str]:
    machine = site.machine
    if machine.uv is None or machine.python is None:
        raise InstallError(f"this {machine.missing_uv()}", step="check")
    return machine.uv.path, machine.python.path


def simple_requirements(pyproject: Path) -> list[str]:
    """Return a uv bundle's dependencies, if they are plain names and versions.

    Raises: InstallError when there is more to them than we resolve.
    """
    try:
        document = tomllib.loads(pyproject.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InstallError("the uv bundle has no usable pyproject.toml", step="manifest") from exc
    project = document.get("project")
    found = project.get("dependencies", []) if isinstance(project, dict) else []
    tool = document.get("tool")
    uv = tool.get("uv") if isinstance(tool, dict) else None
    if isinstance(uv, dict) and uv.get("sources"):
        raise InstallError("the uv bundle takes dependencies from elsewhere than the index", step="manifest")
    if not isinstance(found, list):
        raise InstallError("the uv bundle's dependencies are not a list", step="manifest")
    for item in found:
        if not isinstance(item, str) or "\n" in item or _PLAIN_REQUIREMENT.fullmatch(item) is None:
            raise InstallError(f"the uv bundle's dependency {str(item)[:60]!a} is not a plain one", step="manifest")
    return list(found)
