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
from gateway.install.planning.settings import Problems, SettingsError
from gateway.listing import InputSpec


def environment(specs: list[InputSpec], settings: dict[str, Any], *secrets: str) -> dict[str, str]:
    problems = Problems()
    inputs = Inputs(settings, secrets, problems)
    found = environment_of(inputs, specs, problems, trusted=False)
    inputs.report_unused()
    problems.raise_if_any("thing")
    return found


def arguments(specs: list[InputSpec], settings: dict[str, Any]) -> list[str]:
    problems = Problems()
    inputs = Inputs(settings, (), problems)
    found = arguments_of(inputs, specs, settings, problems)
    inputs.report_unused()
    problems.raise_if_any("thing")
    return found


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


@pytest.mark.parametrize(
    ("spec", "settings", "says"),
    [
        (InputSpec("A", required=True, description="The A"), {}, "'The A'"),
        (InputSpec("A", choices=("x", "y")), {"A": "z"}, "one of x, y"),
        (InputSpec("A", format="number"), {"A": "z"}, "must be a number"),
        (InputSpec("A", format="boolean"), {"A": "z"}, "must be a boolean"),
        (InputSpec("A"), {"A": "x\ny"}, "control characters"),
        (InputSpec("A"), {"B": "x"}, "'B' is not asked for"),
        (InputSpec("A", value="fixed"), {"A": "mine"}, "'A' is not asked for"),
        (InputSpec("LD_PRELOAD", value="/evil.so"), {}, "refused"),
        (InputSpec("NODE_OPTIONS", default="--require x"), {}, "refused"),
        (InputSpec("PATH"), {"PATH": "/x"}, "refused"),
    ],
)
def test_what_is_wrong_is_named(spec: InputSpec, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        environment([spec], settings)


def test_arguments_are_rendered_in_the_listings_order() -> None:
    specs = [
        InputSpec("--units", kind="named", default="si"),
        InputSpec("city", kind="positional", required=True),
        InputSpec("--verbose", kind="named", format="boolean", default="true"),
        InputSpec("--quiet", kind="named", format="boolean", default="false"),
        InputSpec("--off", kind="named"),
        InputSpec("--offset", kind="named"),
        InputSpec("start", kind="positional", value="start"),
    ]
    assert arguments(specs, {"city": "Rome", "offset": "-3"}) == [
        "--units", "si", "Rome", "--verbose", "--offset=-3", "start",
    ]  # fmt: skip


def test_a_repeated_argument_takes_a_list() -> None:
    spec = InputSpec("folder", kind="positional", repeated=True)
    assert arguments([spec], {"folder": ["/a", "/b"]}) == ["/a", "/b"]


@pytest.mark.parametrize("given", ["-e", "--eval=x", ["/a", "-e"]])
def test_a_value_cannot_smuggle_in_an_option(given: object) -> None:
    with pytest.raises(SettingsError, match="must not start with '-'"):
        arguments([InputSpec("city", kind="positional", repeated=True)], {"city": given})


@pytest.mark.parametrize(
    "spec",
    [
        InputSpec("--key", kind="named", secret=True),
        InputSpec("url", kind="positional", value="x{k}", variables=(InputSpec("k", secret=True),)),
    ],
)
def test_secrets_are_not_put_on_command_lines(spec: InputSpec) -> None:
    with pytest.raises(SettingsError, match="where every process could read it"):
        arguments([spec], {})


@pytest.mark.parametrize(
    "word",
    ["-e", "--eval", "--require", "-r", "-c", "--node-options=x", "--registry", "--index-url", "--with", "other"],
)
def test_arguments_for_the_launcher_are_refused(word: str) -> None:
    assert why_runtime_argument_refused(InputSpec(word, kind="named"))
    assert why_runtime_argument_refused(InputSpec("x", kind="positional", value=word))


def test_the_launchers_yes_is_superfluous_and_harmless() -> None:
    assert why_runtime_argument_refused(InputSpec("-y", kind="named")) is None


def test_secret_inputs_are_found_inside_templates_too() -> None:
    header = InputSpec("Authorization", value="Bearer {token}", secret=True, variables=(InputSpec("token"),))
    assert secret_names([header, InputSpec("A"), InputSpec("B", secret=True)]) == {"token", "B"}


def test_secret_values_are_parted_from_settings() -> None:
    assert split_secrets({"a": 1, "k": True}, {"k"}) == ({"a": 1}, {"k": "true"})
