"""Where the Smithery key comes from."""

from __future__ import annotations

import json

import pytest

from gateway.config.registries import SmitherySection
from gateway.config.smithery_key import FoundKey, find_key, settings_path

HOME = {"HOME": "/home/me"}
SETTINGS = "/home/me/.config/smithery/settings.json"


def found(text: str | Exception, section: SmitherySection | None = None, **env: str) -> FoundKey:
    """The key when only the settings file of Smithery's command line could have one."""

    def read(path: str) -> str:
        assert path == SETTINGS
        if isinstance(text, Exception):
            raise text
        return text

    return find_key(section or SmitherySection(), HOME | env, lambda _: None, read, "linux")


@pytest.mark.parametrize(
    ("env", "platform", "path"),
    [
        (HOME, "linux", SETTINGS),
        (HOME, "darwin", "/home/me/Library/Application Support/smithery/settings.json"),
        ({"APPDATA": "C:/Users/me/AppData"}, "win32", "C:/Users/me/AppData/smithery/settings.json"),
        (HOME | {"SMITHERY_CONFIG_PATH": "/elsewhere"}, "darwin", "/elsewhere/settings.json"),
        ({}, "linux", None),
        (HOME, "win32", None),
    ],
)
def test_the_settings_lie_where_smitherys_own_command_line_keeps_them(
    env: dict[str, str], platform: str, path: str | None
) -> None:
    assert settings_path(env, platform) == path


def test_the_settings_are_the_last_resort() -> None:
    text = json.dumps({"apiKey": "sk-settings", "userId": "u1"})
    key = found(text)
    assert (key.value, key.origin, key.trouble) == ("sk-settings", f"apiKey in {SETTINGS}", "")
    assert found(text, SMITHERY_API_KEY="sk-env").value == "sk-env"
    assert found(text, SmitherySection(api_key="sk-file")).origin == "api_key in [smithery]"
    assert find_key(SmitherySection(), HOME, lambda _: "sk-cred", None, "linux").origin.startswith("the systemd")


def test_without_smithery_nobody_looks_into_its_settings() -> None:
    assert found('{"apiKey": "k"}', SmitherySection(enabled=False)) == FoundKey()


@pytest.mark.parametrize(
    "text", ['{"userId": "u1"}', '{"apiKey": ""}', "[]", "5", FileNotFoundError(2, "gone"), NotADirectoryError(20, "x")]
)
def test_no_settings_or_none_with_a_key_are_nothing_to_speak_of(text: str | Exception) -> None:
    assert found(text) == FoundKey()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{broken", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "is not JSON"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied"),
        ('{"apiKey": 5}', "not one word"),
        ('{"apiKey": "two words"}', "not one word"),
        ('{"apiKey": "k\\r\\nx-evil: 1"}', "not one word"),
    ],
)
def test_broken_settings_are_a_warning_and_never_fatal(text: str | Exception, words: str) -> None:
    key = found(text)
    assert key.value == ""
    assert words in key.trouble
    assert "k\r" not in key.trouble


def test_a_key_does_not_show_in_its_text() -> None:
    assert "sk-secret" not in repr(found('{"apiKey": "sk-secret"}'))
