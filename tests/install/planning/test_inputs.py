"""A registry's inputs and a person's values."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.planning.inputs import (
    Inputs,
    arguments_of,
    environment_of,
    secret_names,
    split_secrets,
    why_runtime_argument_refused,
)
from gateway.install.planning.settings import Placeholder, Problems, SettingsError
from gateway.listing import InputSpec


def environment(specs: list[InputSpec], settings: dict[str, Any], *secrets: str) -> dict[str, str]:
    """What the package finds in its environment, or all that is wrong."""
    problems = Problems()
    inputs = Inputs(settings, secrets, problems)
    found = environment_of(inputs, specs, problems, trusted=False)
    inputs.report_unused()
    problems.raise_if_any("thing")
    return found


def arguments(
    specs: list[InputSpec], settings: dict[str, Any], *secrets: str, env: tuple[InputSpec, ...] = ()
) -> list[str]:
    """What the package finds on its command line, or all that is wrong."""
    problems = Problems()
    inputs = Inputs(settings, secrets, problems)
    environment_of(inputs, env, problems, trusted=False)
    found = arguments_of(inputs, specs, problems, env)
    inputs.report_unused()
    problems.raise_if_any("thing")
    return found


def named(name: str, **more: Any) -> InputSpec:
    return InputSpec(name, kind="named", **more)


def positional(name: str, **more: Any) -> InputSpec:
    return InputSpec(name, kind="positional", **more)


def test_fixed_given_secret_default_and_absent_variables() -> None:
    specs = [
        InputSpec("FIXED", value="f"),
        InputSpec("GIVEN"),
        InputSpec("KEY", secret=True, required=True),
        InputSpec("DEF", default="d"),
        InputSpec("NONE"),
    ]
    assert environment(specs, {"GIVEN": 1}, "KEY") == {"FIXED": "f", "GIVEN": "1", "KEY": "${secret:KEY}", "DEF": "d"}


def test_variables_are_put_into_templates_and_unknown_names_stay() -> None:
    spec = InputSpec("URL", value="https://{host}/{other}", variables=(InputSpec("host", required=True),))
    assert environment([spec], {"host": "h"}) == {"URL": "https://h/{other}"}


HOST, PORT, TOKEN = InputSpec("host", required=True), InputSpec("port", default="80"), InputSpec("token", secret=True)


@pytest.mark.parametrize(
    ("spec", "settings", "secrets", "found"),
    [
        # an optional input is used when somebody gives one of its variables, and left out otherwise
        (InputSpec("A", value="{host}:{port}", variables=(HOST, PORT)), {}, (), None),
        (InputSpec("A", value="{host}:{port}", variables=(HOST, PORT)), {"host": "h"}, (), "h:80"),
        (InputSpec("A", value="{host}:{port}", variables=(HOST, PORT)), {"host": "h", "port": 9}, (), "h:9"),
        (InputSpec("A", value="p{port}", variables=(PORT,)), {}, (), "p80"),
        (InputSpec("A", value="p{port}", variables=(PORT,)), {"port": 9}, (), "p9"),
        # a variable may be fixed, or secret
        (InputSpec("A", value="{v}!", variables=(InputSpec("v", value="fixed"),)), {}, (), "fixed!"),
        (InputSpec("A", value="Bearer {token}", variables=(TOKEN,)), {}, (), None),
        (InputSpec("A", value="Bearer {token}", variables=(TOKEN,)), {}, ("token",), "Bearer ${secret:token}"),
        # a variable that the template does not name asks for nothing
        (InputSpec("A", value="plain", variables=(HOST,), required=True), {}, (), "plain"),
        (InputSpec("A", value="plain", variables=(HOST,)), {"host": "h"}, (), "plain"),
        # a default may be a template; what a person gives is no template
        (InputSpec("A", default="{host}/x", variables=(HOST,)), {}, (), None),
        (InputSpec("A", default="{host}/x", variables=(HOST,)), {"host": "h"}, (), "h/x"),
        (InputSpec("A", default="{host}/x", variables=(HOST,)), {"A": "{host}/y"}, (), "{host}/y"),
        # formats and choices of variables
        (InputSpec("A", value="{v}", variables=(InputSpec("v", format="boolean"),)), {"v": "YES"}, (), "true"),
        (InputSpec("A", value="{v}", variables=(InputSpec("v", choices=("1", "2")),)), {"v": 2}, (), "2"),
    ],
)
def test_templates_are_filled_whole_or_not_at_all(
    spec: InputSpec, settings: dict[str, Any], secrets: tuple[str, ...], found: str | None
) -> None:
    assert environment([spec], settings, *secrets).get("A") == found


@pytest.mark.parametrize(
    ("spec", "settings", "missing", "secret"),
    [
        (InputSpec("A", value="{host}", variables=(HOST,), required=True), {}, ("host",), ()),
        # an input that is used needs all that its template names, whatever the variable says of itself
        (InputSpec("A", value="{a}{b}", variables=(InputSpec("a"), InputSpec("b"))), {"a": "1"}, ("b",), ()),
        (InputSpec("A", value="{a}", variables=(InputSpec("a"),), required=True), {}, ("a",), ()),
        (InputSpec("A", value="x{token}", variables=(TOKEN,), required=True), {}, (), ("token",)),
        # what stands in a secret is secret
        (InputSpec("A", value="x{a}", variables=(InputSpec("a"),), required=True, secret=True), {}, (), ("a",)),
        (InputSpec("A", required=True), {}, ("A",), ()),
        (InputSpec("A", required=True, secret=True), {}, (), ("A",)),
    ],
)
def test_what_is_missing_is_named_by_its_key(
    spec: InputSpec, settings: dict[str, Any], missing: tuple[str, ...], secret: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as caught:
        environment([spec], settings)
    assert (caught.value.missing, caught.value.missing_secrets) == (missing, secret)


def test_a_variable_in_two_places_is_missed_once() -> None:
    specs = [InputSpec(name, value="{host}", variables=(HOST,), required=True) for name in ("A", "B")]
    with pytest.raises(SettingsError) as caught:
        environment(specs, {})
    assert caught.value.missing == ("host",)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (InputSpec("A", required=True, description="The A"), r"'The A' \(A\) is required"),
        (InputSpec("A", required=True, description="The A", placeholder="abc"), r"The A \(for example abc\)"),
        (InputSpec("A", required=True, choices=("x", "y")), "one of x, y"),
        (InputSpec("A", required=True, description="Home", format="filepath"), r"Home \(an absolute path\)"),
        (InputSpec("A", required=True, format="number"), "a number"),
        (InputSpec("A", required=True), "'A' is required"),
    ],
)
def test_a_missing_value_is_asked_for_in_the_publishers_words(spec: InputSpec, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        environment([spec], {})


@pytest.mark.parametrize(
    ("spec", "settings", "says"),
    [
        (InputSpec("A", choices=("x", "y")), {"A": "z"}, "one of x, y"),
        (InputSpec("A", format="number"), {"A": "z"}, "must be a number"),
        (InputSpec("A", format="number"), {"A": True}, "must be a number"),
        (InputSpec("A", format="boolean"), {"A": "z"}, "must be true or false"),
        (InputSpec("A", format="filepath"), {"A": "notes.txt"}, "must be an absolute path"),
        (InputSpec("A", format="filepath"), {"A": "~/notes.txt"}, "must be an absolute path"),
        (InputSpec("A"), {"A": "x\ny"}, "control characters"),
        (InputSpec("A"), {"A": "x\x7f"}, "control characters"),
        (InputSpec("A"), {"B": "x"}, "'B' is not asked for"),
        (InputSpec("A", value="fixed"), {"A": "mine"}, "'A' is not asked for"),
        (InputSpec("A", value="x{v}", variables=(InputSpec("v", format="number"),)), {"v": "z"}, "must be a number"),
        (InputSpec("A", value="x${secret:OTHER}"), {}, "own text for 'A' cannot be used"),
        (InputSpec("A", default="x\x00y"), {}, "own text for 'A' cannot be used"),
        (InputSpec("LD_PRELOAD", value="/evil.so"), {}, "refused"),
        (InputSpec("NODE_OPTIONS", default="--require x"), {}, "refused"),
        (InputSpec("PATH"), {"PATH": "/x"}, "refused"),
    ],
)
def test_what_is_wrong_is_named(spec: InputSpec, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        environment([spec], settings)


@pytest.mark.parametrize(
    ("kind", "given", "found"),
    [
        ("number", 5, "5"),
        ("number", "-2.50", "-2.50"),
        ("boolean", True, "true"),
        ("boolean", "No", "false"),
        ("boolean", "1", "true"),
        ("filepath", "/a b/c", "/a b/c"),
        ("string", "anything", "anything"),
        ("string", ["a", "b"], "a,b"),
    ],
)
def test_values_are_spelled_as_their_format_has_it(kind: str, given: object, found: str) -> None:
    assert environment([InputSpec("A", format=kind)], {"A": given}) == {"A": found}


def test_what_nobody_gave_yet_may_be_shown_unchecked() -> None:
    spec = InputSpec("A", format="number", choices=("1",))
    assert environment([spec], {"A": Placeholder("<A>")}) == {"A": "<A>"}


@pytest.mark.parametrize(
    ("spec", "settings", "found"),
    [
        (positional("city"), {}, []),
        (positional("city"), {"city": "Rome"}, ["Rome"]),
        (positional("city", default="Oslo"), {}, ["Oslo"]),
        (positional("city", value="start"), {}, ["start"]),
        (positional("city", value="--stdio"), {}, ["--stdio"]),
        (positional("city", default="--stdio"), {}, ["--stdio"]),
        (positional("folder", repeated=True), {"folder": ["/a", "/b"]}, ["/a", "/b"]),
        (positional("folder", repeated=True), {"folder": "/a"}, ["/a"]),
        (positional("folder", repeated=True), {"folder": []}, []),
        (positional("x", value="{a}/{b}", variables=(InputSpec("a"), InputSpec("b"))), {"a": "1", "b": "2"}, ["1/2"]),
        (positional("x", value="{a}", variables=(InputSpec("a"),)), {}, []),
        (named("--off"), {}, []),
        (named("--units", default="si"), {}, ["--units", "si"]),
        (named("--units", default="si"), {"units": "us"}, ["--units", "us"]),
        (named("--units", value="si"), {}, ["--units", "si"]),
        (named("--switch", value=""), {}, ["--switch"]),
        (named("--switch"), {"switch": ""}, ["--switch="]),
        (named("--offset"), {"offset": -3}, ["--offset=-3"]),
        (named("--units="), {"units": "us"}, ["--units=us"]),
        (named("-p", format="number"), {"p": "80"}, ["-p", "80"]),
        (named("--verbose", format="boolean", default="true"), {}, ["--verbose"]),
        (named("--verbose", format="boolean", default="true"), {"verbose": False}, []),
        (named("--verbose", format="boolean"), {"verbose": "yes"}, ["--verbose"]),
        (named("--verbose", format="boolean"), {}, []),
        (named("--folder", repeated=True), {"folder": ["/a", "/b"]}, ["--folder", "/a", "--folder", "/b"]),
        (named("--url", value="http://{h}/", variables=(InputSpec("h"),)), {"h": "x"}, ["--url", "http://x/"]),
        (named("--url", value="http://{h}/", variables=(InputSpec("h", required=True),)), {}, []),
    ],
)
def test_every_kind_of_argument_is_rendered(spec: InputSpec, settings: dict[str, Any], found: list[str]) -> None:
    assert arguments([spec], settings) == found


def test_arguments_keep_the_listings_order() -> None:
    specs = [named("--units", default="si"), positional("city", required=True), positional("start", value="start")]
    assert arguments(specs, {"city": "Rome"}) == ["--units", "si", "Rome", "start"]


@pytest.mark.parametrize(
    ("spec", "settings", "says"),
    [
        (positional("city"), {"city": "-e"}, "must not start with '-'"),
        (positional("city"), {"city": "--eval=x"}, "must not start with '-'"),
        (positional("city", repeated=True), {"city": ["/a", "-e"]}, "must not start with '-'"),
        (positional("city", default="--stdio"), {"city": "-e"}, "must not start with '-'"),
        (positional("x", value="{a}", variables=(InputSpec("a"),)), {"a": "-e"}, "must not start with '-'"),
        (positional("city"), {"city": ["a", "b"]}, "'city' takes one value, not 2"),
        (named("--units"), {"units": ["a", "b"]}, "'units' takes one value"),
        (positional("n", repeated=True, format="number"), {"n": [1, "x"]}, "'n' must be a number"),
        (positional("n", repeated=True, choices=("a", "b")), {"n": ["a", "c"]}, "'n' must be one of a, b"),
        (positional("f", repeated=True, format="filepath"), {"f": ["/a", "b"]}, "absolute path"),
    ],
)
def test_values_that_would_be_read_as_something_else_are_refused(
    spec: InputSpec, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        arguments([spec], settings)


SECRET_URL = positional("url", value="x{k}", variables=(InputSpec("k", secret=True),), required=True)


@pytest.mark.parametrize(
    ("spec", "secrets"),
    [
        (named("--key", secret=True), ("key",)),
        (named("--key", secret=True, required=True), ()),
        (SECRET_URL, ()),
        (SECRET_URL, ("k",)),
        (positional("url", value="x{k}", variables=(InputSpec("k", secret=True),)), ("k",)),
        (named("--k", secret=True, default="{k2}", variables=(InputSpec("k2"),), required=True), ()),
    ],
)
def test_secrets_are_not_put_on_command_lines(spec: InputSpec, secrets: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="where every process could read it"):
        arguments([spec], {}, *secrets)


def test_an_optional_secret_argument_that_nobody_gives_stands_in_nobodys_way() -> None:
    optional = positional("url", value="x{k}", variables=(InputSpec("k", secret=True),))
    assert arguments([named("--key", secret=True), optional, named("--demo", secret=True, default="public")], {}) == [
        "--demo", "public",
    ]  # fmt: skip


KEY_VARIABLE = InputSpec("ACME_API_KEY", "The key", secret=True)


def test_a_secret_that_the_environment_takes_as_well_is_asked_for_there() -> None:
    spec = named("--api-key", secret=True, required=True)
    assert arguments([spec], {}, "ACME_API_KEY", env=(KEY_VARIABLE,)) == []
    with pytest.raises(SettingsError) as caught:
        arguments([spec], {}, env=(KEY_VARIABLE,))
    assert caught.value.missing_secrets == ("ACME_API_KEY",)


def test_a_secret_given_for_the_command_line_is_sent_to_the_environment() -> None:
    with pytest.raises(SettingsError, match="give it as ACME_API_KEY instead"):
        arguments([named("--api-key", secret=True)], {}, "api-key", env=(KEY_VARIABLE,))


def test_two_variables_that_might_take_a_secret_are_not_guessed_between() -> None:
    other = InputSpec("OTHER_API_KEY", secret=True)
    with pytest.raises(SettingsError, match="where every process could read it"):
        arguments([named("--api-key", secret=True, required=True)], {}, env=(KEY_VARIABLE, other))


@pytest.mark.parametrize(
    "word",
    ["-e", "--eval", "--require", "-r", "-c", "--node-options=x", "--registry", "--index-url", "--with", "other"],
)
def test_arguments_for_the_launcher_are_refused(word: str) -> None:
    assert why_runtime_argument_refused(named(word))
    assert why_runtime_argument_refused(positional("x", value=word))


@pytest.mark.parametrize("word", ["-y", "--loglevel", "--quiet", "--no-cache"])
def test_what_only_the_launcher_would_hear_is_superfluous_and_harmless(word: str) -> None:
    assert why_runtime_argument_refused(named(word)) is None


def test_secret_inputs_are_found_inside_templates_too() -> None:
    header = InputSpec("Authorization", value="Bearer {token}", secret=True, variables=(InputSpec("token"),))
    assert secret_names([header, InputSpec("A"), InputSpec("B", secret=True)]) == {"token", "B"}


def test_secret_values_are_parted_from_settings() -> None:
    assert split_secrets({"a": 1, "k": True}, {"k"}) == ({"a": 1}, {"k": "true"})
