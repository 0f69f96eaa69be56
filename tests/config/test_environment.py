"""The environment beats the file."""

from __future__ import annotations

import pytest

from gateway.config import Config, load_config
from gateway.config.environment import apply_environment
from gateway.config.render import render_config
from tests.config.problems import raised


def _no_credential(_: str) -> None:
    return None


def _no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def test_an_empty_environment_changes_nothing() -> None:
    assert apply_environment(Config(), {"SMITHERY_API_KEY": " "}, _no_credential) == Config()


def test_addresses_come_from_the_environment() -> None:
    env = {
        "SMITHERY_BASE_URL": "http://127.0.0.1:1", "SMITHERY_CONNECT_BASE_URL": "http://127.0.0.1:2",
        "MCP_REGISTRY_BASE_URL": "http://127.0.0.1:3",
    }  # fmt: skip
    config = apply_environment(Config(), env, _no_credential)
    assert (config.smithery.base_url, config.smithery.connect_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert config.registry.base_url == "http://127.0.0.1:3"


def test_the_key_is_taken_from_the_first_place_that_has_one() -> None:
    file = load_config('[smithery]\napi_key = "from-file"')
    credential = {"smithery-api-key": "from-credential\n"}.get
    env = {"SMITHERY_API_KEY": "from-env"}
    assert apply_environment(file, env, credential).smithery.api_key == "from-env"
    assert apply_environment(file, {}, credential).smithery.api_key == "from-credential"
    assert apply_environment(file, {}, _no_credential).smithery.api_key == "from-file"


def test_a_key_file_is_read_by_the_reader_that_is_passed_in() -> None:
    config = load_config('[smithery]\napi_key_file = "/run/key"')
    read = {"/run/key": "secret\n"}.__getitem__
    assert apply_environment(config, {}, _no_credential, read).smithery.api_key == "secret"
    assert apply_environment(config, {"SMITHERY_API_KEY": "k"}, _no_credential, _no_file).smithery.api_key == "k"


def test_a_key_file_that_cannot_be_read_is_a_problem() -> None:
    config = load_config('[smithery]\napi_key_file = "/run/key"')
    found = raised(lambda: apply_environment(config, {}, _no_credential, _no_file))
    assert found == {"smithery.api_key_file": "cannot read /run/key: No such file or directory"}
    assert "smithery.api_key_file" in raised(lambda: apply_environment(config, {}, _no_credential))


def test_a_bad_address_is_told_by_its_variable() -> None:
    found = raised(lambda: apply_environment(Config(), {"SMITHERY_BASE_URL": "smithery"}, _no_credential))
    assert set(found) == {"$SMITHERY_BASE_URL"}


def test_a_key_that_no_header_can_hold_is_refused_without_telling_it() -> None:
    found = raised(lambda: apply_environment(Config(), {"SMITHERY_API_KEY": "hunter2\r\nX: y"}, _no_credential))
    assert "hunter2" not in str(found)


def test_a_key_is_not_in_the_printed_form_of_a_configuration() -> None:
    assert "hunter2" not in repr(load_config('[smithery]\napi_key = "hunter2"'))


def test_where_the_key_came_from_is_known_and_makes_no_other_configuration() -> None:
    config = apply_environment(Config(), {"SMITHERY_API_KEY": "k"}, _no_credential)
    assert config.smithery.key_from == "the variable SMITHERY_API_KEY"
    assert config == load_config('[smithery]\napi_key = "k"')
    settings = {"/here/settings.json": '{"apiKey": "last"}'}.__getitem__
    config = apply_environment(Config(), {"SMITHERY_CONFIG_PATH": "/here"}, _no_credential, settings)
    assert (config.smithery.api_key, config.smithery.key_from) == ("last", "apiKey in /here/settings.json")
    assert set(raised(lambda: load_config('[smithery]\nkey_from = "x"'))) == {"smithery.key_from"}


def test_headers_of_the_environment_join_those_of_the_file() -> None:
    file = load_config('[smithery]\nheaders = { X-Team = "blue", X-Proxy = "file" }')
    env = {"SMITHERY_CUSTOM_HEADERS": "X-Proxy: from env\n\n X-More :a:b \n"}
    headers = apply_environment(file, env, _no_credential).smithery.headers
    assert headers == {"X-Team": "blue", "X-Proxy": "from env", "X-More": "a:b"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("X-A: 1\nno colon here", "line 2: is not of the form Name: value"),
        ("Authorization: Bearer hunter2", "line 1: Authorization is set by the gateway itself"),
        ("host: x", "is set by the gateway itself"),
        ("X A: hunter2", "is not a name of an HTTP header"),
        ("X-A: hunter2\u2028x", "printable ASCII"),
    ],
)
def test_a_header_that_cannot_be_is_told_without_its_value(lines: str, words: str) -> None:
    found = raised(lambda: apply_environment(Config(), {"SMITHERY_CUSTOM_HEADERS": lines}, _no_credential))
    assert words in found["$SMITHERY_CUSTOM_HEADERS"]
    assert "hunter2" not in str(found)


def test_headers_never_show() -> None:
    config = load_config('[smithery]\nheaders = { X-Proxy = "hunter2" }')
    assert "hunter2" not in repr(config)
    assert "hunter2" not in render_config(config)
    assert load_config(render_config(config, show_secrets=True)) == config
