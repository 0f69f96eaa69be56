"""Rules that look at more than one section or entry. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from gateway.config.auth import AuthSection
from gateway.config.checks import is_loopback
from gateway.config.gateway import GatewaySection
from gateway.config.sections import Config
from gateway.errors import Problem


def problems_of(
    config: Config, installed: Collection[str] | None = None, *, dropped: Collection[str] = ()
) -> list[Problem]:
    """Everything wrong between the parts of a configuration that are right by themselves.

    `installed`: names of servers that are here without being in the file; None when that is not known, and then
    a profile may name any server. `dropped`: arrays that are incomplete and cannot be judged.
    """
    found = bind_problems(config.gateway, config.auth)
    if "server" not in dropped:
        found += _duplicates("server", (server.name for server in config.server))
    if "profile" not in dropped:
        found += _duplicates("profile", (profile.name for profile in config.profile))
    if installed is not None and not {"server", "profile"} & set(dropped):
        found += _unknown_servers(config, installed)
    return found


def bind_problems(gateway: GatewaySection, auth: AuthSection) -> list[Problem]:
    """What speaks against listening at `gateway.host`; ask again when the command line changed it."""
    host = gateway.host
    if is_loopback(host):
        return []
    if not auth.enabled:
        return [Problem("gateway.host", f"{host} can be reached from other machines, so auth.enabled must be true")]
    if not gateway.allow_insecure_bind:
        message = (
            f"{host} can be reached from other machines and the gateway itself speaks no TLS; put a TLS proxy in front"
            " and set gateway.allow_insecure_bind = true, or bind to 127.0.0.1"
        )
        return [Problem("gateway.host", message)]
    return []


def cuda_problem(device: str, exists: Callable[[str], bool]) -> Problem | None:
    """What speaks against `learning.device` on this machine, without importing torch or starting anything.

    `exists` says whether a path exists (`os.path.exists`): the NVIDIA driver shows its devices as files.
    """
    if not device.startswith("cuda"):
        return None
    number = device.partition(":")[2]
    wanted = f"/dev/nvidia{number or 0}"
    if exists(wanted) or exists("/dev/dxg"):  # /dev/dxg: the driver under WSL
        return None
    others = exists("/dev/nvidiactl")
    reason = f"there is no GPU number {number or 0}" if others else "no CUDA device was found on this machine"
    return Problem("learning.device", f'"{device}" was asked for, but {reason}; set it to "cpu" or "auto"')


def _duplicates(array: str, names: Iterable[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            yield Problem(f"{array}[{index}].name", f'"{name}" is already the name of {array}[{first[name]}]')
        first.setdefault(name, index)


def _unknown_servers(config: Config, installed: Collection[str]) -> Iterator[Problem]:
    known = {server.name for server in config.server} | set(installed)
    listed = ", ".join(sorted(known)) or "none"
    for index, profile in enumerate(config.profile):
        for position, server in enumerate(profile.servers):
            if server not in known:
                path = f"profile[{index}].servers[{position}]"
                yield Problem(path, f'no server is named "{server}"; known: {listed}')
