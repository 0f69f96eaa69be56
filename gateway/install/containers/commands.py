"""The exact command lines of containers, so that a plan can show them and a test can hold us to them. No I/O.

What a container gets: its own network address and the way out, 2 GiB, one processor, 512 processes, no capability, no
way to gain privileges, no folder of this machine, and the variables that are named one by one. `docker` is told the
names of variables only (`--env NAME`): their values are in its environment, so that no process list shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.install.planning.environment import why_variable_denied
from gateway.model import LaunchSpec, StdioLaunch

Argv = tuple[str, ...]

SERVER_LABEL = "io.mcp-gateway.server"
STATE_LABEL = "io.mcp-gateway.state"
DOCKER_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
_LIMITS = ("--memory=2g", "--memory-swap=2g", "--cpus=1", "--pids-limit=512")
_CONFINED = ("--network=bridge", "--cap-drop=ALL", "--security-opt=no-new-privileges")
# What the docker client itself would obey, were it in its environment: where the engine is, and how to reach it.
_OBEYED_BY_DOCKER = ("DOCKER_", "BUILDX_", "BUILDKIT_", "XDG_", "SSL_CERT_")
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GODEBUG"}


def pull(docker: str, image: str) -> Argv:
    """Fetch an image; nothing of it runs."""
    return (docker, "pull", "--quiet", image)


def inspect(docker: str, image: str) -> Argv:
    """Ask what the engine knows about an image that is here."""
    return (docker, "image", "inspect", "--format", "{{json .}}", image)


def leftovers(docker: str, state: str, server: str | None = None) -> Argv:
    """List containers of ours, running or not: of one state directory, and perhaps of one server."""
    more = () if server is None else ("--filter", f"label={SERVER_LABEL}={server}")
    return (docker, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={STATE_LABEL}={state}", *more)


def remove(docker: str, containers: Iterable[str]) -> Argv:
    """Stop and remove containers at once."""
    return (docker, "rm", "--force", *containers)


def run(
    docker: str, image: str, *, server: str, state: str, variables: Iterable[str], arguments: Sequence[str]
) -> Argv:
    """Start the image as a server on stdin and stdout.

    `--init`: a signal to the client ends the server though it be process 1 in there. `--log-driver=none`: the engine
    would otherwise write every call's arguments and result to its logs. `--pull=never`: what is not here is not
    fetched at a start.
    """
    return (
        docker, "run", "--interactive", "--rm", "--init", "--pull=never", "--log-driver=none", *_CONFINED, *_LIMITS,
        f"--label={SERVER_LABEL}={server}", f"--label={STATE_LABEL}={state}",
        *(part for name in sorted(variables) for part in ("--env", name)), image, *arguments,
    )  # fmt: skip


def runs_container(launch: LaunchSpec) -> bool:
    """Whether a launch is one of ours that starts a container."""
    label = f"--label={SERVER_LABEL}="
    return isinstance(launch, StdioLaunch) and any(part.startswith(label) for part in launch.argv)


def client_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What the docker client needs of the operator's environment to find the same engine as at the terminal."""
    chosen = {name: environ[name] for name in DOCKER_VARIABLES if environ.get(name)}
    if "DOCKER_CONFIG" not in chosen and environ.get("HOME"):
        chosen["DOCKER_CONFIG"] = f"{environ['HOME']}/.docker"  # its HOME will be the server's private folder
    return chosen


def why_variable_refused(name: str) -> str | None:
    """Say why a stranger may not set this variable of a container; None when it may.

    It is in the environment of the docker client as well, which must not be led to another engine.
    """
    upper = name.upper()
    if upper.startswith(_OBEYED_BY_DOCKER) or upper in _PROXIES:
        return "it would change how the container engine is reached"
    return why_variable_denied(name)
