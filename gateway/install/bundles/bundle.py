"""MCPB bundles: fetched, checked by hash, unpacked by our own extractor, started as their manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import msgspec

from gateway.errors import InstallError, RefusedByPolicy
from gateway.install.build import Built, Site
from gateway.install.bundles.downloads import Download, Downloads, inspected_again, unchanged
from gateway.install.bundles.environment import environment_reference, make_uv_environment
from gateway.install.bundles.extractor import Inspected, extract, inspect
from gateway.install.bundles.launch import bundle_launch, option_values
from gateway.install.bundles.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from gateway.install.bundles.places import check_places
from gateway.install.bundles.programs import HEAD_BYTES, why_not_runnable
from gateway.install.bundles.substitution import bundle_variables
from gateway.install.bundles.uv_project import (
    LOCK,
    MAX_BYTES,
    PYPROJECT,
    LockedPackage,
    Project,
    read_lock,
    read_project,
)
from gateway.install.content import Receipt
from gateway.install.fitness.ranges import satisfies
from gateway.install.packages.locks import combined_digest
from gateway.install.planning.blueprint import BundleSource, InstallPlan
from gateway.install.planning.compatibility import why_manifest_not
from gateway.install.planning.inputs import split_secrets
from gateway.model import StdioLaunch
from gateway.net.tags import Tag

MAX_BUNDLE_BYTES = 256 * 1024 * 1024
_FILES = "files"
_HASH_CHUNK = 1024 * 1024
_MANIFEST = "manifest.json"
_PUBLISHER = "Tell its publisher."
_SIGNED = "it carries a signature, which is not verified here; it is pinned by its sha256"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A bundle whose archive is sound: what it says about itself."""

    sha256: str
    manifest: Manifest
    is_signed: bool = False
    project: Project | None = None  # of a uv bundle
    locked: dict[str, LockedPackage] | None = None


async def build_bundle(plan: InstallPlan, source: BundleSource, site: Site) -> Built:
    """Install one bundle.

    Raises: InstallError, RefusedByPolicy, SettingsError.
    """
    with site.store.work_folder() as work:
        opened = await _open_again(source, site) or await _open(source, site, work / "bundle.mcpb")
        # What was made of this very bundle before is used again; a missing value must cost nothing.
        here = _found(opened, site)
        built, folders = _planned(plan, source, opened, site, here or opened.sha256)
        if here is None:
            built = await _unpack(plan, opened, site, work, built)
        else:
            site.report("reuse", f"{opened.manifest.name} {opened.manifest.version} is already here")
        await anyio.to_thread.run_sync(_check_program, built.launch, site.store.content / built.digest)
        await anyio.to_thread.run_sync(site.store.private_folder, plan.name, folders)
        return built


_WANTED = {_MANIFEST: MAX_MANIFEST_BYTES, **MAX_BYTES}


async def _open_again(source: BundleSource, site: Site) -> _Opened | None:
    """Open what is here already, if it was downloaded from the same address and has not changed there."""
    known = await unchanged(source, site, lambda sha256: _files_of(sha256, site)) if source.url else None
    files = _files_of(known.sha256, site) if known is not None else None
    if known is None or files is None:
        return None
    inspected = await anyio.to_thread.run_sync(
        lambda: inspected_again(files, tuple(_WANTED), is_signed=known.is_signed)
    )
    return _opened(known.sha256, inspected, site)


def _files_of(sha256: str, site: Site) -> Path | None:
    """Where a bundle's files lie: under its own hash, or in the environment that was made for it."""
    digest = sha256 if site.store.receipt(sha256) is not None else None
    if digest is None and (known := site.store.find(environment_reference(sha256, site))) is not None:
        digest = known[0]
    return site.store.content / digest / _FILES if digest is not None else None


async def _open(source: BundleSource, site: Site, archive: Path) -> _Opened:
    tags: list[Tag] = []
    sha256 = await _obtain(source, site, archive, tags.append)
    inspected = await anyio.to_thread.run_sync(inspect, archive, _WANTED)
    opened = _opened(sha256, inspected, site)
    if tags and tags[-1].says_something:
        download = Download(sha256, tags[-1].etag, tags[-1].last_modified, inspected.is_signed)
        await anyio.to_thread.run_sync(Downloads(site.store.content.parent).note, source.url, download)
    return opened


async def _obtain(source: BundleSource, site: Site, archive: Path, tagged: Callable[[Tag], None]) -> str:
    if source.path:
        site.report("fetch", "reading the bundle")
        return await anyio.to_thread.run_sync(_copy_file, source.path, archive, source.sha256)
    site.report("fetch", "downloading the bundle")
    return await site.fetch.fetch(
        source.url,
        tagged=tagged,
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
    if place.exists() and not place.is_file():  # a pipe would be waited for without end
        raise InstallError(f"{place} is not a file", step="fetch", fix="Name a bundle file.")
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


def _opened(sha256: str, inspected: Inspected, site: Site) -> _Opened:
    members = inspected.members
    if _MANIFEST not in members:
        raise inspected.without(_MANIFEST)
    manifest = parse_manifest(members[_MANIFEST], site.machine.platform)
    reasons = list(why_manifest_not(manifest, site.machine))
    project = read_project(members.get(PYPROJECT)) if manifest.kind == "uv" else None
    python = site.machine.python
    if project and python and satisfies(python.version, project.requires_python, python=True) is False:
        reasons.append(f"needs Python {project.requires_python[:40]}, this machine has {python.shown}")
    if reasons:
        raise InstallError(
            f"{manifest.name} cannot run here: {'; '.join(reasons)}", step="check", fix="See `mcp-gateway doctor`."
        )
    locked = read_lock(members[LOCK]) if project and LOCK in members else None
    return _Opened(sha256, manifest, inspected.is_signed, project, locked)


def _found(opened: _Opened, site: Site) -> str | None:
    """Return the content that was made of this bundle before."""
    if opened.project is None:
        return opened.sha256 if site.store.receipt(opened.sha256) is not None else None
    known = site.store.find(environment_reference(opened.sha256, site))
    return known[0] if known is not None else None


def _planned(
    plan: InstallPlan, source: BundleSource, opened: _Opened, site: Site, digest: str
) -> tuple[Built, tuple[str, ...]]:
    """Decide launch and values before anything is unpacked; also which folders of its home it wants."""
    manifest = opened.manifest
    sensitive = {key for key, option in manifest.options.items() if option.sensitive}
    settings, moved = split_secrets(plan.settings, sensitive)
    secrets = {**moved, **plan.given_secrets}
    keys = tuple(sorted({*plan.secret_keys, *secrets}))
    content, data = site.store.content / digest, site.store.data / plan.name
    variables = bundle_variables(str(content / _FILES), str(data))
    values = option_values(manifest, settings, keys, source.schema_keys, variables)
    folders = check_places(manifest, values.options, data)
    launch = bundle_launch(manifest, values, site.machine, content=str(content), data=str(data), project=opened.project)
    launch = msgspec.structs.replace(launch, granted=plan.granted)
    built = Built(
        digest=digest,
        sha256=opened.sha256,
        version=manifest.version,
        launch=launch,
        warnings=(_SIGNED,) if opened.is_signed else (),
        settings=settings,
        secrets=secrets,
        secret_keys=keys,
    )
    return built, folders


async def _unpack(plan: InstallPlan, opened: _Opened, site: Site, work: Path, built: Built) -> Built:
    manifest = opened.manifest
    site.report("unpack", f"unpacking {manifest.name} {manifest.version}")
    home = work / "content"
    home.mkdir()
    await anyio.to_thread.run_sync(extract, work / "bundle.mcpb", home / _FILES)
    digest, reference = built.digest, f"mcpb:{opened.sha256}"
    if opened.project is not None:
        made = await make_uv_environment(plan, manifest, opened.project, opened.locked, site, home)
        digest, reference = combined_digest(opened.sha256, made), environment_reference(opened.sha256, site)
    launch = _moved(built.launch, site.store.content / built.digest, site.store.content / digest)
    await anyio.to_thread.run_sync(_prepare_program, _moved(launch, site.store.content / digest, home), home, site)
    await site.keep(home, digest, Receipt(reference, manifest.version))
    return replace(built, digest=digest, launch=launch)


def _moved(launch: StdioLaunch, old: Path, new: Path) -> StdioLaunch:
    def moved(text: str) -> str:
        return text.replace(str(old), str(new))

    return msgspec.structs.replace(
        launch,
        argv=tuple(moved(part) for part in launch.argv),
        env={key: moved(value) for key, value in launch.env.items()},
        cwd=moved(launch.cwd) if launch.cwd else None,
    )


def _prepare_program(launch: StdioLaunch, home: Path, site: Site) -> None:
    """Check what will be started, and let a program of the bundle be executed though its zip forgot to say so."""
    _check_program(launch, home)
    program = Path(launch.argv[0])
    if not program.is_relative_to(home / _FILES):
        return
    with program.open("rb") as file:
        why = why_not_runnable(file.read(HEAD_BYTES), site.machine.platform, site.machine.arch)
    if why is not None:
        raise InstallError(
            f"the bundle's program {program.name[:80]!a} cannot run here: {why}",
            step="program",
            fix="Ask its publisher for a bundle of this platform.",
        )
    program.chmod(0o700)


_SCRIPTS = (".js", ".mjs", ".cjs", ".py")


def _check_program(launch: StdioLaunch, content: Path) -> None:
    """A bundle whose program is missing shall fail here, not at its first start."""
    program = Path(launch.argv[0])
    if not _is_file(program):
        raise InstallError(f"the bundle's program {program.name[:80]!a} is missing", step="program", fix=_PUBLISHER)
    word = next((part for part in launch.argv[1:] if part != "--no-install"), "")  # what we tell bun
    script = Path(launch.cwd or "/", word)
    is_ours = script.is_relative_to(content) and (word.startswith("/") or word.endswith(_SCRIPTS))
    if is_ours and not _is_file(script):
        name = str(script).removeprefix(f"{content / _FILES}/")
        raise InstallError(f"the bundle's program {name[:80]!a} is missing", step="program", fix=_PUBLISHER)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file has such a name, or we may not look: it cannot be started
        return False
