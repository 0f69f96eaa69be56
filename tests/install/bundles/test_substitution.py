"""Filling in a manifest's placeholders."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InstallError
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.bundles.substitution import (
    Values,
    bundle_variables,
    fill,
    fill_args,
    fill_options,
    fill_or_drop,
    flattened,
)
from gateway.install.planning.settings import SettingsError

VARIABLES = bundle_variables("/c/files", "/d/notes")


def fill_in(found: Manifest, given: dict[str, Any], secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    return fill_options(found, given, secrets, VARIABLES)


def manifest(*options: Option) -> Manifest:
    return Manifest("notes", "1.0.0", "node", "index.js", "node", options={option.key: option for option in options})


def test_given_secret_default_and_absent_options_are_told_apart() -> None:
    found = fill_in(
        manifest(Option("a"), Option("b", sensitive=True), Option("c", default="x"), Option("d")), {"a": "1"}, ("b",)
    )
    assert found == {"a": "1", "b": "${secret:b}", "c": "x"}


def test_missing_required_options_are_named_by_title_all_at_once() -> None:
    with pytest.raises(SettingsError, match=r"'The key' \(k\) is required; 'n' is required") as caught:
        fill_in(manifest(Option("k", title="The key", required=True, sensitive=True), Option("n", required=True)), {})
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
    assert fill_in(manifest(option), {"x": given}) == {"x": filled}


@pytest.mark.parametrize(
    ("option", "given"),
    [
        (Option("x", "number"), "many"),
        (Option("x", "number", minimum=1, maximum=3), 4),
        (Option("x", "number", minimum=1, maximum=3), 0.5),
        (Option("x", "number"), True),
        (Option("x", "number"), ""),
        (Option("x", minimum=3), "ab"),
        (Option("x", maximum=3), "abcd"),
        (Option("x", "number", default="many"), "still many"),
        (Option("x", "boolean"), "perhaps"),
        (Option("x", "string"), ["a"]),
        (Option("x", "string"), "a\0b"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(option: Option, given: object) -> None:
    with pytest.raises(SettingsError, match="'x' must"):
        fill_in(manifest(option), {"x": given})


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean 'folder'"):
        fill_in(manifest(Option("folder")), {"foldr": "x"})


def test_nested_values_are_the_dotted_options() -> None:
    assert flattened({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}


@pytest.mark.parametrize("empty", ["", [], [""]])
def test_an_empty_value_does_not_do_where_one_is_required(empty: object) -> None:
    with pytest.raises(SettingsError, match="'Where' \\(x\\) is required"):
        fill_in(manifest(Option("x", title="Where", required=True, multiple=True)), {"x": empty})
    with pytest.raises(SettingsError, match="'Where' \\(x\\) is required"):
        fill_in(manifest(Option("x", title="Where", required=True, default=empty)), {})


def test_an_empty_default_is_a_value_where_none_is_required() -> None:
    assert fill_in(manifest(Option("x", default="")), {}) == {"x": ""}


def test_defaults_are_read_as_their_type_and_may_name_folders() -> None:
    options = (
        Option("dirs", "directory", multiple=True, default=["${HOME}/a", "${DOCUMENTS}"]),
        Option("one", "directory", default="${DESKTOP}${/}b"),
        Option("n", "number", default=30),
        Option("flag", "boolean", default=True),
    )
    assert fill_in(manifest(*options), {}) == {
        "dirs": ["/d/notes/a", "/d/notes/Documents"], "one": "/d/notes/Desktop/b", "n": 30, "flag": True,
    }  # fmt: skip


@pytest.mark.parametrize("default", ["${PWD}", "${secret:other}", "${user_config.x}", ["${OOPS}"]])
def test_a_default_that_names_what_nobody_defines_is_an_error(default: object) -> None:
    with pytest.raises(InstallError, match="manifest uses") as caught:
        fill_in(manifest(Option("d", multiple=True, default=default)), {})
    assert caught.value.fix


def test_what_a_person_gives_is_taken_as_it_is_written() -> None:
    values = Values(VARIABLES, fill_in(manifest(Option("x")), {"x": "${HOME} ${PWD}"}))
    assert fill("${user_config.x}", values) == "${HOME} ${PWD}"


def test_a_list_becomes_several_arguments_and_what_names_an_unset_option_is_left_out() -> None:
    args = ["${__dirname}/i.js", "--flag", "${user_config.dirs}", "${user_config.none}", "x=${user_config.n}"]
    args.append("y=${user_config.none}")
    values = Values(VARIABLES, {"dirs": ["/a", "/b"], "n": True}, ("none",))
    assert fill_args(args, values) == ["/c/files/i.js", "--flag", "/a", "/b", "x=true"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${HOME}/x", "/d/notes/x"),
        ("${DOCUMENTS}", "/d/notes/Documents"),
        ("${DOWNLOADS}${DESKTOP}", "/d/notes/Downloads/d/notes/Desktop"),
        ("${/}${pathSeparator}", "//"),
        ("${user_config.key}", "${secret:key}"),
        ("${user_config.a.b}", "2.5"),
        ("${user_config.list} ${user_config.flag}", "x,y false"),
        ("$HOME ${", "$HOME ${"),
    ],
)
def test_placeholders_are_filled(text: str, filled: str) -> None:
    options: dict[str, Any] = {"key": "${secret:key}", "a.b": 2.5, "list": ["x", "y"], "flag": False}
    assert fill(text, Values(VARIABLES, options)) == filled


def test_a_text_that_names_an_unset_option_is_dropped() -> None:
    assert fill_or_drop("Bearer ${user_config.token}", Values(VARIABLES, {}, ("token",))) is None


@pytest.mark.parametrize("text", ["${PWD}", "${user_config.nobody}", "${secret:x}", "${}", "${user_config.}"])
def test_an_unknown_placeholder_is_an_error_and_never_handed_on(text: str) -> None:
    values = Values(VARIABLES, {"known": "1"}, ("known",))
    with pytest.raises(InstallError, match="manifest uses") as caught:
        fill(text, values)
    assert caught.value.fix
    with pytest.raises(InstallError, match="manifest uses"):
        fill_args([text], values)
