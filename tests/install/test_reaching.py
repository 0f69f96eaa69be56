"""Why an installation failed: the registry is out of reach, or it is not."""

from __future__ import annotations

import socket

import anyio
import pytest

from gateway.errors import InstallError
from gateway.install.reaching import can_connect, explained, index_of

FAILED = InstallError("x cannot be installed", step="lock", fix="Check name and version.", exit_code=2, tail=["last"])
NOBODY = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}


async def test_a_registry_that_nobody_answers_for_is_the_reason() -> None:
    with anyio.fail_after(20):
        error = await explained(FAILED, "pypi", NOBODY)
    assert error.message == "x cannot be installed: 127.0.0.1 cannot be reached from here"
    assert (error.step, error.exit_code, error.tail) == ("lock", 2, ("last",))
    assert "network" in error.fix


async def test_a_registry_that_answers_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        index = f"http://127.0.0.1:{listener.getsockname()[1]}/simple"
        assert await can_connect("127.0.0.1", listener.getsockname()[1])
        assert await explained(FAILED, "pypi", {"UV_DEFAULT_INDEX": index}) is FAILED


async def test_a_step_without_network_is_never_blamed_on_it() -> None:
    error = InstallError("has no program", step="program")
    assert await explained(error, "pypi", NOBODY) is error


@pytest.mark.parametrize(
    ("registry", "environ", "expected"),
    [
        ("npm", {}, ("registry.npmjs.org", 443)),
        ("npm", {"npm_config_registry": "http://mirror:4873/"}, ("mirror", 4873)),
        ("pypi", {}, ("pypi.org", 443)),
        ("pypi", {"PIP_INDEX_URL": "http://mirror/simple"}, ("mirror", 80)),
        ("pypi", {"UV_DEFAULT_INDEX": "file:///srv/wheels"}, ("", 443)),
    ],
)
def test_the_registry_is_the_one_that_the_environment_names(
    registry: str, environ: dict[str, str], expected: tuple[str, int]
) -> None:
    assert index_of(registry, environ) == expected


async def test_a_registry_in_a_folder_is_always_in_reach() -> None:
    assert await explained(FAILED, "pypi", {"UV_DEFAULT_INDEX": "file:///srv/wheels"}) is FAILED
