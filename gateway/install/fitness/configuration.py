"""What a connection wants to be told, and whether it has been told: as one check. No I/O."""

from __future__ import annotations

from collections.abc import Collection

from gateway.install.containers.commands import why_variable_refused
from gateway.install.fitness.verdict import Check, Topic, failed, ok, warning
from gateway.install.planning.environment import why_variable_denied
from gateway.install.planning.inputs import Inputs, arguments_of, environment_of
from gateway.install.planning.remote import remote_launch, reserved_keys
from gateway.install.planning.settings import Placeholder, Problems, Settings
from gateway.install.schemas.values import check_schema_settings
from gateway.listing import BundleConnection, Connection, PackageConnection, RemoteConnection


def configuration_check(
    connection: Connection,
    settings: Settings | None = None,
    secrets: Collection[str] = (),
    *,
    trusted: bool = False,
) -> Check:
    """Judge a connection's configuration: with `settings`, whether they are enough; without, what will be asked for.

    `trusted`: the listing is our own, and may set any variable.
    """
    given = settings or {}
    problems = Problems()
    _fill(connection, given, secrets, problems, trusted=trusted)
    plain, secret = problems.asked_keys
    filled = Problems()  # what is wrong even when all that is required will have been given
    _fill(
        connection,
        {**given, **{key: Placeholder(f"<{key}>") for key in plain}},
        {*secrets, *secret},
        filled,
        trusted=trusted,
    )
    how = problems.how_to_give()
    if filled.faults or (problems.asked and settings is not None):
        message = "; ".join([*problems.asked, *filled.faults])
        return failed(Topic.CONFIGURATION, message, how or "Correct the values, or tell its publisher.")
    if problems.asked:
        return warning(Topic.CONFIGURATION, "; ".join(problems.asked), how)
    if filled.notes:
        return warning(Topic.CONFIGURATION, "; ".join(filled.notes), "Check the values yourself; tell its publisher.")
    return ok(Topic.CONFIGURATION, "complete" if settings else "nothing is required")


def _fill(
    connection: Connection, settings: Settings, secrets: Collection[str], problems: Problems, *, trusted: bool
) -> None:
    match connection:
        case PackageConnection():
            inputs = Inputs(settings, secrets, problems)
            why_denied = why_variable_refused if connection.registry == "oci" else why_variable_denied
            environment_of(inputs, connection.environment, problems, trusted=trusted, why_denied=why_denied)
            arguments_of(inputs, connection.package_arguments, problems, connection.environment)
            inputs.report_unused()
        case RemoteConnection():
            remote_launch(connection, settings, secrets, problems)
            for key, header in reserved_keys(connection).items():
                problems.note(f"{key!r} would travel as the header {header!r}, which is reserved: it cannot be given")
        case BundleConnection():
            check_schema_settings(connection.config_schema, settings, secrets, problems, strict=False)
