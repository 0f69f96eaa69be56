"""From a listing (or a reference) and a person's values to an install plan: printable, and not yet done. No I/O.

What a plan cannot know before something is fetched (a bundle's manifest, the name of a package's program) is
marked so in its JSON; the installer decides it by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.errors import InstallError, NotFound, RefusedByPolicy, UsageError
from gateway.install.containers.commands import why_variable_refused
from gateway.install.containers.planning import plan_image
from gateway.install.fitness.runtimes import runtime_check
from gateway.install.fitness.verdict import Check, State, Topic
from gateway.install.packages import commands
from gateway.install.planning.blueprint import (
    BundleSource,
    ImageSource,
    InstallPlan,
    PackageSource,
    RemoteSource,
    Wish,
    assemble,
)
from gateway.install.planning.compatibility import Unfit, fit, judged_with_values, package_reference
from gateway.install.planning.environment import child_environment, why_variable_denied
from gateway.install.planning.inputs import Inputs, arguments_of, environment_of, secret_names, split_secrets
from gateway.install.planning.machine import Machine
from gateway.install.planning.references import Reference, RefKind, parse_reference
from gateway.install.planning.remote import remote_launch
from gateway.install.planning.rules import Rules, check_age, check_allowed, check_listing, check_origin, parse_time
from gateway.install.planning.settings import (
    Problems,
    Settings,
    as_text,
    looks_secret,
    secret_key,
    secret_reference,
)
from gateway.install.planning.starter import starter_listing
from gateway.install.schemas.values import check_schema_settings
from gateway.listing import BundleConnection, Connection, Listing, PackageConnection, RemoteConnection
from gateway.model import RESERVED_SERVER_NAME, SERVER_NAME_PATTERN, Origin, ServerName, Source
from gateway.net.addresses import normalise_origins, why_not_fetchable

_REACHABLE = "Use a public https address, or add its origin to trusted_origins in [install] if you trust it."


def make_plan(
    target: Listing | Reference,
    *,
    name: str,
    settings: Settings,
    secret_keys: Collection[str] = (),
    machine: Machine,
    rules: Rules,
    now: float,
    origin: Origin = Origin.CLI,
    secrets: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    from_: str | None = None,
) -> InstallPlan:
    """Plan the installation of a full listing, or of an npm, PyPI, MCPB, OCI or starter reference.

    `secret_keys` are keys whose values are in the secret store (or will be before the start); `secrets` are values
    to be put there by the installer. A value in `settings` that turns out to be secret is moved there as well.
    `now` is the wall clock; `args` are extra arguments for a package named directly. `from_` overrides how the
    server's origin is spelled.

    Raises: UsageError (SettingsError when values are missing or wrong), RefusedByPolicy, InstallError (step
    "check"), NotFound for a reference that must be looked up in a registry first.
    """
    if SERVER_NAME_PATTERN.fullmatch(name) is None or name == RESERVED_SERVER_NAME:
        raise UsageError(
            f"{name[:40]!a} cannot name a server",
            fix="Use 1 to 24 of a-z, 0-9 and '-', not at the ends, and not 'gateway'; choose one with --as.",
        )
    if isinstance(target, Reference) and target.kind is RefKind.STARTER:
        target = starter_listing(target.identifier)
    given = dict(secrets or {})
    wish = Wish(
        name=ServerName(name),
        from_=from_ or _spelling(target),
        origin=origin,
        settings=dict(settings),
        secret_keys=tuple(sorted({secret_key(key) for key in [*secret_keys, *given]})),
        given_secrets=given,
        args=tuple(args),
        machine=machine,
        rules=rules,
        now=now,
    )
    if isinstance(target, Reference):
        return _plan_reference(target, wish)
    return _plan_listing(target, wish)


def _spelling(target: Listing | Reference) -> str:
    return target.text if isinstance(target, Reference) else f"{target.source.value}:{target.name}"


# --- references ------------------------------------------------------------------------------------------------------


def _plan_reference(reference: Reference, wish: Wish) -> InstallPlan:
    check_allowed(wish.rules, (reference.text, f"{reference.kind.value}:{reference.identifier}", reference.identifier))
    if reference.kind is RefKind.MCPB:
        return _plan_bundle(_bundle_of(reference, wish), wish, {}, ())
    # Nobody says which values are secret here; what is plainly named so is not kept in the clear.
    wish = _parted(wish, {key for key in wish.settings if looks_secret(key, {})})
    if reference.kind is RefKind.OCI:
        return _plan_named_image(reference, wish)
    if reference.kind not in {RefKind.NPM, RefKind.PYPI}:
        raise NotFound(f"{reference.text} must be looked up first", fix="See `mcp-gateway search`.")
    check = runtime_check("npm" if reference.kind is RefKind.NPM else "uv", wish.machine)
    if check.state is State.FAILED:
        raise Unfit(f"{reference.text} cannot run here: {check.message}", fix=check.fix, checks=[check])
    environment = _given_environment(wish, why_variable_denied)
    source = PackageSource(reference.kind.value, reference.identifier, reference.version, reference.extras)
    return replace(_package_plan(source, wish, wish.args, environment, warnings=()), checks=(check,))


def _given_environment(wish: Wish, why_denied: Callable[[str], str | None]) -> dict[str, str]:
    """Nobody declared what such a package wants; the natural meaning of a value is an environment variable.

    Raises: SettingsError.
    """
    problems = Problems()
    environment = {key: as_text(value) for key, value in wish.settings.items()}
    environment |= {key: secret_reference(key) for key in wish.secret_keys}
    for key in environment:
        why = why_denied(key)
        if why is not None:
            problems.add(f"the variable {key[:40]!a} is refused: {why}")
    problems.raise_if_any(wish.name)
    return environment


def _plan_named_image(reference: Reference, wish: Wish) -> InstallPlan:
    environment = _given_environment(wish, why_variable_refused)
    return plan_image(_image(reference), wish, arguments=wish.args, environment=environment, warnings=())


def _image(reference: Reference) -> ImageSource:
    return ImageSource(reference.identifier, reference.version, reference.sha256)


def _bundle_of(reference: Reference, wish: Wish) -> BundleSource:
    if "://" in reference.identifier:
        return BundleSource(url=reference.identifier, sha256=reference.sha256)
    check_origin(wish.origin, local_file=True)
    return BundleSource(path=reference.identifier, sha256=reference.sha256)


# --- listings --------------------------------------------------------------------------------------------------------


def _plan_listing(listing: Listing, wish: Wish) -> InstallPlan:
    check_allowed(wish.rules, (listing.name, f"{listing.source.value}:{listing.name}"))
    connection, checks = fit(
        listing,
        wish.machine,
        name=wish.name,
        allowed=wish.rules.allow,
        settings=wish.settings,
        secrets=wish.secret_keys,
    )
    warnings = tuple(check_listing(wish.rules, listing))
    wish = _with_secrets_parted(connection, wish)
    match connection:
        case RemoteConnection():
            plan = _plan_remote(connection, wish, warnings)
        case BundleConnection():
            plan = _plan_listed_bundle(listing, connection, wish, warnings)
        case PackageConnection():
            plan = _plan_listed_package(listing, connection, wish, warnings)
        case _:
            raise InstallError(f"{listing.name} cannot be installed", step="check")
    return _described(plan, listing, judged_with_values(checks, connection, wish.settings, wish.secret_keys))


def _described(plan: InstallPlan, listing: Listing, checks: tuple[Check, ...]) -> InstallPlan:
    values = {key: getattr(plan, key) for key in InstallPlan.__dataclass_fields__}
    values["checks"] = checks
    noted = [check.message for check in checks if check.what is Topic.CONFIGURATION and check.state is State.WARNING]
    values["warnings"] = (*plan.warnings, *noted)
    values["description"] = listing.description[:500]
    values["version"] = plan.version or listing.version
    return InstallPlan(**values)


def _with_secrets_parted(connection: Connection, wish: Wish) -> Wish:
    """Move values that the listing calls secret from the settings to the secrets."""
    return _parted(wish, _secret_names(connection))


def _parted(wish: Wish, names: Collection[str]) -> Wish:
    plain, secret = split_secrets(wish.settings, names)
    if not secret:
        return wish
    values = {key: getattr(wish, key) for key in Wish.__dataclass_fields__}
    values["settings"] = plain
    values["given_secrets"] = {**secret, **wish.given_secrets}
    values["secret_keys"] = tuple(sorted({*wish.secret_keys, *(secret_key(key) for key in secret)}))
    return Wish(**values)


def _secret_names(connection: Connection) -> set[str]:
    match connection:
        case PackageConnection():
            return secret_names((*connection.environment, *connection.package_arguments))
        case RemoteConnection() if not connection.config_schema:
            return secret_names((*connection.headers, *connection.variables))
        case RemoteConnection() | BundleConnection():
            properties = connection.config_schema.get("properties")
            entries = properties.items() if isinstance(properties, Mapping) else ()
            return {key for key, entry in entries if isinstance(entry, Mapping) and looks_secret(key, entry)}
    return set()


def _plan_listed_package(
    listing: Listing, connection: PackageConnection, wish: Wish, warnings: Sequence[str]
) -> InstallPlan:
    reference = parse_reference(package_reference(connection))
    check_allowed_package(wish.rules, reference)
    problems = Problems()
    inputs = Inputs(wish.settings, wish.secret_keys, problems)
    trusted = listing.source is Source.STARTER
    is_image = reference.kind is RefKind.OCI
    why_denied = why_variable_refused if is_image else why_variable_denied
    environment = environment_of(inputs, connection.environment, problems, trusted=trusted, why_denied=why_denied)
    arguments = arguments_of(inputs, connection.package_arguments, problems, connection.environment)
    inputs.report_unused()
    problems.raise_if_any(wish.name)
    arguments += wish.args
    if is_image:
        notes = [*warnings, *_age_notes(listing, wish)]
        return plan_image(_image(reference), wish, arguments=arguments, environment=environment, warnings=notes)
    source = PackageSource(connection.registry, reference.identifier, reference.version, reference.extras)
    return _package_plan(source, wish, arguments, environment, warnings=warnings)


def check_allowed_package(rules: Rules, reference: Reference) -> None:
    """Apply `deny` to the package behind a listing as well.

    Raises: RefusedByPolicy.
    """
    denied = Rules(deny=rules.deny)
    check_allowed(denied, (reference.text, f"{reference.kind.value}:{reference.identifier}"))


def _package_plan(
    source: PackageSource,
    wish: Wish,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    warnings: Sequence[str],
) -> InstallPlan:
    machine = wish.machine
    if source.registry == "npm":
        argv = [
            machine.node.path if machine.node else "node",
            f"${{content}}/node_modules/{source.package}/<its program>",
        ]
    else:
        argv = [f"${{content}}/{commands.VENV_PYTHON}", f"${{content}}/{commands.VENV}/bin/<its program>"]
    return assemble(
        wish,
        source,
        arguments=tuple(arguments),
        environment=environment,
        version=source.version,
        warnings=tuple(warnings),
        steps=_package_steps(source, wish),
        launch={"argv": [*argv, *arguments], "env": {**child_environment(machine, "${data}"), **environment}},
    )


def _package_steps(source: PackageSource, wish: Wish) -> tuple[Mapping[str, Any], ...]:
    machine = wish.machine
    if source.registry == "npm":
        npm = machine.npm.path if machine.npm else "npm"
        lines = {
            "versions": commands.npm_view(npm, source.package),
            "lock": commands.npm_lock(npm, wish.before),
            "install": commands.npm_ci(npm),
        }
    else:
        uv = machine.uv.path if machine.uv else "uv"
        python = machine.python.path if machine.python else "python3"
        lines = {
            "lock": commands.uv_compile(uv, python, wish.before),
            "venv": commands.uv_venv(uv, python),
            "install": commands.uv_sync(uv),
            "compile": commands.compile_bytecode(python),
        }
    return tuple({"step": step, "command": list(line)} for step, line in lines.items())


def _plan_listed_bundle(
    listing: Listing, connection: BundleConnection, wish: Wish, warnings: Sequence[str]
) -> InstallPlan:
    notes = list(warnings)
    if listing.source is Source.REGISTRY:
        notes += _age_notes(listing, wish)
    else:
        notes.append("its registry does not say when this release was published; it is pinned by its sha256")
    problems = Problems()
    settings = check_schema_settings(
        connection.config_schema,
        wish.settings,
        wish.secret_keys,
        problems,
        strict=False,
        secret_values=wish.given_secrets,
    )
    problems.raise_if_any(wish.name)
    properties = connection.config_schema.get("properties")
    keys = tuple(properties) if isinstance(properties, Mapping) else ()
    source = BundleSource(
        url=connection.url, sha256=connection.sha256, authorize=connection.authorize, schema_keys=keys
    )
    return _plan_bundle(source, wish, settings, notes)


def _age_notes(listing: Listing, wish: Wish) -> list[str]:
    """Apply the cool-down to a release whose registry says when it was published.

    Raises: RefusedByPolicy.
    """
    what = f"{listing.name} {listing.version or ''}".strip()
    note = check_age(wish.rules, what, parse_time(listing.updated_at), wish.now)
    return [note] if note else []


def _plan_bundle(source: BundleSource, wish: Wish, settings: Settings, warnings: Sequence[str]) -> InstallPlan:
    place = source.url or source.path
    if source.url:
        why = why_not_fetchable(source.url, normalise_origins(list(wish.rules.trusted_origins)))
        if why is not None:
            raise RefusedByPolicy(f"the bundle's address is refused: {why}", fix=_REACHABLE)
    return assemble(
        wish,
        source,
        settings=settings or wish.settings,
        warnings=tuple(warnings),
        steps=(
            {"step": "fetch", "url" if source.url else "path": place, "sha256": source.sha256},
            {"step": "unpack", "into": "${content}/files"},
        ),
        launch={
            "argv": None,
            "decided_by": "the bundle's manifest.json",
            "env": child_environment(wish.machine, "${data}"),
        },
    )


def _plan_remote(connection: RemoteConnection, wish: Wish, warnings: Sequence[str]) -> InstallPlan:
    problems = Problems()
    launch = remote_launch(connection, wish.settings, wish.secret_keys, problems, wish.given_secrets)
    why = why_not_fetchable(launch.url, normalise_origins(list(wish.rules.trusted_origins)))
    problems.raise_if_any(wish.name)
    if why is not None:
        raise RefusedByPolicy(f"the address of {wish.name} is refused: {why}", fix=_REACHABLE)
    return assemble(
        wish,
        RemoteSource(launch),
        warnings=tuple(warnings),
        launch={"url": launch.url, "headers": dict(launch.headers)},
    )
