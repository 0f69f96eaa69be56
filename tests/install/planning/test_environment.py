"""What installers see of ours, and what children get."""

from __future__ import annotations

import pytest

from gateway.install.planning.environment import child_environment, installer_environment, why_variable_denied
from tests.install.values import MACHINE


def test_installers_get_their_registry_settings_and_none_of_our_secrets() -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "HTTPS_PROXY": "http://proxy:1",
        "npm_config_registry": "https://npm.example",
        "UV_INDEX": "https://pypi.example",
        "SMITHERY_API_KEY": "canary",
        "MCP_GATEWAY_TOKEN": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "NODE_OPTIONS": "--require /evil.js",
        "PYTHONPATH": "/evil",
    }
    chosen = installer_environment(environ)
    assert "canary" not in chosen.values()
    assert not {"NODE_OPTIONS", "PYTHONPATH"} & chosen.keys()
    assert chosen["npm_config_registry"] == "https://npm.example"
    assert chosen["HTTPS_PROXY"] == "http://proxy:1"


@pytest.mark.parametrize(
    "key",
    [
        "npm_config_ignore_scripts",
        "NPM_CONFIG_IGNORE_SCRIPTS",
        "npm_config_before",
        "UV_NO_VERIFY_HASHES",
        "UV_EXCLUDE_NEWER",
    ],
)
def test_settings_that_would_undo_our_promises_are_not_passed_on(key: str) -> None:
    assert key not in installer_environment({key: "false"})


def test_who_configured_pip_has_configured_us() -> None:
    chosen = installer_environment({"PIP_INDEX_URL": "https://pypi.example/simple", "PIP_CERT": "/ca.pem"})
    assert (chosen["UV_DEFAULT_INDEX"], chosen["SSL_CERT_FILE"]) == ("https://pypi.example/simple", "/ca.pem")


def test_an_own_uv_setting_beats_pips() -> None:
    chosen = installer_environment({"PIP_INDEX_URL": "https://a.example", "UV_DEFAULT_INDEX": "https://b.example"})
    assert chosen["UV_DEFAULT_INDEX"] == "https://b.example"


def test_a_child_gets_four_variables_and_a_home_of_its_own() -> None:
    assert child_environment(MACHINE, "/state/data/x") == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/state/data/x",
        "LANG": "C.UTF-8",
        "TMPDIR": "/state/data/x/tmp",
    }


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "LD_PRELOAD", "ld_preload", "NODE_OPTIONS", "PYTHONPATH", "PYTHONSTARTUP", "NPM_CONFIG_REGISTRY",
        "npm_config_x", "UV_INDEX", "GIT_SSH_COMMAND", "HOME", "BASH_ENV", "DYLD_INSERT_LIBRARIES", "", "1A", "A B",
        "A=B", "A\0", "Ä",
    ],
)  # fmt: skip
def test_a_stranger_may_not_set_this_variable(name: str) -> None:
    assert why_variable_denied(name)


@pytest.mark.parametrize("name", ["ACME_KEY", "apiKey", "MEMORY_FILE_PATH", "GITHUB_TOKEN"])
def test_a_stranger_may_set_this_variable(name: str) -> None:
    assert why_variable_denied(name) is None
