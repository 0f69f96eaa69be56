"""Plans the installation of a container image: which commands will run, and the exact one that starts it. No I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence

from gateway.errors import InstallError, UsageError
from gateway.install.containers import commands
from gateway.install.containers.names import ImageName
from gateway.install.planning.blueprint import ImageSource, InstallPlan, Wish, assemble
from gateway.install.planning.environment import child_environment
from gateway.install.planning.machine import FIXES
from gateway.listing import InputSpec
from gateway.net.addresses import normalise_origins

UNTESTED = (
    "it runs as a container; this gateway's containers were tested against an imitation of docker only, "
    "not against a real engine"
)
_UNKNOWN_DIGEST = "<the digest of this tag>"
# What we do ourselves; a listing may say so too.
_HARMLESS = {"-i", "--interactive", "--rm", "--init", "-t", "--tty", "-it", "-ti"}


def plan_image(
    source: ImageSource,
    wish: Wish,
    *,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    warnings: Sequence[str],
) -> InstallPlan:
    """Plan an image whose arguments and variables are decided.

    Raises: UsageError for a registry that lies in the local network; InstallError (step "check") without docker.
    """
    why = why_registry_refused(source.repository, wish.rules.trusted_origins)
    if why is not None:
        raise UsageError(f"the image's registry is refused: {why}", fix="Add it to [install] trusted_origins.")
    missing = wish.machine.missing_docker()
    if missing is not None:
        raise InstallError(f"{source.repository} {missing}", step="check", fix=FIXES["docker"])
    docker = wish.machine.docker.path if wish.machine.docker else "docker"
    name = ImageName(source.repository, source.tag, source.digest)
    argv = commands.run(
        docker,
        name.pinned(source.digest or _UNKNOWN_DIGEST),
        server=wish.name,
        state="${state}",
        variables=environment,
        arguments=arguments,
    )
    return assemble(
        wish,
        source,
        arguments=tuple(arguments),
        environment=environment,
        version=source.tag or short(source.digest),
        warnings=(*warnings, UNTESTED),
        steps=(
            {"step": "pull", "command": list(commands.pull(docker, name.to_pull))},
            {"step": "inspect", "command": list(commands.inspect(docker, name.to_pull))},
        ),
        launch={"argv": list(argv), "env": {**child_environment(wish.machine, "${data}"), **environment}},
    )


def short(digest: str | None) -> str | None:
    """A digest as a version that can be read aloud."""
    return f"sha256:{digest[:12]}" if digest else None


def why_registry_refused(repository: str, trusted: Collection[str]) -> str | None:
    """Say why the engine shall not be sent to this registry; None when it may go.

    By its spelling only: the engine resolves the name itself, perhaps on another machine.
    """
    host = repository.split("/", 1)[0]
    if normalise_origins([f"https://{host}", f"http://{host}"]) & normalise_origins(list(trusted)):
        return None
    bare = host.rsplit(":", 1)[0]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        is_local = "." not in bare or bare.endswith((".localhost", ".local", ".internal"))
        return f"{host} is a name of the local network" if is_local else None
    return f"{host} is an address, not a name"


def why_container_argument_refused(spec: InputSpec) -> str | None:
    """Say why an argument for `docker run` is refused; None for what we do anyway.

    Every other one would open the container: folders, devices, the host's network, privileges, another program.
    """
    word = (spec.name if spec.kind == "named" else (spec.value or spec.default or "")).split("=", 1)[0]
    if word in _HARMLESS:
        return None
    return f"it wants the argument {word[:40]!a} for its container, which would give it more than a server needs"
