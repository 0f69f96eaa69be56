"""Filling in a manifest's placeholders."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InstallError
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.bundles.substitution import bundle_variables, fill, fill_args, fill_options, flattened
from gateway.install.planning.settings import SettingsError

VARIABLES = bundle_variables("/c/files", "/d/notes")


def manifest(*options: Option) -> Manifest:
    return Manifest("notes", "1.0.0", "node", "index.js", "node", options={option.key: option for option in options})


def test_given_secret_default_and_absent_options_are_told_apart() -> None:
    found = fill_options(
        manifest(Option("a"), Option("b", sensitive=True), Option("c", default="x"), Option("d")), {"a": "1"}, ["b"]
    )
    assert found == {"a": "1", "b": "${secret:b}", "c": "x"}


def test_missing_required_options_are_named_by_title_all_at_once() -> None:
    with pytest.raises(SettingsError, match=r"'The key' \(k\) is required; 'n' is required") as caught:
        fill_options(
            manifest(Option("k", title="The key", required=True, sensitive=True), Option("n", required=True)), {}, []
        )
    assert (caught.value.missing, caught.value.missing_secrets) == (("n",), ("k",))


@pytest.mark.parametrize(
    ("option", "given", "filled"),
    [
        (Option("x", "number"), "3", 3),
        (Option("x", "boolean"), "true", True),
        (Option("x", "directory", multiple=True), "/a,/b", ["/a", "/b"]),
        (Option("x", "directory", multiple=True), ["/a", "/b"], ["/a", "/b"]),
        (Option("x", "string"), 5, "5"),
    ],
)
def test_values_are_read_as_the_options_type(option: Option, given: object, filled: object) -> None:
    assert fill_options(manifest(option), {"x": given}, []) == {"x": filled}


@pytest.mark.parametrize(
    ("option", "given"),
    [
        (Option("x", "number"), "many"),
        (Option("x", "number", minimum=1, maximum=3), 4),
        (Option("x", "boolean"), "perhaps"),
        (Option("x", "string"), ["a"]),
        (Option("x", "string"), "a\0b"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(option: Option, given: object) -> None:
    with pytest.raises(SettingsError, match="'x' must"):
        fill_options(manifest(option), {"x": given}, [])


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean 'folder'"):
        fill_options(manifest(Option("folder")), {"foldr": "x"}, [])


def test_nested_values_are_the_dotted_options() -> None:
    assert flattened({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}


def test_a_list_becomes_several_arguments_and_an_absent_option_none() -> None:
    args = ["${__dirname}/i.js", "--flag", "${user_config.dirs}", "${user_config.none}", "x=${user_config.n}"]
    filled = fill_args(args, {"dirs": ["/a", "/b"], "n": True}, VARIABLES)
    assert filled == ["/c/files/i.js", "--flag", "/a", "/b", "x=true"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${HOME}/x", "/d/notes/x"),
        ("${DOCUMENTS}", "/d/notes/Documents"),
        ("${/}${pathSeparator}", "//"),
        ("${user_config.key}", "${secret:key}"),
        ("${user_config.folder}", "/d/notes/deep"),
        ("$HOME ${", "$HOME ${"),
    ],
)
def test_placeholders_are_filled(text: str, filled: str) -> None:
    options: dict[str, Any] = {"key": "${secret:key}", "folder": "${HOME}/deep"}
    assert fill(text, options, VARIABLES) == filled


def test_an_unknown_placeholder_is_an_error_and_never_handed_on() -> None:
    with pytest.raises(InstallError, match="nobody defines"):
        fill("${PWD}", {}, VARIABLES)
