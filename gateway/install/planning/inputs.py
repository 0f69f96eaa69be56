"""The inputs that a registry says a package or a remote server wants, matched with what a person gave. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from gateway.install.planning.environment import why_variable_denied
from gateway.install.planning.settings import Problems, Settings, as_text, coerce, secret_reference
from gateway.listing import InputSpec

_VARIABLE = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_FORMATS = {"number": "number", "boolean": "boolean"}


class Inputs:
    """Looks up values and remembers which keys were used; what stays unused was a mistake."""

    def __init__(self, settings: Settings, secrets: Collection[str], problems: Problems) -> None:
        self._settings = settings
        self._secrets = secrets
        self._problems = problems
        self._known: set[str] = set()

    def value(self, spec: InputSpec, *, quote: Callable[[str], str] = str) -> str | None:
        """Return the text of one input, `${secret:KEY}` for a secret, or None when it is optional and not given.

        `quote` is applied to what a person gave where it is put into a template.
        """
        key = key_of(spec)
        if spec.value is not None:
            # Fixed by the publisher: never the person's to change, only its variables are.
            return self._filled(spec.value, spec.variables, quote)
        self._known.add(key)
        if key in self._secrets:
            return secret_reference(key)
        if key in self._settings:
            return self._checked(spec, key, self._settings[key])
        if spec.default is not None:
            return self._filled(spec.default, spec.variables, quote)
        if spec.required:
            self._problems.missing(key, spec.description[:80], secret=spec.secret)
        return None

    def fill(self, template: str, variables: Iterable[InputSpec], quote: Callable[[str], str] = str) -> str:
        """Replace `{name}` by the variable of that name; unknown names stay as they are."""
        return self._filled(template, tuple(variables), quote)

    def report_unused(self) -> None:
        """Tell about keys that nobody asked for."""
        given = [*self._settings, *self._secrets]
        self._problems.unknown([key for key in given if key not in self._known], self._known)

    def _filled(self, template: str, variables: tuple[InputSpec, ...], quote: Callable[[str], str]) -> str:
        values: dict[str, str] = {}
        for variable in variables:
            found = self.value(variable, quote=quote)
            if found is not None:
                values[variable.name] = found if key_of(variable) in self._secrets else quote(found)
        return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), template)

    def _checked(self, spec: InputSpec, key: str, given: Any) -> str:
        text = as_text(given)
        if spec.choices and text not in spec.choices:
            self._problems.add(f"{key!r} must be one of {', '.join(spec.choices)}"[:200])
        kind = _FORMATS.get(spec.format)
        if kind is not None and isinstance(coerce(text, kind), str):
            self._problems.add(f"{key!r} must be a {kind}")
        if any(ord(char) < 32 and char != "\t" for char in text):
            self._problems.add(f"{key!r} contains control characters")
        return text


def key_of(spec: InputSpec) -> str:
    """The key by which a person gives this input: its name without leading dashes."""
    return spec.name.lstrip("-")


def environment_of(inputs: Inputs, specs: Iterable[InputSpec], problems: Problems, *, trusted: bool) -> dict[str, str]:
    """Return the environment variables of a package; `trusted` lets our own catalogue set any."""
    found: dict[str, str] = {}
    for spec in specs:
        why = None if trusted else why_variable_denied(spec.name)
        value = inputs.value(spec)
        if value is None:
            continue
        if why is not None:
            problems.add(f"the listing sets the variable {spec.name[:40]!a}, which is refused: {why}")
        found[spec.name] = value
    return found


def arguments_of(inputs: Inputs, specs: Iterable[InputSpec], settings: Settings, problems: Problems) -> list[str]:
    """Return the command line arguments of a package, in the listing's order."""
    arguments: list[str] = []
    for spec in specs:
        if spec.secret or any(variable.secret for variable in spec.variables):
            problems.add(f"it wants the secret {key_of(spec)!r} on its command line, where every process could read it")
            continue
        for value in _values(inputs, spec, settings):
            arguments += _rendered(spec, value, problems)
    return arguments


def _values(inputs: Inputs, spec: InputSpec, settings: Settings) -> list[str]:
    given = settings.get(key_of(spec))
    if spec.repeated and spec.value is None and isinstance(given, (list, tuple)):
        inputs.value(spec)  # marks the key as known and checks the characters
        return [as_text(item) for item in given]
    value = inputs.value(spec)
    return [] if value is None else [value]


def _rendered(spec: InputSpec, value: str, problems: Problems) -> list[str]:
    if spec.kind != "named":
        if value.startswith("-") and spec.value is None:
            problems.add(f"{key_of(spec)!r} must not start with '-', or it would be read as an option")
        return [value]
    if spec.format == "boolean":
        return [spec.name] if value.lower() == "true" else []
    if value == "" and spec.value is not None:
        return [spec.name]
    return [f"{spec.name}={value}"] if value.startswith("-") else [spec.name, value]


_DANGEROUS = {
    "-e", "--eval", "-p", "--print", "-r", "--require", "--import", "--loader", "--experimental-loader", "-c", "--call",
    "--node-options", "--node-arg", "--registry", "--index-url", "--index", "--default-index", "--extra-index-url",
    "--find-links", "--with", "--with-editable", "--from", "--package", "--script-shell", "--userconfig", "--prefix",
    "--inspect", "--inspect-brk", "--env-file",
}  # fmt: skip
_HARMLESS = {"-y", "--yes", "-q", "--quiet", "--"}


def why_runtime_argument_refused(spec: InputSpec) -> str | None:
    """Say why an argument for npx, uvx or node is refused; None for the harmless ones, which are not needed here.

    We start what was installed by its path, so every argument for the launcher is either superfluous or an attempt.
    """
    word = (spec.name if spec.kind == "named" else (spec.value or spec.default or "")).split("=", 1)[0]
    if word in _HARMLESS:
        return None
    if word in _DANGEROUS:
        return f"{word} would run or fetch something else than the package"
    return f"the launcher argument {word[:40]!a} is not supported"


def secret_names(specs: Iterable[InputSpec]) -> set[str]:
    """The keys of all secret inputs, variables included."""
    found: set[str] = set()
    for spec in specs:
        if spec.secret and spec.value is None:
            found.add(key_of(spec))
        found |= secret_names(spec.variables)
        if spec.secret:
            # "Bearer {token}" is secret as a whole, so its variables are.
            found |= {key_of(variable) for variable in spec.variables}
    return found


def split_secrets(settings: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Part settings from values that must go to the secret store."""
    plain = {key: value for key, value in settings.items() if key not in names}
    return plain, {key: as_text(value) for key, value in settings.items() if key in names}
